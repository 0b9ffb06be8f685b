"""A workflow whose process is killed by SIGKILL at each of its writes: `python killed_writes.py STORE KIND`.

STORE is a URL in which `{}` stands for the number of the trial. Each trial has a process that is killed, and one that
calls the same by the same key. What was found is told as one JSON object for each trial.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from itertools import count
from pathlib import Path

import fleet

from woflo import current_run, send, sleep, task, use_store, wait_signal, workflow
from woflo.durable.engine import engine_of
from woflo.kernel.registry import load_store
from woflo.kernel.state import RunState
from woflo.stores.opening import open_store
from woflo.testing.crashing import CrashingStore

PATIENCE = 60
LOG = Path("executions")


@task
def step(number: int) -> int:
    with LOG.open("a") as file:
        file.write(f"{current_run().idempotency_key.partition(':')[2]}\n")
    if fleet.KIND in fleet.INSERT:
        with current_run().transaction() as connection:
            connection.execute(fleet.INSERT[fleet.KIND], (0, number))
    return number


@workflow
def below(number: int) -> int:
    sleep(0.02)
    return step(number).get_result()


@workflow
def plain() -> list[int]:
    first = step(1).get_result()
    beside = [step(2), step(3)]
    child = below(4)
    sleep(0.02)
    told = wait_signal("told")
    return [first, *(run.get_result() for run in beside), child.get_result(), told, step(5).get_result()]


@workflow
async def on_loop() -> list[int]:
    first = await step(1)
    beside = asyncio.gather(step(2), step(3), below(4))
    await sleep(0.02)
    told = await wait_signal("told")
    return [first, *await beside, told, await step(5)]


KINDS = {"plain": plain, "async": on_loop}
EXPECTED = [1, 2, 3, 4, 9, 5]


class KillingStore(CrashingStore):
    """Its process does not go on after that write."""

    def _check(self, operation):
        crash = super()._check(operation)
        if crash is not None and not self._kept:
            die()
        return crash

    def _apply_one(self, operation):
        if self.has_crashed.is_set():
            threading.Event().wait(60)  # another thread is about to end this process
        result = super()._apply_one(operation)
        return die() if self.has_crashed.is_set() else result

    def checked(self, transaction, operation):
        if self.has_crashed.is_set():  # who is about to end this process may be waiting for this transaction
            return super().checked(transaction, operation)
        try:
            return super().checked(transaction, operation)
        finally:
            if self.has_crashed.is_set():
                die()


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def called(store, kind):
    """What the workflow gives, in this process."""
    use_store(store)
    engine_of(store).hold = 0.0
    run = KINDS[kind].with_options(key="the one")()
    send(run.id, "told", 9, id="once")
    return run.get_result(PATIENCE)


def begin(url, kind, at, kept):
    called(KillingStore(open_store(url), at, kept=kept), kind)
    os._exit(0)


def go_on(url, kind):
    """What was recorded when it was killed, and what there is in the end."""
    store = open_store(url)
    recorded = [place(row) for row in steps(store)]
    executed = lines()
    result = called(store, kind)
    rows = [place(row) for row in steps(store)]
    effects = []
    if fleet.KIND in fleet.INSERT:
        with store.transaction() as transaction:
            effects = [row[0] for row in transaction.connection.execute("SELECT step FROM effects").fetchall()]
    left = [row.id for row in store.snapshot().runs if not row.is_terminal]
    return {
        "result": result,
        "recorded": recorded,
        "executed before": executed,
        "executed": lines(),
        "steps": rows,
        "effects": sorted(effects),
        "left": left,
    }


def steps(store):
    return [row for row in store.snapshot().runs if row.task == "step" and row.state is RunState.SUCCEEDED]


def place(row):
    return row.id.partition(":")[2]


def lines():
    return LOG.read_text().split() if LOG.exists() else []


def trial(url, kind, at, kept):
    """None where there are fewer writes."""
    LOG.unlink(missing_ok=True)
    fleet.asked(make, url)
    _, status = os.waitpid(fleet.forked(begin, url, kind, at, kept), 0)
    if status == 0:
        return None
    assert os.WIFSIGNALED(status), status
    return {"at": at, "kept": kept, **fleet.asked(go_on, url, kind)}


def make(url):
    open_store(url).close()
    fleet.make_table(url)
    return True


def main(url, kind):
    fleet.KIND = url.partition(":")[0]
    load_store(fleet.KIND)
    numbers = count()
    for at in count():
        for kept in (False, True):
            told = trial(url.replace("{}", str(next(numbers))), kind, at, kept)
            if told is None:
                return
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
