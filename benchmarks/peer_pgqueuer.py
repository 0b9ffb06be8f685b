"""The rivals of pgqueuer, with asyncpg; runs in the environment that `elsewhere.py` makes for it.

It takes batches of 100, ten times its default. A call that has ended is deleted and logged, with no result.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import rival
import waking
from pgqueuer.db import AsyncpgDriver
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode

BATCH = 100
sys.path.append(str(Path(__file__).parent.parent / "tests"))  # where the private server is


async def queries(url: str) -> Queries:
    """Its statements, by a connection of their own."""
    return Queries(AsyncpgDriver(await asyncpg.connect(url)))


async def manager(url: str, called: Any) -> QueueManager:
    """What takes calls from the queue."""
    made = QueueManager(await queries(url))

    @made.entrypoint("call")
    async def call(job: Any) -> None:
        called()

    return made


async def enqueue(made: Queries, n: int) -> int:
    """All at once."""
    return len(await made.enqueue(["call"] * n, [b"1"] * n, [0] * n))


@contextmanager
def new() -> Iterator[tuple[str, Any]]:
    """The URL of a server of its own with its tables, and what runs a coroutine in the thread of a loop."""
    from postgres_cluster import Cluster

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    cluster = Cluster()
    try:
        run(run(queries(cluster.url)).install())
        yield cluster.url, run
    finally:
        cluster.stop()


@contextmanager
def queue() -> Iterator[rival.Body]:
    """n calls, all executed by one worker until none is left."""
    with new() as (url, run):
        made = run(queries(url))

        async def work(n: int) -> int:
            count = [0]

            def called() -> None:
                count[0] += 1

            await enqueue(made, n)
            await (await manager(url, called)).run(batch_size=BATCH, mode=QueueExecutionMode.drain)
            return count[0]

        yield lambda n: run(work(n))


@contextmanager
def batch() -> Iterator[rival.Body]:
    """n calls accepted in one statement; nobody executes them."""
    with new() as (url, run):
        made = run(queries(url))
        yield lambda n: run(enqueue(made, n))


@contextmanager
def woken() -> Iterator[rival.Body]:
    """A worker in another process waits."""
    with new() as (url, run), waking.another(__file__, "--worker", url) as (_, answered):
        made = run(queries(url))
        run(enqueue(made, 1))
        answered()  # it listens now
        yield lambda n: waking.wake_ups(n, lambda: run(enqueue(made, 1)), answered)


async def worker(url: str) -> None:
    """The other process."""
    say = waking.speaking()
    made = await manager(url, say)
    say()
    await made.run(batch_size=BATCH)


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        asyncio.run(worker(sys.argv[2]))
    rival.serve_calls({"queue": queue, "batch": batch, "woken": woken})
