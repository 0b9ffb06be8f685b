"""The rivals of DBOS, on SQLite and PostgreSQL; runs in the environment that `elsewhere.py` makes for it.

On SQLite its journal is turned to WAL, which is quicker than its default and as safe with `synchronous` as it is. For
throughput its queue is polled every 0.05 s, for wake-ups and when idle as by default, every second.
"""

from __future__ import annotations

import sqlite3
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
from dbos import DBOS

HERE = Path(__file__).parent
STEPS = 10
QUICK = 0.05  # seconds
sys.path.append(str(HERE.parent / "tests"))  # where the private server is


@DBOS.step()
def double(x: int) -> int:
    """A step without work."""
    return 2 * x


@DBOS.workflow()
def one(x: int) -> int:
    """A call of a queue: in DBOS it is a workflow."""
    return 2 * x


@DBOS.workflow()
def steps(n: int) -> int:
    """So many steps, one after another."""
    return sum(double(number) for number in range(n))


@DBOS.step()
async def double_async(x: int) -> int:
    """A step without work."""
    return 2 * x


@DBOS.workflow()
async def steps_async(n: int) -> int:
    """So many steps, one after another."""
    return sum([await double_async(number) for number in range(n)])


@contextmanager
def sqlite() -> Iterator[str]:
    """The URL of a new file, on the disk that the project is on."""
    with tempfile.TemporaryDirectory(prefix="store-", dir=HERE, ignore_cleanup_errors=True) as folder:
        with sqlite3.connect(f"{folder}/dbos.db") as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        yield f"sqlite:///{folder}/dbos.db"


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a server of its own."""
    from postgres_cluster import Cluster

    cluster = Cluster()
    try:
        yield cluster.url
    finally:
        cluster.stop()


def launch(url: str, poll: float | None, **more: Any) -> None:
    """DBOS in this process, with a queue that is polled so often."""
    config: dict[str, Any] = {"name": "bench", "system_database_url": url, "log_level": "ERROR", "executor_id": "one"}
    DBOS(config={**config, **more})
    DBOS.launch()
    if poll is not None:
        DBOS.register_queue("calls", polling_interval_sec=poll, on_conflict="always_update")


@contextmanager
def launched(where: Callable[[], Any], poll: float | None = None) -> Iterator[str]:
    """The same, and its end."""
    with where() as url:
        launch(url, poll)
        yield url
        DBOS.destroy()


@contextmanager
def queue(where: Callable[[], Any], workflow: Any = one, argument: int = 1) -> Iterator[rival.Body]:
    """n workflows in the queue, one by one, for there is no batch; all results are waited for."""
    with launched(where, QUICK):

        def body(n: int) -> int:
            handles = [DBOS.enqueue_workflow("calls", workflow, argument) for _ in range(n)]
            for handle in handles:
                handle.get_result(polling_interval_sec=QUICK)
            return n

        yield body


@contextmanager
def step() -> Iterator[rival.Body]:
    """One workflow of n steps."""
    with launched(sqlite):
        yield steps


@contextmanager
def length(size: int) -> Iterator[rival.Body]:
    """Workflows of so many steps."""
    with launched(sqlite):
        yield lambda n: sum(steps(size) >= 0 and size for _ in range(n // size))


@contextmanager
def batch(where: Callable[[], Any]) -> Iterator[rival.Body]:
    """n calls accepted, one by one; nobody executes them."""
    with launched(where):
        DBOS.register_queue("calls", polling_interval_sec=3600)

        def body(n: int) -> int:
            return len([DBOS.enqueue_workflow("calls", one, 1) for _ in range(n)])

        yield body


@DBOS.workflow()
def speak() -> None:
    """Told to the other side, where this is the worker."""
    say()


def say() -> object:
    """Nothing, but in a worker."""


@contextmanager
def woken(where: Callable[[], Any]) -> Iterator[rival.Body]:
    """An executor in another process waits; this one listens to no queue."""
    from dbos import DBOSClient

    with where() as url, waking.another(__file__, "--worker", url) as (_, answered):
        client = DBOSClient(system_database_url=url)
        options = {"queue_name": "calls", "workflow_name": speak.__qualname__}
        yield lambda n: waking.wake_ups(n, lambda: client.enqueue(options), answered, 1.0)
        client.destroy()


def worker(url: str) -> None:
    """The other process."""
    global say
    say = waking.speaking()
    launch(url, 1.0)
    say()
    while True:
        time.sleep(60)


@contextmanager
def idle() -> Iterator[rival.Body]:
    """Its queue is empty."""
    with launched(sqlite, 1.0):
        yield waking.idle


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        worker(sys.argv[2])
    rival.serve_calls(
        {
            "queue": partial(queue, sqlite),
            "queue_postgres": partial(queue, postgres),
            "many": partial(queue, sqlite, steps, STEPS),
            "many_async": partial(queue, sqlite, steps_async, STEPS),
            "step": step,
            "length_10": partial(length, 10),
            "length_1000": partial(length, 1_000),
            "batch": partial(batch, sqlite),
            "batch_postgres": partial(batch, postgres),
            "woken": partial(woken, sqlite),
            "woken_postgres": partial(woken, postgres),
            "idle": idle,
        }
    )
