"""The rivals of procrastinate; runs in the environment that `elsewhere.py` makes for it.

Its tasks are coroutines, 20 of which may be under way. It keeps its rows, and no results.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rival
import waking
from procrastinate import App, PsycopgConnector

AT_ONCE = 20
sys.path.append(str(Path(__file__).parent.parent / "tests"))  # where the private server is


def app_of(url: str, called: Any) -> App:
    """Its app, with a task."""
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    app = App(connector=PsycopgConnector(conninfo=url))

    @app.task(name="call")
    async def call(x: int) -> int:
        called()
        return 2 * x

    return app


async def defer(app: App, n: int) -> int:
    """All at once."""
    return len(await app.tasks["call"].batch_defer_async(*({"x": 1} for _ in range(n))))


@contextmanager
def new() -> Iterator[tuple[App, str, Any, list[int]]]:
    """An app on a server of its own, its URL, what runs a coroutine in the thread of a loop, and a count of calls."""
    from postgres_cluster import Cluster

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    def called() -> None:
        count[0] += 1

    cluster, count = Cluster(), [0]
    try:
        app = app_of(cluster.url, called)

        async def prepare() -> None:
            await app.open_async().__aenter__()
            await app.schema_manager.apply_schema_async()

        run(prepare())
        yield app, cluster.url, run, count
        run(app.close_async())
    finally:
        cluster.stop()


@contextmanager
def queue() -> Iterator[rival.Body]:
    """n calls, all executed by one worker until none is left."""
    with new() as (app, _, run, count):

        async def work(n: int) -> int:
            count[0] = 0
            await defer(app, n)
            await app.run_worker_async(concurrency=AT_ONCE, wait=False, install_signal_handlers=False)
            return count[0]

        yield lambda n: run(work(n))


@contextmanager
def batch() -> Iterator[rival.Body]:
    """n calls accepted at once; nobody executes them."""
    with new() as (app, _, run, _count):
        yield lambda n: run(defer(app, n))


@contextmanager
def woken() -> Iterator[rival.Body]:
    """A worker in another process waits."""
    with new() as (app, url, run, _), waking.another(__file__, "--worker", url) as (_process, answered):
        run(defer(app, 1))
        answered()  # it listens now
        yield lambda n: waking.wake_ups(n, lambda: run(defer(app, 1)), answered)


async def worker(url: str) -> None:
    """The other process."""
    say = waking.speaking()
    app = app_of(url, say)
    async with app.open_async():
        say()
        await app.run_worker_async(concurrency=AT_ONCE)


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        asyncio.run(worker(sys.argv[2]))
    rival.serve_calls({"queue": queue, "batch": batch, "woken": woken})
