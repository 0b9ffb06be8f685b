"""A workflow that is killed in its middle the first time, and goes on the second time."""

import os
import signal
from pathlib import Path

from woflo import task, workflow


@task
def reserve(item: str) -> str:
    print("reserve", item, flush=True)
    return f"{item} #17"


@task
def charge(reservation: str) -> float:
    print("charge for", reservation, flush=True)
    if not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 9.5


@workflow
def order(item: str) -> float:
    reservation = reserve(item).get_result()
    return charge(reservation).get_result()


print(order.with_options(key="order-1")("book").get_result())
