"""Many runs in flight at once: code that changes under them, and workflows that wait and hold nothing."""

import gc
import sqlite3
import threading
import tracemalloc
from contextlib import closing

import pytest
from durable_helpers import PATIENCE, Log

from woflo import Worker, patched, task, workflow
from woflo.durable.inside import sleep, wait_signal
from woflo.kernel import clock as woflo_clock
from woflo.stores.operations import Submit
from woflo.stores.rows import Row
from woflo.stores.sqlite import SQLiteStore
from woflo.testing import wait_until

RUNS = 100
MINUTE = 60
executed = Log()


class Code:
    """What the workflows execute just now."""

    order = other = None


@task
def step(name: str, number: int) -> str:
    executed(f"{name} {number}")
    return name


@workflow
def order(number: int) -> str:
    executed(f"order {number}")
    return Code.order(number)


@workflow
def other(number: int) -> str:
    return Code.other(number)


def old(number):
    """Those of odd numbers wait before they send, the others behind it."""
    step("pack", number).get_result()
    if number % 2:
        wait_signal("before")
    step("send", number).get_result()
    wait_signal("behind")
    return "done"


def harmless(number):
    # another comment
    print(end="")
    return old(number)


def inserted(number):
    step("pack", number).get_result()
    if number % 2:
        wait_signal("before")
    step("weigh", number).get_result()
    step("send", number).get_result()
    wait_signal("behind")
    return "done"


def patched_in(number):
    step("pack", number).get_result()
    if number % 2:
        wait_signal("before")
    if patched("weighing"):
        step("weigh", number).get_result()
    step("send", number).get_result()
    wait_signal("behind")
    return "done"


@pytest.fixture
def in_flight(world):
    """A process with a hundred runs that wait."""
    executed.lines.clear()
    Code.order, Code.other = old, old
    process = world.process()
    runs = [process.call(order, number, key=f"{number}") for number in range(RUNS)]
    for run in runs:
        world.until(run, "WAITING", "signal")
    return process, runs


def go_on(runs):
    for number, run in enumerate(runs):
        if number % 2:
            run.send("before")
        run.send("behind")


def ended(world, runs):
    """Wait until each has ended or waits for a decision; how many stopped for it."""

    def rest():
        rows = [world.row(run) for run in runs]
        return all(row.is_terminal or "non-determinism" in (row.reason or "") for row in rows)

    wait_until(rest, timeout=3 * PATIENCE)
    return [number for number, run in enumerate(runs) if not world.row(run).is_terminal]


@pytest.mark.parametrize("change", [harmless, patched_in])
def test_a_change_that_leaves_all_running(world, in_flight, change):
    """A comment, a log line, another workflow, and one that asks whether it is new: both ways are gone."""
    _, runs = in_flight
    Code.order, Code.other = change, inserted
    go_on(runs)
    assert ended(world, runs) == []
    assert {run.get_result(PATIENCE) for run in runs} == {"done"}
    weighed = {int(line.split()[1]) for line in executed.lines if line.startswith("weigh")}
    assert weighed == (set() if change is harmless else set(range(1, RUNS, 2)))
    assert all(executed.count(f"{name} {number}") == 1 for name in ("pack", "send") for number in range(RUNS))


def test_an_inserted_step_stops_those_that_had_passed_it(world, in_flight):
    """By name, once; the others take it; nothing is tried again."""
    _, runs = in_flight
    Code.order = inserted
    go_on(runs)
    assert ended(world, runs) == [*range(0, RUNS, 2)]
    for number in range(0, RUNS, 2):
        reason = world.row(runs[number]).reason
        assert f'step{{"name":"send","number":{number}}}' in reason
        assert f'step{{"name":"weigh","number":{number}}}' in reason
    begun = {number: executed.count(f"order {number}") for number in range(0, RUNS, 2)}
    writes = world.store.snapshot()
    settled = threading.Event()
    assert not settled.wait(1.2)  # two looks of the engine: a storm would have shown by then
    assert {number: executed.count(f"order {number}") for number in begun} == begun == dict.fromkeys(begun, 2)
    assert world.store.snapshot().runs == writes.runs
    assert {runs[number].get_result(PATIENCE) for number in range(1, RUNS, 2)} == {"done"}


# -- waiting workflows hold nothing --------------------------------------------------------------------


@workflow
def sleeping(number: int) -> int:
    sleep(MINUTE)
    return number


@workflow
async def sleeping_async(number: int) -> int:
    await sleep(MINUTE)
    return number


def sleepers(store, numbers):
    """Half of them plain, half async, called for a worker."""
    rows = tuple(
        Row(
            id=f"r{number:05}",
            task=(sleeping, sleeping_async)[number % 2].name,
            args=f'{{"number":{number}}}',
            digest=str(number),
        )
        for number in numbers
    )
    for at in range(0, len(rows), 1000):
        store.write(Submit(now=woflo_clock.now(), runs=rows[at : at + 1000]))


@pytest.mark.parametrize(
    "count", [500, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(300)])], ids=["500", "10,000"]
)
def test_sleeping_workflows_are_rows(tmp_path, clock, count):
    """Asleep in one worker, they hold neither threads nor memory; when the time comes, each ends."""
    store = SQLiteStore(tmp_path / "runs.db")
    worker = Worker([sleeping, sleeping_async], store)
    worker.engine.hold = 0.0
    some = count // 5
    tracemalloc.start()
    try:
        with worker:
            sleepers(store, range(some))
            wait_until(lambda: states(store) == {"WAITING": some}, timeout=PATIENCE + some / 20)
            threads, size = threads_at_rest(worker), memory()
            sleepers(store, range(some, count))
            wait_until(lambda: states(store) == {"WAITING": count}, timeout=PATIENCE + count / 20)
            assert threads_at_rest(worker) <= threads
            # A frame of each would take some ten times that; what is cached meanwhile does not grow with their number.
            assert memory() - size < 200 * (count - some) + 400_000, "bytes of those that sleep"
            clock.advance(MINUTE + 1)
            wait_until(lambda: states(store) == {"SUCCEEDED": count}, timeout=PATIENCE + count / 20)
    finally:
        tracemalloc.stop()
        worker.engine.close()
        store.close()


def threads_at_rest(worker):
    """How many there are when nothing executes, and those that only wait for more work are gone."""
    wait_until(lambda: not worker.engine.executions, timeout=PATIENCE)
    idle = [one for one in threading.enumerate() if one.name.startswith("woflo-thread")]
    return threading.active_count() - len(idle)


def memory():
    """Bytes of objects that live."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def states(store):
    """How many workflows there are in each state."""
    with closing(sqlite3.connect(store.path)) as connection:
        return dict(connection.execute("SELECT state, count(*) FROM runs WHERE parent_id IS NULL GROUP BY state"))
