"""The PostgreSQL store: lone writes, the queue, its depth, wake-ups. `python -m benchmarks.postgres` shows the spread.

The floors do the same with psycopg by hand, on the same tables. The server is private, on loopback, and as safe as
PostgreSQL is by itself: each commit is synced.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.model import Body, Figure, at_least, at_most, floor, ours, within
from benchmarks.store import at_depth, claimed_and_finished, recorded, row, step, waking, woken

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where the private server is


@contextmanager
def server() -> Iterator[Any]:
    """One of its own for each rival."""
    from postgres_cluster import Cluster

    made = Cluster()
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def store() -> Iterator[Any]:
    """A new one, and its server."""
    from woflo.stores.postgres import PostgresStore

    with server() as cluster:
        made = PostgresStore(cluster.url)
        made.cluster = cluster
        yield made
        made.close()


@contextmanager
def by_hand() -> Iterator[Any]:
    """A connection to the same tables; each statement is a transaction."""
    import psycopg

    with store() as made, psycopg.connect(made.cluster.url, autocommit=True, prepare_threshold=0) as connection:
        yield connection


def adding(connection: Any) -> Any:
    """Adds a row."""
    from woflo.stores.sql import statements
    from woflo.stores.sql.rows import values_of

    sql = statements("postgres")["add_run"]
    return lambda one: connection.execute(sql, values_of(one))


# -- writing -------------------------------------------------------------------------------------------


@contextmanager
def bare_commits() -> Iterator[Body]:
    """A row, and a commit."""
    with by_hand() as connection:
        add = adding(connection)

        def body(n: int) -> int:
            for _ in range(n):
                add(step("p"))
            return n

        yield body


# -- the queue -----------------------------------------------------------------------------------------


TAKE = """
UPDATE woflo.runs SET state = 'RUNNING', worker = 'w', fence = fence + 1
WHERE id = (
    SELECT id FROM woflo.runs
    WHERE queue = 'default' AND state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL
    ORDER BY priority DESC, id LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING id
"""
END = "UPDATE woflo.runs SET state = 'SUCCEEDED', worker = NULL, result = '1' WHERE id = %s AND worker = 'w'"


@contextmanager
def queue_by_hand() -> Iterator[Body]:
    """One by one: submitted together, then claimed and ended, each in a transaction."""
    with by_hand() as connection:
        add = adding(connection)

        def body(n: int) -> int:
            with connection.transaction(), connection.pipeline():
                for _ in range(n):
                    add(row())
            ended = 0
            while found := connection.execute(TAKE).fetchone():
                connection.execute(END, found)
                ended += 1
            return ended

        yield body


def fill(made: Any, depth: int) -> None:
    """So many runs more, all alike but for their ids."""
    cluster = made.cluster
    names = cluster.execute("SELECT attname FROM pg_attribute WHERE attrelid = 'woflo.runs'::regclass AND attnum > 1")
    others = ", ".join(name for (name,) in names)
    cluster.execute(
        f"INSERT INTO woflo.runs (id, {others}) SELECT 'x' || lpad(n::text, 11, '0'), {others} "
        f"FROM generate_series(1, {depth}) n, (SELECT * FROM woflo.runs LIMIT 1) one"
    )
    cluster.execute("VACUUM ANALYZE woflo.runs")
    cluster.execute("CHECKPOINT")


def url_of(made: Any) -> str:
    """Of the store's server."""
    return str(made.cluster.url)


FIGURES = [
    Figure(
        name="postgres-lone",
        title="PostgreSQL store, one write after another",
        unit="write",
        n=1_000,
        quick=100,
        expected=lambda n: n,
        rivals=[ours(recorded(store)), floor("bare commits", bare_commits)],
        targets=[at_most(2.0, "bare commits")],
    ),
    Figure(
        name="postgres-queue",
        title="PostgreSQL store, submitted, claimed and finished in batches",
        unit="run",
        n=5_000,
        quick=1_000,
        expected=lambda n: n,
        rivals=[ours(claimed_and_finished(store)), floor("by hand, one by one", queue_by_hand)],
        targets=[at_least(3.0, "by hand, one by one")],
    ),
    Figure(
        name="postgres-depth",
        title="PostgreSQL store, claims one at a time from 1,000,000 runs",
        unit="claim",
        n=200,
        quick=50,
        expected=lambda n: n,
        rivals=[ours(at_depth(store, fill, 1_000_000)), floor("from 2,000 runs", at_depth(store, fill, 2_000))],
        targets=[at_most(1.3, "from 2,000 runs")],
    ),
    Figure(
        name="postgres-wake-up",
        title="PostgreSQL store, another process sees a run and answers",
        unit="wake-up",
        n=500,
        quick=100,
        expected=lambda n: n,
        rivals=[ours(woken(store, url_of)), floor("bare commits, nobody woken", bare_commits)],
        targets=[within(10e-3)],
    ),
]


def main() -> None:
    """How long wake-ups take, beside a bare commit."""
    from benchmarks.report import aligned
    from benchmarks.store_spread import times, told

    with waking(store, url_of) as wake:
        rows = [("wake-ups", "half within", "99 % within", "longest"), told("woflo, commit included", times(wake))]
    with by_hand() as connection:
        add = adding(connection)
        rows.append(told("bare commit, nobody woken", times(lambda: add(row()))))
    print("\n".join(aligned(rows)))


if __name__ == "__main__":
    main()
