"""The rivals of Huey on SQLite; runs in the environment that `elsewhere.py` makes for it.

Its journal is WAL, as by default, and `fsync=True` makes each commit safe. Results are kept until they are read. It
polls as its consumer does by default, from every 0.1 s to every 10 s.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import rival
import waking
from huey import SqliteHuey

STEPS = 10


def opened(path: str) -> Any:
    """Its queue in this file."""
    logging.getLogger("huey").setLevel(logging.ERROR)
    return SqliteHuey("bench", filename=path, fsync=True)


@contextmanager
def new() -> Iterator[Any]:
    """One in a folder of its own, on the disk that the project is on."""
    with tempfile.TemporaryDirectory(prefix="store-", dir=Path(__file__).parent, ignore_cleanup_errors=True) as folder:
        yield opened(f"{folder}/huey.db")


@contextmanager
def consumed(huey: Any) -> Iterator[None]:
    """Its consumer works in this process, in one thread, as by default."""
    consumer = huey.create_consumer(workers=1, periodic=False, check_worker_health=False)
    consumer.start()
    yield
    consumer.stop(graceful=True)


def until(huey: Any, results: int) -> None:
    """Return when so many results are there, and take them all away."""
    while huey.result_count() < results:
        time.sleep(0.005)
    huey.storage.flush_results()


@contextmanager
def queue() -> Iterator[rival.Body]:
    """n calls, one by one, for there is no batch; executed by one thread, and each result is kept."""
    with new() as huey:
        double = huey.task()(lambda x: 2 * x)

        def body(n: int) -> int:
            for number in range(n):
                double(number)
            until(huey, n)
            return n

        with consumed(huey):
            yield body


def chains(length: Callable[[int], int], answer: Callable[[int], int]) -> Callable[[], Any]:
    """Pipelines of no-op tasks, so many as `answer` tells, each of so many steps."""

    @contextmanager
    def opened_chains() -> Iterator[rival.Body]:
        with new() as huey:
            same = huey.task(name="same")(lambda x: x)

            def body(n: int) -> int:
                for number in range(n // length(n)):
                    chain = same.s(number)
                    for _ in range(length(n) - 1):
                        chain = chain.then(same)
                    huey.enqueue(chain)
                until(huey, n)
                return answer(n)

            with consumed(huey):
                yield body

    return opened_chains


@contextmanager
def many() -> Iterator[rival.Body]:
    """n pipelines of ten."""
    with chains(lambda n: STEPS, lambda n: n)() as body:
        yield lambda n: body(n * STEPS) // STEPS


@contextmanager
def deep(depth: int) -> Iterator[rival.Body]:
    """Tasks are taken one at a time from a queue of so many."""
    with new() as huey:
        double = huey.task()(lambda x: 2 * x)
        data = huey.serialize_task(double.s(1))
        with huey.storage.db(commit=True) as cursor:
            rows = ((huey.name, data, 0.0) for _ in range(depth))
            cursor.executemany("insert into task (queue, data, priority) values (?, ?, ?)", rows)
        yield lambda n: sum(huey.dequeue() is not None for _ in range(n))


@contextmanager
def woken() -> Iterator[rival.Body]:
    """A consumer in another process waits."""
    with tempfile.TemporaryDirectory(prefix="store-", dir=Path(__file__).parent, ignore_cleanup_errors=True) as folder:
        huey = opened(f"{folder}/huey.db")
        speak = huey.task(name="speak")(lambda: None)
        with waking.another(__file__, "--worker", f"{folder}/huey.db") as (_, answered):
            yield lambda n: waking.wake_ups(n, speak, answered, 0.2)


def worker(path: str) -> None:
    """The other process."""
    say = waking.speaking()
    huey = opened(path)
    huey.task(name="speak")(lambda: say() and None)
    consumer = huey.create_consumer(workers=1, periodic=False)
    consumer.start()
    say()
    while True:
        time.sleep(60)


@contextmanager
def idle() -> Iterator[rival.Body]:
    """Its consumer has nothing to do."""
    with new() as huey, consumed(huey):
        yield waking.idle


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        worker(sys.argv[2])
    rival.serve_calls(
        {
            "queue": queue,
            "step": chains(lambda n: n, lambda n: n * (n - 1)),
            "many": many,
            "deep_1000": partial(deep, 1_000),
            "deep_100000": partial(deep, 100_000),
            "woken": woken,
            "idle": idle,
        }
    )
