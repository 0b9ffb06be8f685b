"""Queues: calls end to end on SQLite, PostgreSQL and a directory, batches accepted, calls taken from deep queues.

The floors do the same by hand, on the same tables or files, as safely: each commit is synced.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import folder as directory
from benchmarks import postgres, store
from benchmarks.durable import opened_store, tasks, wait_until_done
from benchmarks.elsewhere import DBOS, HUEY, PGQUEUER, PIPETEER, PROCRASTINATE
from benchmarks.model import Body, Figure, Opener, at_least, at_most, beside, floor, lives_in, ours, within
from benchmarks.store import Stores, adding, by_hand, row

# -- end to end ----------------------------------------------------------------------------------------


def queued(stores: Stores = store.store) -> Opener:
    """n calls are handed over together; a worker executes them, and each end is kept."""

    @contextmanager
    def opened() -> Iterator[Body]:
        from woflo import Worker

        found = tasks().queued
        with opened_store(stores) as made, Worker([found]) as worker:

            def body(n: int) -> int:
                before = worker.serving.done
                accept(made, found.name, n)
                wait_until_idle(worker, before + n)
                wait_until_done(made, found.name)
                return worker.serving.done - before

            yield body

    return opened


def wait_until_idle(worker: Any, done: int) -> None:
    """Return when it has executed so many, without a look at the store, which takes longer the more has ended."""
    idle = threading.Event()
    worker.serving.when_idle = idle.set
    while worker.serving.done < done:
        idle.wait(0.05)
        idle.clear()


def accept(made: Any, name: str, n: int) -> int:
    """n calls in one commit."""
    from woflo.stores.operations import Submit

    made.write(Submit(now=time.time(), runs=tuple(row(task=name, args='{"x":1}') for _ in range(n))))
    return n


def accepted(stores: Stores) -> Opener:
    """Nobody executes them."""

    @contextmanager
    def opened() -> Iterator[Body]:
        with stores() as made:
            yield lambda n: accept(made, "task", n)

    return opened


@contextmanager
def batched() -> Iterator[Body]:
    """The same by `batch()`, with a handle for each call."""
    from woflo import batch

    found = tasks().queued
    with opened_store():

        def body(n: int) -> int:
            with batch():
                return len([found(number) for number in range(n)])

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


FIGURES: list[Figure] = [
    Figure(
        name="durable-queue",
        title="SQLite, calls without work, one worker, end to end",
        unit="call",
        n=20_000,
        quick=1_000,
        expected=lambda n: n,
        rivals=[
            ours(queued()),
            floor("claim and finish in a commit", claimed_by_hand(1))._replace(share=10),
            floor("by hand, 100 in a commit", claimed_by_hand(100)),
            lives_in(HUEY, "Huey", "queue", share=20),
            lives_in(DBOS, "DBOS", "queue", share=50),
            lives_in(PIPETEER, "pipeteer", "queue", share=500),
        ],
        targets=[at_least(12.0, "Huey")],
        pins=False,
    ),
    Figure(
        name="durable-queue-postgres",
        title="PostgreSQL, calls without work, one worker, end to end",
        unit="call",
        n=5_000,
        quick=500,
        expected=lambda n: n,
        rivals=[
            ours(queued(postgres.store)),
            floor("claim and complete one by one", postgres.queue_by_hand)._replace(share=5),
            lives_in(PGQUEUER, "pgqueuer (keeps no results)", "queue"),
            lives_in(DBOS, "DBOS", "queue_postgres", share=10),
            lives_in(PROCRASTINATE, "procrastinate (keeps no results)", "queue", share=10),
        ],
        targets=[at_least(1.0, "pgqueuer (keeps no results)")],
        pins=False,
    ),
    Figure(
        name="durable-queue-folder",
        title="directory, calls without work, one worker, end to end",
        unit="call",
        n=500,
        quick=50,
        expected=lambda n: n,
        rivals=[
            ours(queued(directory.store)),
            floor("write, sync, rename", directory.by_hand(1, synced=False)),
            beside("and the folder synced", directory.by_hand(1, synced=True)),
        ],
        targets=[at_least(0.3, "write, sync, rename")],
        pins=False,
    ),
    Figure(
        name="durable-batch",
        title="a batch of 1,000 calls accepted, SQLite (pgqueuer, procrastinate: PostgreSQL)",
        unit="call",
        n=1_000,
        quick=1_000,
        expected=lambda n: n,
        rivals=[
            ours(accepted(store.store)),
            beside("woflo, batch()", batched),
            beside("woflo, PostgreSQL", accepted(postgres.store)),
            floor("one commit", store.one_commit),
            lives_in(PGQUEUER, "pgqueuer", "batch"),
            lives_in(PIPETEER, "pipeteer", "batch"),
            lives_in(PROCRASTINATE, "procrastinate", "batch"),
            lives_in(DBOS, "DBOS", "batch", share=5),
        ],
        targets=[within(1 / 60_000)],
        pins=False,
    ),
    Figure(
        name="durable-depth",
        title="SQLite, calls taken one at a time from 1,000,000, beside shallower queues",
        unit="claim",
        n=100,
        quick=20,
        expected=lambda n: n,
        rivals=[
            ours(store.at_depth(store.store, store.fill, 1_000_000)),
            *(beside(f"from {depth:,}", store.at_depth(store.store, store.fill, depth)) for depth in (1_000, 100_000)),
            floor("bare commit", store.bare_commits),
            lives_in(HUEY, "Huey, from 1,000", "deep_1000"),
            lives_in(HUEY, "Huey, from 100,000", "deep_100000"),
            lives_in(PIPETEER, "pipeteer, from 1,000", "deep_1000", share=10),
            lives_in(PIPETEER, "pipeteer, from 10,000", "deep_10000", share=50),
        ],
        targets=[at_most(1.5, "from 1,000", "from 100,000")],
        pins=False,
    ),
]
