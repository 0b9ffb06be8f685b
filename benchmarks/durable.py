"""Workflows on SQLite: a step beside a bare commit, long ones, many at once, one that goes on from where it was.

The floors write the same rows with `sqlite3` by hand, each commit synced.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.elsewhere import DBOS, HUEY, PIPETEER
from benchmarks.model import Body, Figure, Opener, at_least, at_most, beside, floor, lives_in, ours, within
from benchmarks.store import Stores, adding, bare_commits, by_hand, row, step, steps_as_tuples, store

STEPS = 10


@contextmanager
def opened_store(stores: Stores = store) -> Iterator[Any]:
    """A new store, on SQLite by default, which this process uses meanwhile."""
    from woflo import use_store
    from woflo.durable.engine import engine_of

    with stores() as made:
        before = use_store(made)
        try:
            yield made
        finally:
            engine_of(made).close()
            use_store(before)


def tasks() -> Any:
    """The tasks and workflows that are measured, as a module would have them."""
    from types import SimpleNamespace

    from woflo import task, workflow

    @task
    def double(x: int) -> int:
        return 2 * x

    @task
    async def double_async(x: int) -> int:
        return 2 * x

    @workflow
    def steps(n: int) -> int:
        return sum(double(number).get_result() for number in range(n))

    @workflow
    async def steps_async(n: int) -> int:
        total = 0
        for number in range(n):
            total += await double_async(number)
        return total

    queued = task(runner="queue")(double.fn)
    return SimpleNamespace(steps=steps, steps_async=steps_async, queued=queued)


# -- one workflow --------------------------------------------------------------------------------------


def alone(name: str) -> Opener:
    """One workflow of n steps; nothing else happens."""

    @contextmanager
    def opened() -> Iterator[Body]:
        found = getattr(tasks(), name)
        with opened_store():
            yield lambda n: found(n).get_result()

    return opened


def summed(n: int) -> int:
    """What n steps give together."""
    return n * (n - 1)


def long(size: int) -> Opener:
    """Workflows of so many steps each; a unit is a step."""

    @contextmanager
    def opened() -> Iterator[Body]:
        with alone("steps")() as body:

            def work(n: int) -> int:
                each = min(size, n)
                return sum(each for _ in range(n // each) if body(each) == summed(each))

            yield work

    return opened


RECORDED = 10_000


@contextmanager
def resumed() -> Iterator[Body]:
    """A parked workflow with 10,000 recorded steps gets a signal: the time until it executes its next step."""
    from woflo import send
    from woflo.durable.engine import engine_of
    from woflo.testing import wait_until

    reached = threading.Event()
    found = resuming(reached)
    with opened_store() as made:
        engine_of(made).hold = 0.0
        run = found(RECORDED)

        def once() -> float:
            wait_until(lambda: made.get(run.id).state.name == "WAITING", "it is parked", timeout=120)
            reached.clear()
            begun = time.perf_counter()
            send(run.id, "go")
            reached.wait(60)
            return time.perf_counter() - begun

        yield lambda n: (n, [once() for _ in range(n)])
        run.stop()


def resuming(reached: threading.Event) -> Any:
    """A workflow that waits for signals when its steps are done, and takes a step after each."""
    from woflo import task, wait_signal, workflow

    @task
    def double(x: int) -> int:
        return 2 * x

    @task
    def reach() -> None:
        reached.set()

    @workflow
    def waiting(n: int) -> None:
        for number in range(n):
            double(number).get_result()
        while True:
            wait_signal("go")
            reach().get_result()

    return waiting


@contextmanager
def replayed() -> Iterator[Body]:
    """The floor of resuming: the rows of 10,000 steps are read."""
    with steps_as_tuples() as body:
        yield lambda n: body(n * 10_000) // 10_000


@contextmanager
def committed() -> Iterator[Body]:
    """n rows, each in a commit of its own."""
    with bare_commits() as commit:
        yield lambda n: summed(commit(n))


# -- many workflows ------------------------------------------------------------------------------------


def many(name: str, concurrency: int) -> Opener:
    """n workflows of ten steps wait in the store for a worker; a unit is a workflow."""

    @contextmanager
    def opened() -> Iterator[Body]:
        from woflo import Worker
        from woflo.stores.operations import Submit

        found = getattr(tasks(), name)
        with opened_store() as made:
            worker = Worker([found], concurrency=concurrency)

            def body(n: int) -> int:
                rows = tuple(row(task=found.name, args=f'{{"n":{STEPS}}}') for _ in range(n))
                made.write(Submit(now=time.time(), runs=rows))
                wait_until_done(made, found.name)
                return n

            with worker:
                yield body

    return opened


def cpu_of(opener: Opener) -> Opener:
    """The same work, measured by the processor time of this process, store and worker included."""

    @contextmanager
    def opened() -> Iterator[Body]:
        with opener() as work:

            def body(n: int) -> tuple[int, list[float]]:
                before = time.process_time()
                answer = work(n)
                assert isinstance(answer, int)
                return answer, [(time.process_time() - before) / n]

            yield body

    return opened


def wait_until_done(made: Any, name: str) -> None:
    """Return when no run of this task is left that has not ended.

    What has ended is not looked at again: each look at all of many thousands would cost as much as executing some.
    """
    from woflo.kernel.state import RunState

    open_states = [RunState.PENDING, RunState.RUNNING, RunState.WAITING, RunState.RETRYING]
    heard = threading.Event()
    end = made.listen(heard.set)
    first = ""
    while found := made.select(states=open_states, tasks=[name], after=first, limit=1):
        first = found[0].id
        while not made.get(first).is_terminal:
            heard.wait(0.05)
            heard.clear()
    end()


@contextmanager
def many_by_hand() -> Iterator[Body]:
    """The rows of n workflows of ten steps, in one commit for each step."""
    sql, values = adding()
    with by_hand() as connection:

        def body(n: int) -> int:
            for _ in range(n):
                for _ in range(STEPS + 2):
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute(sql, values(step("p")))
                    connection.execute("COMMIT")
            return n

        yield body


FIGURES: list[Figure] = [
    Figure(
        name="durable-step",
        title="a step of a workflow that is alone",
        unit="step",
        n=300,
        quick=20,
        expected=summed,
        rivals=[
            ours(alone("steps")),
            beside("an async workflow", alone("steps_async")),
            floor("bare commit", committed),
            lives_in(DBOS, "DBOS", "step"),
            lives_in(HUEY, "Huey, pipeline", "step"),
            lives_in(PIPETEER, "pipeteer", "step", share=20),
        ],
        targets=[at_most(2.0, "bare commit")],
        pins=False,
    ),
    Figure(
        name="durable-length",
        title="a step of a workflow of 10,000 steps, beside shorter ones",
        unit="step",
        n=10_000,
        quick=1_000,
        expected=lambda n: n,
        rivals=[
            ours(long(10_000)),
            *(beside(f"of {size:,} steps", long(size))._replace(share=10) for size in (10, 100, 1_000)),
            floor("bare commit", bare_commits)._replace(share=10),
            lives_in(DBOS, "DBOS, of 1,000 steps", "length_1000", share=10),
            lives_in(DBOS, "DBOS, of 10 steps", "length_10", share=50),
            lives_in(PIPETEER, "pipeteer, of 100 steps", "length_100", share=100),
            lives_in(PIPETEER, "pipeteer, of 10 steps", "length_10", share=1_000),
        ],
        targets=[at_most(1.3, *(f"of {size:,} steps" for size in (10, 100, 1_000)))],
        pins=False,
    ),
    Figure(
        name="durable-resume",
        title="a workflow with 10,000 recorded steps goes on",
        unit="resume",
        n=3,
        quick=1,
        expected=lambda n: n,
        rivals=[ours(resumed), floor("its rows read as tuples", replayed)],
        targets=[within(0.15)],
        pins=False,
    ),
    Figure(
        name="durable-many",
        title="1,000 plain workflows of ten steps queued, one worker",
        unit="workflow",
        n=1_000,
        quick=100,
        expected=lambda n: n,
        rivals=[
            ours(many("steps", 16)),
            floor("a commit for each step", many_by_hand),
            lives_in(DBOS, "DBOS", "many", share=20),
            lives_in(HUEY, "Huey, pipeline", "many", share=10),
            lives_in(PIPETEER, "pipeteer", "many", share=500),
        ],
        targets=[at_least(20.0, "DBOS")],
        pins=False,
    ),
    Figure(
        name="durable-many-async",
        title="1,000 async workflows of ten steps queued, one worker",
        unit="workflow",
        n=1_000,
        quick=100,
        expected=lambda n: n,
        rivals=[
            ours(many("steps_async", 16)),
            lives_in(DBOS, "DBOS, async", "many_async", share=20),
            lives_in(DBOS, "DBOS", "many", share=20),
        ],
        targets=[at_least(30.0, "DBOS, async", "DBOS")],
        pins=False,
    ),
    Figure(
        name="durable-many-cpu",
        title="processor time of the same plain workflows",
        unit="workflow",
        n=1_000,
        quick=100,
        expected=lambda n: n,
        rivals=[ours(cpu_of(many("steps", 16))), floor("a commit for each step", cpu_of(many_by_hand))],
        targets=[within(1.5e-3)],
        pins=False,
    ),
    Figure(
        name="durable-many-async-cpu",
        title="processor time of the same async workflows",
        unit="workflow",
        n=1_000,
        quick=100,
        expected=lambda n: n,
        rivals=[ours(cpu_of(many("steps_async", 16))), floor("a commit for each step", cpu_of(many_by_hand))],
        targets=[within(0.6e-3)],
        pins=False,
    ),
]
