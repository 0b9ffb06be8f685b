"""The schema of the SQLite file: how it comes about, and what is refused."""

from __future__ import annotations

import re
import sqlite3
import threading

import pytest
from unit_helpers import in_thread

from woflo.errors import StoreError
from woflo.kernel.state import RunState
from woflo.stores.rows import Row
from woflo.stores.sql import migrations, schema, statements, without_comments
from woflo.stores.sql.rows import values_of
from woflo.stores.sqlite import SQLiteStore
from woflo.stores.sqlite.connections import APPLICATION_ID


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "runs.db"


def made(path):
    """A file as the store makes it."""
    SQLiteStore(path).close()
    return path


def tables(connection):
    """The SQL of everything in it, without comments, and with blanks only where they part words."""
    found = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
    return {name: re.sub(r"\s*(\W)\s*", r"\1", re.sub(r"\s+", " ", without_comments(sql))) for name, sql in found}


def test_the_migrations_lead_to_the_schema(path):
    """A new file, which is made by all migrations, has what the documented schema has."""
    with sqlite3.connect(":memory:") as documented:
        documented.executescript(schema("sqlite"))
    with sqlite3.connect(made(path)) as file:
        assert tables(file) == tables(documented)
        assert len(tables(file)) >= 4


def test_a_file_tells_what_it_is(path):
    """Application id, version, write-ahead log; the folder is for its owner only."""
    with sqlite3.connect(made(path)) as file:
        assert file.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert file.execute("PRAGMA user_version").fetchone() == (len(migrations("sqlite")),)
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_power_may_go_at_any_time(path):
    """Each commit is synced."""
    store = SQLiteStore(path)
    assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)
    store.close()


def test_a_newer_schema_is_refused(path):
    """The error names both versions; the file is left as it is."""
    with sqlite3.connect(made(path)) as file:
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"runs\.db.*version 99.*newer woflo"):
        SQLiteStore(path)


def test_the_database_of_another_program_is_refused(path):
    """By its application id, or by a version that is not ours."""
    path.parent.mkdir()
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 1")
    with pytest.raises(StoreError, match="another program"):
        SQLiteStore(path)
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 0")
        file.execute("PRAGMA application_id = 7")
    with pytest.raises(StoreError, match="another program"):
        SQLiteStore(path)


def test_tables_of_users_stay(path):
    """The file may have been the user's before."""
    path.parent.mkdir()
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE mine (a)")
        file.execute("INSERT INTO mine VALUES (5)")
    with sqlite3.connect(made(path)) as file:
        assert file.execute("SELECT a FROM mine").fetchall() == [(5,)]
        assert "runs" in tables(file)


def test_a_migration_is_whole_or_not_at_all(path):
    """Where a step fails, because the user has a table of that name, nothing of it is there."""
    path.parent.mkdir()
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE workers (a)")
    with pytest.raises(StoreError, match="workers"):
        SQLiteStore(path)
    with sqlite3.connect(path) as file:
        assert set(tables(file)) == {"workers"}
        assert file.execute("PRAGMA user_version").fetchone() == (0,)


def test_an_older_file_is_migrated(path, monkeypatch):
    """By the steps that it lacks; what is in it stays."""
    store = SQLiteStore(path)
    store.close()
    steps = [*migrations("sqlite"), "CREATE TABLE later (a);\n-- A comment.\nCREATE INDEX later_a ON later (a);\n"]
    monkeypatch.setattr("woflo.stores.sqlite.connections.migrations", lambda dialect: steps)
    with sqlite3.connect(made(path)) as file:
        assert {"later", "later_a", "runs"} <= set(tables(file))
        assert file.execute("PRAGMA user_version").fetchone() == (len(steps),)


def test_opened_by_many_at_once(path):
    """A new file is made once, however many open it at the same time."""
    together = threading.Barrier(8)

    def open_one():
        together.wait(20)
        return SQLiteStore(path)

    for call in [in_thread(open_one) for _ in range(8)]:
        call().close()
    assert len(tables(sqlite3.connect(path))) >= 4


@pytest.mark.parametrize(
    "change",
    ["state = 'DONE'", "worker = 'w'", "stop_requested = 2", "fence = NULL", "task = NULL"],
)
def test_the_database_checks_too(path, change):
    """Whoever writes into the tables by hand cannot make states that there are not."""
    with sqlite3.connect(made(path)) as file:
        row = values_of(Row(id="a", task="t", state=RunState.PENDING))
        file.execute(statements("sqlite")["add_run"], row)
        with pytest.raises(sqlite3.IntegrityError):
            file.execute(f"UPDATE runs SET {change}")


def test_the_columns_are_those_of_rows(path):
    """In their order: rows are read and written by place."""
    with sqlite3.connect(made(path)) as file:
        columns = [name for _, name, *_ in file.execute("PRAGMA table_info(runs)")]
    assert sorted(columns) == sorted(Row.__slots__)
    row = Row(**{name: name for name in columns if name not in ("state", "waits_for", "stop_requested")})
    values = dict(zip(columns, values_of(row), strict=True))
    assert all(value == name for name, value in values.items() if name not in ("state", "waits_for", "stop_requested"))


@pytest.mark.parametrize("queue", ["q", "other"])
@pytest.mark.parametrize("statement", ["ready_in_queue", "claim_in_queue"])
def test_claiming_uses_the_index(path, queue, statement):
    """However many runs there are: no scan, no sorting."""
    made(path)
    with sqlite3.connect(path) as file:
        values = {"queue": queue, "tasks": "[]", "limit": 1, "worker": "w", "now": 1.0}
        plan = file.execute("EXPLAIN QUERY PLAN " + statements("sqlite")[statement], values).fetchall()
    text = " ".join(detail for *_, detail in plan)
    assert "runs_ready (queue=?)" in text
    assert "TEMP B-TREE" not in text
