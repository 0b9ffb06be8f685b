"""The rivals of pipeteer on SQLite; runs in the environment that `elsewhere.py` makes for it.

Its journal is turned to WAL, which is quicker than its default; each commit is synced.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import rival
from dslog import Logger
from pipeteer import DB, ZMQ, Context, WorkflowContext, activity, workflow

STEPS = 10
_numbers = itertools.count()


@activity()
async def double(x: int) -> int:
    """A step without work."""
    return 2 * x


@workflow()
async def steps(n: int, ctx: WorkflowContext) -> int:
    """So many steps, one after another."""
    total = 0
    for number in range(n):
        total += await ctx.call(double, number)
    return total


def free_port() -> int:
    """One that nobody uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def new() -> Iterator[tuple[Context, Any]]:
    """A context, and what runs a coroutine in the thread of its loop."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="store-", dir=Path(__file__).parent, ignore_cleanup_errors=True) as folder:
        path = f"{folder}/pipeteer.db"
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA journal_mode = WAL")

        async def made() -> Context:
            urls = [f"tcp://127.0.0.1:{free_port()}" for _ in range(2)]
            return Context(DB.at(path), ZMQ(pub_url=urls[0], sub_url=urls[1]), log=Logger.empty())

        def run(work: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(work, loop).result()

        context = run(made())
        context.path = path
        yield context, run


async def serve(context: Context, *pipelines: Any) -> None:
    """Its loops, for the rest of this process; time for their sockets to find each other."""
    tasks = [asyncio.ensure_future(one) for one in (context.zmq.proxy(), *(one.run(context) for one in pipelines))]
    context.tasks = tasks
    await asyncio.sleep(0.5)


async def ended(context: Context, number: int) -> None:
    """Return when there are so many outputs, and take them all away."""
    connection = sqlite3.connect(context.path, timeout=30, isolation_level=None)
    while True:
        try:
            (found,) = connection.execute("SELECT count(*) FROM output").fetchone()
        except sqlite3.OperationalError:  # no such table yet
            found = 0
        if found >= number:
            break
        for task in context.tasks:
            if task.done():  # by its failure: else it never ends
                task.result()
        await asyncio.sleep(0.005)
    connection.execute("DELETE FROM output")
    connection.close()


async def push(context: Context, pipeline: Any, inputs: list[int]) -> None:
    """All inputs in one transaction, as its documentation has them written by hand."""
    table = pipeline.input(context)
    with context.db.session as session:
        for value in inputs:
            session.add(table(key=f"{next(_numbers):09}", value=value, output="output"))
        session.commit()
    await pipeline.notify(context)


@contextmanager
def worked(*pipelines: Any, argument: int | None = None, units: bool = False) -> Iterator[rival.Body]:
    """The first of the pipelines has n inputs, or one that is n where it counts `units`."""
    with new() as (context, run):
        double.output(context)
        run(serve(context, *pipelines))

        def body(n: int) -> int:
            inputs = [n] if units else [n if argument is None else argument] * n
            run(push(context, pipelines[0], inputs))
            run(ended(context, len(inputs)))
            return n * (n - 1) if units else n

        yield body


@contextmanager
def length(size: int) -> Iterator[rival.Body]:
    """Workflows of so many steps, one after another."""
    with worked(steps, double, units=True) as body:
        yield lambda n: sum(size for _ in range(n // size) if body(size) >= 0)


@contextmanager
def deep(depth: int) -> Iterator[rival.Body]:
    """Its activity works at a queue of so many inputs, and only meanwhile."""
    with new() as (context, run):
        double.output(context)
        run(push(context, double, [1] * depth))
        run(serve(context))

        async def work(n: int) -> int:
            task = asyncio.ensure_future(double.run(context))
            await ended(context, n)
            task.cancel()
            return n

        yield lambda n: run(work(n))


@contextmanager
def batch() -> Iterator[rival.Body]:
    """n inputs accepted in one transaction; nobody works at them."""
    with new() as (context, run):

        def body(n: int) -> int:
            run(push(context, double, [1] * n))
            return n

        yield body


if __name__ == "__main__":
    rival.serve_calls(
        {
            "queue": partial(worked, double, argument=1),
            "step": partial(worked, steps, double, units=True),
            "many": partial(worked, steps, double, argument=STEPS),
            "length_10": partial(length, 10),
            "length_100": partial(length, 100),
            "deep_1000": partial(deep, 1_000),
            "deep_10000": partial(deep, 10_000),
            "batch": batch,
        }
    )
