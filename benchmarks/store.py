"""The SQLite store: lone writes and shared ones, the queue, reading what is recorded, wake-ups.

The floors do the same with `sqlite3` by hand, on a table with the same columns and indexes and as safely: each
commit is synced.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.model import Body, Figure, Opener, at_least, at_most, beside, floor, ours, within

BATCH = 256
DEEPEST = 1_000_000  # runs in a queue; a test of the benchmarks lowers it
Stores = Callable[[], AbstractContextManager[Any]]
"""Opens a new store, of whichever kind, and closes it afterwards: what is measured alike with several takes one."""

_numbers = count()


@contextmanager
def folder() -> Iterator[Path]:
    """On the disk that the project is on: a temporary one may be kept in memory, where syncing costs nothing."""
    with tempfile.TemporaryDirectory(prefix="store-", dir=Path(__file__).parent, ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def store() -> Iterator[Any]:
    """A new one."""
    from woflo.stores.sqlite import SQLiteStore

    with folder() as where:
        made = SQLiteStore(where / "runs.db")
        yield made
        made.close()


@contextmanager
def by_hand() -> Iterator[sqlite3.Connection]:
    """A connection to a file with the same schema."""
    from woflo.stores.sql import migrations

    with folder() as where:
        connection = sqlite3.connect(where / "runs.db", isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -16000")
        for text in migrations("sqlite"):
            connection.executescript(text)
        yield connection
        connection.close()


def row(**changes: Any) -> Any:
    """A run with an id of its own, in the order of time."""
    from woflo.stores.rows import Row

    fields = {"id": f"{next(_numbers):012}", "task": "task", "args": '{"x": 1}', "digest": "d" * 32, **changes}
    return Row(**fields)


def step(parent: str) -> Any:
    """A step that has ended."""
    from woflo.kernel.state import RunState

    ended = {"state": RunState.SUCCEEDED, "queue": None, "result": "1", "created_at": 1.0, "finished_at": 2.0}
    return row(parent_id=parent, **ended)


def begun(made: Any) -> Any:
    """The claim of a run that is under way."""
    from woflo.stores.operations import Beat, Submit
    from woflo.stores.rows import WorkerRow

    made.write(Beat(now=1.0, worker=WorkerRow(id="w", host="h", pid=1, lease_until=1e12), is_first=True))
    return made.write(Submit(now=1.0, runs=(row(worker="w"),)))[0].row.claim


def adding() -> tuple[str, Callable[[Any], tuple[Any, ...]]]:
    """The statement that adds a row, and its values."""
    from woflo.stores.sql import statements
    from woflo.stores.sql.rows import values_of

    return statements("sqlite")["add_run"], values_of


# -- writing -------------------------------------------------------------------------------------------


def recorded(stores: Stores) -> Opener:
    """A workflow records a step, and waits until it is kept."""

    @contextmanager
    def opened() -> Iterator[Body]:
        from woflo.stores.operations import Record

        with stores() as made:
            claim = begun(made)

            def body(n: int) -> int:
                for _ in range(n):
                    made.write(Record(now=2.0, claim=claim, steps=(step(claim.run_id),)))
                return n

            yield body

    return opened


@contextmanager
def bare_commits() -> Iterator[Body]:
    """A row, and a commit."""
    sql, values = adding()
    with by_hand() as connection:

        def body(n: int) -> int:
            for _ in range(n):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(sql, values(step("p")))
                connection.execute("COMMIT")
            return n

        yield body


def in_threads(threads: int, work: Callable[[int], object]) -> None:
    """`work` in so many threads at once, until all have ended."""
    made = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in made:
        thread.start()
    for thread in made:
        thread.join()


def recorded_in_threads(threads: int) -> Opener:
    """The same by several threads, each about a run of its own."""

    @contextmanager
    def opened() -> Iterator[Body]:
        from woflo.stores.operations import Record

        with store() as made:
            claims = [begun(made) for _ in range(threads)]

            def body(n: int) -> int:
                def work(number: int) -> None:
                    claim = claims[number]
                    for _ in range(n // threads):
                        made.write(Record(now=2.0, claim=claim, steps=(step(claim.run_id),)))

                in_threads(threads, work)
                return n

            yield body

    return opened


@contextmanager
def submitted() -> Iterator[Body]:
    """Handed over one by one without waiting, as event loops do; then all are waited for."""
    from woflo.stores.operations import Submit

    with store() as made:

        def body(n: int) -> int:
            left, ended = [n], threading.Event()

            def done(results: list[Any]) -> None:
                left[0] -= len(results)
                if not left[0]:
                    ended.set()

            for _ in range(n):
                made.submit([Submit(now=1.0, runs=(row(),))], done)
            ended.wait()
            return n

        yield body


@contextmanager
def one_commit() -> Iterator[Body]:
    """All rows in one commit."""
    sql, values = adding()
    with by_hand() as connection:

        def body(n: int) -> int:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(sql, [values(row()) for _ in range(n)])
            connection.execute("COMMIT")
            return n

        yield body


# -- the queue -----------------------------------------------------------------------------------------


def claimed_and_finished(stores: Stores) -> Opener:
    """A worker finishes a batch and claims the next one in the same commit."""

    @contextmanager
    def opened() -> Iterator[Body]:
        from woflo.kernel.state import RunState
        from woflo.stores.operations import ClaimReady, Finish, Submit

        with stores() as made:
            claim = ClaimReady(now=2.0, worker="w", limit=BATCH, tasks=("task",), queues=("default",))

            def body(n: int) -> int:
                made.write(Submit(now=1.0, runs=tuple(row() for _ in range(n))))
                ended, rows = 0, made.write(claim)
                while rows:
                    finishes = [Finish(now=3.0, claim=one.claim, state=RunState.SUCCEEDED, result="1") for one in rows]
                    *_, rows = made.apply([*finishes, claim])
                    ended += len(finishes)
                return ended

            yield body

    return opened


@contextmanager
def queue_by_hand() -> Iterator[Body]:
    """The least that a queue does: take a batch in order, mark each as ended."""
    sql, values = adding()
    take = (
        "UPDATE runs SET state = 'RUNNING', worker = 'w', fence = fence + 1 WHERE id IN (SELECT id FROM runs "
        "WHERE queue = 'default' AND state IN ('PENDING', 'RETRYING') AND run_after IS NULL AND queue IS NOT NULL "
        f"ORDER BY priority DESC, id LIMIT {BATCH}) RETURNING id"
    )
    end = "UPDATE runs SET state = 'SUCCEEDED', worker = NULL, result = '1' WHERE id = ? AND worker = 'w' AND fence = 1"
    with by_hand() as connection:

        def body(n: int) -> int:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(sql, [values(row()) for _ in range(n)])
            connection.execute("COMMIT")
            ended = 0
            ids: list[Any] = []
            while True:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(end, ids)
                ended += len(ids)
                ids = connection.execute(take).fetchall()
                connection.execute("COMMIT")
                if not ids:
                    return ended

        yield body


def at_depth(stores: Stores, fill: Callable[[Any, int], None], depth: int) -> Opener:
    """Runs are taken one at a time from a queue of so many, which `fill` adds."""

    @contextmanager
    def opened() -> Iterator[Body]:
        from woflo.stores.operations import ClaimReady, Submit

        with stores() as made:
            made.write(Submit(now=1.0, runs=(row(),)))
            fill(made, min(depth, DEEPEST))
            claim = ClaimReady(now=2.0, worker="w", limit=1, tasks=("task",), queues=("default",))
            yield lambda n: sum(len(made.write(claim)) for _ in range(n))

    return opened


def fill(made: Any, depth: int) -> None:
    """So many runs more, all alike but for their ids."""
    with sqlite3.connect(made.path) as connection:
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(runs)")]
        others = ", ".join(columns[1:])
        connection.execute(
            f"WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < {depth}) "
            f"INSERT INTO runs (id, {others}) SELECT printf('x%011d', n), {others} "
            f"FROM numbers, (SELECT * FROM runs LIMIT 1)"
        )
    connection.close()


# -- reading -------------------------------------------------------------------------------------------


@contextmanager
def steps_as_rows() -> Iterator[Body]:
    """All that a workflow has recorded, to go on with it."""
    from woflo.stores.operations import Record

    with store() as made:
        claim = begun(made)
        made.write(Record(now=2.0, claim=claim, steps=tuple(step(claim.run_id) for _ in range(10_000))))
        yield lambda n: sum(len(made.steps(claim.run_id)) for _ in range(n // 10_000))


@contextmanager
def steps_as_tuples() -> Iterator[Body]:
    """What `sqlite3` itself needs for them."""
    sql, values = adding()
    with by_hand() as connection:
        connection.execute("BEGIN")
        connection.executemany(sql, [values(step("p")) for _ in range(10_000)])
        connection.execute("COMMIT")
        read = "SELECT * FROM runs WHERE parent_id = 'p' ORDER BY id"
        yield lambda n: sum(len(connection.execute(read).fetchall()) for _ in range(n // 10_000))


# -- waking --------------------------------------------------------------------------------------------

_ECHO = """
import os, sys
from woflo.stores.opening import open_store
store = open_store(sys.argv[1])
seen = [""]
def look():
    for row in store.select(after=seen[0]):
        seen[0] = row.id
        os.write(1, b"!")
store.listen(look)
os.write(1, b"r")
sys.stdin.read()
store.close()
"""


@contextmanager
def echo(url: str) -> Iterator[Callable[[], object]]:
    """Another process that answers by a byte whenever it sees a new run in the store; waits for its next byte."""
    import subprocess
    import sys

    command = [sys.executable, "-c", _ECHO, url]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None and process.stdout is not None
        out = process.stdout.fileno()
        assert os.read(out, 1) == b"r"
        yield lambda: os.read(out, 1)
        process.stdin.close()


@contextmanager
def waking(stores: Stores, url_of: Callable[[Any], str]) -> Iterator[Callable[[], object]]:
    """A run is submitted; another process, which opens the store by its URL, sees it, and answers."""
    from woflo.stores.operations import Submit

    with stores() as made, echo(url_of(made)) as answered:
        yield lambda: (made.write(Submit(now=1.0, runs=(row(),))), answered())


def woken(stores: Stores, url_of: Callable[[Any], str]) -> Opener:
    """The same so many times."""

    @contextmanager
    def opened() -> Iterator[Body]:
        with waking(stores, url_of) as wake:
            yield lambda n: sum(bool(wake()) for _ in range(n))

    return opened


def url_of(made: Any) -> str:
    """Of an SQLite store."""
    return f"sqlite:///{made.path}"


def threads_figure(threads: int, target: float) -> Figure:
    """Writes by so many threads, against one thread that commits each row."""
    return Figure(
        name=f"store-threads-{threads}",
        title=f"SQLite store, writes by {threads} threads that wait for each",
        unit="write",
        n=6_400,
        quick=640,
        expected=lambda n: n,
        rivals=[ours(recorded_in_threads(threads)), floor("bare commits, one thread", bare_commits)],
        targets=[at_least(target, "bare commits, one thread")],
    )


FIGURES = [
    Figure(
        name="store-lone",
        title="SQLite store, one write after another",
        unit="write",
        n=2_000,
        quick=200,
        expected=lambda n: n,
        rivals=[ours(recorded(store)), floor("bare commits", bare_commits)],
        targets=[at_most(1.3, "bare commits")],
    ),
    threads_figure(4, 1.0),
    threads_figure(16, 2.0),
    threads_figure(64, 3.0),
    Figure(
        name="store-submits",
        title="SQLite store, 1,000 writes handed over without waiting, then waited for",
        unit="write",
        n=1_000,
        quick=1_000,
        expected=lambda n: n,
        rivals=[ours(submitted), floor("one commit", one_commit), beside("bare commits", bare_commits)],
        targets=[at_most(4.0, "one commit")],
    ),
    Figure(
        name="store-queue",
        title="SQLite store, submitted, claimed and finished in batches",
        unit="run",
        n=5_000,
        quick=1_000,
        expected=lambda n: n,
        rivals=[ours(claimed_and_finished(store)), floor("by hand", queue_by_hand)],
        targets=[at_most(3.0, "by hand")],
    ),
    Figure(
        name="store-depth",
        title="SQLite store, claims one at a time from 1,000,000 runs",
        unit="claim",
        n=200,
        quick=50,
        expected=lambda n: n,
        rivals=[ours(at_depth(store, fill, 1_000_000)), floor("from 10,000 runs", at_depth(store, fill, 10_000))],
        targets=[at_most(1.3, "from 10,000 runs")],
    ),
    Figure(
        name="store-steps",
        title="SQLite store, 10,000 steps read",
        unit="step",
        n=50_000,
        quick=10_000,
        expected=lambda n: n,
        rivals=[ours(steps_as_rows), floor("tuples", steps_as_tuples)],
        targets=[within(6e-6)],
    ),
    Figure(
        name="store-wake-up",
        title="SQLite store, another process sees a run and answers",
        unit="wake-up",
        n=500,
        quick=100,
        expected=lambda n: n,
        rivals=[ours(woken(store, url_of)), floor("bare commits, nobody woken", bare_commits)],
        targets=[within(2e-3)],
    ),
]
