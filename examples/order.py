"""An order that is reserved, approved by a person, and paid. It is killed while it is paid, the first time.

python order.py                 tells what is to be approved, and waits
python order.py approve ID      from another terminal
python order.py                 goes on where it was killed
"""

import os
import signal
import sys
from pathlib import Path

from woflo import complete, current_run, manual, task, workflow


@task
def reserve(item: str) -> str:
    print("reserve", item, flush=True)
    return f"{item} #17"


@manual
def approve(reservation: str) -> bool: ...


@task
def tell(approval: str) -> None:
    print("waiting for: python order.py approve", approval, flush=True)


@task
def charge(reservation: str, price: float) -> float:
    print("charge for", reservation, flush=True)
    with current_run().transaction() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS ledger (reservation TEXT, price REAL)")
        connection.execute("INSERT INTO ledger VALUES (?, ?)", (reservation, price))
    if not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)  # the row above is not kept: it is written with the record of the step
    return price


@workflow
def order(item: str) -> float:
    reservation = reserve(item).get_result()
    approval = approve(reservation)
    tell(approval.id).get_result()
    if not approval.get_result():
        return 0.0
    return charge(reservation, 9.5).get_result()


if __name__ == "__main__":
    if sys.argv[1:2] == ["approve"]:
        complete(sys.argv[2], True)
    else:
        print(order.with_options(key="order-1")("book").get_result())
