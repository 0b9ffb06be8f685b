"""Workers: how soon a waiting one is awake, takes over from a killed one, and what it costs when idle; many writers.

A worker that is woken or killed lives in another process: `python -m benchmarks.durable_worker speak|halves URL`.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import postgres, store, store_spread, waking
from benchmarks.durable import opened_store, wait_until_done
from benchmarks.durable_queue import accept
from benchmarks.elsewhere import DBOS, HUEY, PGQUEUER, PROCRASTINATE
from benchmarks.model import Body, Figure, Opener, beside, floor, lives_in, ours, within
from benchmarks.store import Stores

HALF_DONE = 100


# -- waking --------------------------------------------------------------------------------------------


def woken(stores: Stores, url_of: Callable[[Any], str]) -> Opener:
    """A worker in another process waits for calls, and answers from each."""

    @contextmanager
    def opened() -> Iterator[Body]:
        with stores() as made, other("speak", url_of(made)) as (_, answered):
            yield lambda n: waking.wake_ups(n, lambda: accept(made, "speak", 1), answered)

    return opened


def other(what: str, url: str) -> Any:
    """The other process, which does that."""
    return waking.another("-m", "benchmarks.durable_worker", what, url)


def serve_speaking(url: str) -> None:
    """In the other process: a worker whose task answers."""
    from woflo import Worker, task

    say = waking.speaking()

    @task(name="speak")
    def speak(x: int) -> None:
        say()

    with Worker([speak], url):
        say()
        threading.Event().wait()


# -- taking over ---------------------------------------------------------------------------------------


def halves(say: Callable[[], object], *, stuck: bool) -> Any:
    """A workflow of two steps; where it gets `stuck`, it says so after the first and never ends."""
    import asyncio

    from woflo import task, workflow

    @task(name="half")
    async def half(x: int) -> int:
        return x

    @workflow(name="halves")
    async def both(x: int) -> int:
        await half(x)
        if stuck:
            say()
            await asyncio.Event().wait()
        return await half(x)

    return both


def serve_halves(url: str) -> None:
    """In the other process: a worker that gets stuck in all workflows, which it has under way at once."""
    from woflo import Worker
    from woflo.durable import engine

    engine.MOST = HALF_DONE
    say = waking.speaking()
    with Worker([halves(say, stuck=True)], url):
        say()
        threading.Event().wait()


@contextmanager
def taken_over() -> Iterator[Body]:
    """n times: 100 workflows are half done when their worker is killed; another one finishes them all."""
    from woflo import Worker

    with opened_store() as made:
        found = halves(lambda: None, stuck=False)

        def once() -> float:
            with other("halves", store.url_of(made)) as (process, answered):
                accept(made, "halves", HALF_DONE)
                for _ in range(HALF_DONE):
                    answered()
                with Worker([found]):
                    begun = time.perf_counter()
                    process.send_signal(signal.SIGKILL)
                    wait_until_done(made, "halves")
                    return time.perf_counter() - begun

        yield lambda n: (n, [once() for _ in range(n)])


@contextmanager
def from_the_start() -> Iterator[Body]:
    """The same workflows, where nobody was killed."""
    from woflo import Worker

    with opened_store() as made:
        found = halves(lambda: None, stuck=False)

        def body(n: int) -> int:
            for _ in range(n):
                accept(made, "halves", HALF_DONE)
                wait_until_done(made, "halves")
            return n

        with Worker([found]):
            yield body


# -- idle ----------------------------------------------------------------------------------------------


def idle(stores: Stores) -> Opener:
    """A worker has nothing to do."""

    @contextmanager
    def opened() -> Iterator[Body]:
        from woflo import Worker

        with opened_store(stores), Worker([halves(lambda: None, stuck=False)]):
            yield waking.idle

    return opened


# -- writers -------------------------------------------------------------------------------------------


def writers(kind: str, processes: int, told: Callable[[list[list[float]]], list[float]]) -> Opener:
    """So many processes write to one file without a pause for n seconds."""

    @contextmanager
    def opened() -> Iterator[Body]:
        yield lambda n: (n, told(store_spread.turns(kind, processes, n)))

    return opened


def each(found: list[list[float]]) -> list[float]:
    """What every write took."""
    return [sample for samples in found for sample in samples]


def uneven(found: list[list[float]]) -> list[float]:
    """How many times as much as the slowest the quickest has written."""
    counts = [len(samples) for samples in found]
    return [max(counts) / min(counts)]


def writers_figures(processes: int) -> Iterator[Figure]:
    """How long each write takes, and how evenly the processes get their turns."""
    busy = "SQLite's busy handler"
    writing = ours(writers("woflo", processes, each)), floor(busy, writers("busy handler", processes, each))
    turns = ours(writers("woflo", processes, uneven)), floor(busy, writers("busy handler", processes, uneven))
    name, title = f"durable-writers-{processes}", f"{processes} processes write to one SQLite file"
    one = lambda n: n  # noqa: E731 - as the others
    yield Figure(name, f"{title}, a write", "write", 1, 1, one, writing, [within(25e-3, at=0.99)], pins=False)
    yield Figure(
        f"{name}-evenly", f"{title}, quickest / slowest", "round", 1, 1, one, turns, [within(2.0)], "ratio", False
    )


FIGURES: list[Figure] = [
    Figure(
        name="durable-wake-up",
        title="SQLite, a waiting worker of another process has begun a call",
        unit="wake-up",
        n=60,
        quick=20,
        expected=lambda n: n,
        rivals=[
            ours(woken(store.store, store.url_of)),
            floor("bare commit, nobody woken", store.bare_commits),
            lives_in(HUEY, "Huey", "woken", share=4),
            lives_in(DBOS, "DBOS", "woken", share=12),
        ],
        targets=[within(2e-3), within(10e-3, at=0.99)],
        pins=False,
    ),
    Figure(
        name="durable-wake-up-postgres",
        title="PostgreSQL, a waiting worker of another process has begun a call",
        unit="wake-up",
        n=60,
        quick=20,
        expected=lambda n: n,
        rivals=[
            ours(woken(postgres.store, postgres.url_of)),
            floor("bare commit, nobody woken", postgres.bare_commits),
            lives_in(PGQUEUER, "pgqueuer", "woken"),
            lives_in(PROCRASTINATE, "procrastinate", "woken"),
            lives_in(DBOS, "DBOS", "woken_postgres", share=12),
        ],
        targets=[within(2e-3), within(10e-3, at=0.99)],
        pins=False,
    ),
    Figure(
        name="durable-takeover",
        title="100 half-done workflows of a killed worker finished by another",
        unit="takeover",
        n=1,
        quick=1,
        expected=lambda n: n,
        rivals=[ours(taken_over), beside("nobody killed", from_the_start)],
        targets=[within(1.0)],
        pins=False,
    ),
    Figure(
        name="durable-idle",
        title="a worker that has nothing to do",
        unit="core",
        n=3,
        quick=1,
        expected=lambda n: n,
        rivals=[
            ours(idle(store.store)),
            beside("woflo, PostgreSQL", idle(postgres.store)),
            lives_in(HUEY, "Huey", "idle"),
            lives_in(DBOS, "DBOS", "idle"),
        ],
        targets=[within(1e-3)],
        measure="share of a core",
        pins=False,
    ),
    *writers_figures(2),
    *writers_figures(4),
]

if __name__ == "__main__":
    {"speak": serve_speaking, "halves": serve_halves}[sys.argv[1]](sys.argv[2])
