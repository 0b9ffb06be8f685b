"""Workflows and queues on SQLite: a step beside a bare commit, many workflows at once, resuming, a worker.

The floors write the same rows with `sqlite3` by hand, each commit synced.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.model import Body, Figure, Opener, at_most, beside, floor, ours, within
from benchmarks.store import adding, bare_commits, by_hand, folder, row, step

STEPS = 10


@contextmanager
def opened_store() -> Iterator[Any]:
    """A new store, which this process uses meanwhile."""
    from woflo import use_store
    from woflo.durable.engine import engine_of
    from woflo.stores.sqlite import SQLiteStore

    with folder() as where:
        made = SQLiteStore(where / "runs.db")
        before = use_store(made)
        try:
            yield made
        finally:
            engine_of(made).close()
            use_store(before)
            made.close()


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
    return SimpleNamespace(double=double, steps=steps, steps_async=steps_async, queued=queued)


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


def wait_until_done(made: Any, name: str) -> None:
    """Return when no run of this task is left that has not ended."""
    from woflo.kernel.state import RunState

    open_states = [RunState.PENDING, RunState.RUNNING, RunState.WAITING, RunState.RETRYING]
    heard = threading.Event()
    end = made.listen(heard.set)
    while made.select(states=open_states, tasks=[name], limit=1):
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


# -- the queue -----------------------------------------------------------------------------------------


@contextmanager
def queued() -> Iterator[Body]:
    """n calls wait in the store; a worker executes them, and each end is kept."""
    from woflo import Worker
    from woflo.stores.operations import Submit

    found = tasks().queued
    with opened_store() as made:

        def body(n: int) -> int:
            rows = tuple(row(task=found.name, args='{"x":1}') for _ in range(n))
            made.write(Submit(now=time.time(), runs=rows))
            wait_until_done(made, found.name)
            return n

        with Worker([found]):
            yield body


def claimed_by_hand(batch: int) -> Opener:
    """Rows are claimed and ended, so many in a commit."""

    @contextmanager
    def opened() -> Iterator[Body]:
        sql, values = adding()
        with by_hand() as connection:

            def body(n: int) -> int:
                rows = [row() for _ in range(n)]
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(sql, map(values, rows))
                connection.execute("COMMIT")
                for at in range(0, n, batch):
                    ids = [one.id for one in rows[at : at + batch]]
                    connection.execute("BEGIN IMMEDIATE")
                    for state in ("RUNNING", "SUCCEEDED"):
                        connection.executemany("UPDATE runs SET state = ? WHERE id = ?", [(state, one) for one in ids])
                    connection.execute("COMMIT")
                return n

            yield body

    return opened


def _figure(name: str, title: str, n: int, rivals: list[Any], targets: list[Any], unit: str = "step") -> Figure:
    answer: Callable[[int], int] = summed if unit == "step" else (lambda n: n)
    return Figure(name, title, unit, n, max(1, n // 20), answer, rivals, targets)


FIGURES: list[Figure] = [
    _figure(
        "durable-step",
        "a step of a workflow that is alone",
        300,
        [ours(alone("steps")), beside("an async workflow", alone("steps_async")), floor("bare commit", committed)],
        [at_most(2.0, "bare commit")],
    ),
    _figure(
        "durable-many",
        "1,000 workflows of ten steps, one worker",
        1000,
        [
            ours(many("steps", 16)),
            beside("async workflows", many("steps_async", 16)),
            floor("a commit for each step", many_by_hand),
        ],
        [within(1.2e-3)],
        unit="workflow",
    ),
    _figure(
        "durable-queue",
        "calls without work, one worker, end to end",
        20_000,
        [ours(queued), floor("by hand, 100 in a commit", claimed_by_hand(100))],
        [within(57e-6)],
        unit="call",
    ),
]
