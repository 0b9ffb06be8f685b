"""The writing connection in the hands of a user: what is for users to do, and what is refused."""

from __future__ import annotations

import sqlite3

import pytest

from woflo.errors import StoreError
from woflo.stores.operations import Beat, Publish, Submit
from woflo.stores.rows import Row, WorkerRow
from woflo.stores.sqlite import SQLiteStore


@pytest.fixture
def store(tmp_path):
    made = SQLiteStore(tmp_path / "runs.db")
    made.write(Beat(now=1.0, worker=WorkerRow(id="w", host="h", pid=1, lease_until=9.0), is_first=True))
    made.write(Submit(now=1.0, runs=(Row(id="a", task="t", worker="w"),)))
    yield made
    made.close()


def publish(store, value="1"):
    return Publish(now=2.0, claim=store.get("a").claim, name="n", value=value)


def mine(store):
    with store.transaction() as transaction:
        return transaction.connection.execute("SELECT a FROM mine").fetchall()


@pytest.fixture
def table(store):
    """A table of the user."""
    with store.transaction() as transaction:
        transaction.connection.execute("CREATE TABLE mine (a UNIQUE)")
        transaction.commit(publish(store))


@pytest.mark.parametrize(
    "use",
    [
        lambda connection: connection.commit(),
        lambda connection: connection.rollback(),
        lambda connection: connection.close(),
        lambda connection: connection.executescript("SELECT 1"),
        lambda connection: connection.__enter__(),
    ],
    ids=["commit", "rollback", "close", "executescript", "with"],
)
def test_methods_that_end_it(store, table, use):
    """Refused by name; the transaction goes on."""
    with store.transaction() as transaction:
        transaction.connection.execute("INSERT INTO mine VALUES (1)")
        with pytest.raises(StoreError, match=r"commit\(operation\)"):
            use(transaction.connection)
        transaction.commit(publish(store, "2"))
    assert mine(store) == [(1,)]
    assert store.published("a") == {"n": "2"}


@pytest.mark.parametrize(
    "sql",
    [
        "BEGIN",
        "COMMIT",
        "END",
        "ROLLBACK",
        "ATTACH ':memory:' AS other",
        "DELETE FROM runs",
        "UPDATE runs SET state = 'PENDING'",
        "INSERT INTO signals VALUES (1, '', '', '', '', 1, '')",
        "DROP TABLE workers",
        "ALTER TABLE runs RENAME TO walks",
        "PRAGMA user_version = 7",
    ],
)
def test_sql_that_is_not_for_users(store, table, sql):
    """SQLite refuses to prepare it; the transaction goes on, and the store's own statements are not affected."""
    with store.transaction() as transaction:
        transaction.connection.execute("INSERT INTO mine VALUES (1)")
        with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
            transaction.connection.execute(sql)
        transaction.commit(publish(store, "2"))
    assert mine(store) == [(1,)]
    store.write(Submit(now=3.0, runs=(Row(id="b", task="t"),)))
    assert len(store.snapshot().runs) == 2


@pytest.mark.parametrize("sql", ["COMMIT", "ROLLBACK"])
def test_the_words_of_the_store_are_its_own(store, table, sql):
    """What the store has prepared is not found by a user: also after many writes."""
    for number in range(3):
        store.write(publish(store, str(number)))
    with store.transaction() as transaction:
        with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
            transaction.connection.execute(sql)


def test_savepoints_are_the_users(store, table):
    """They stay within the transaction."""
    with store.transaction() as transaction:
        execute = transaction.connection.execute
        execute("INSERT INTO mine VALUES (1)")
        execute("SAVEPOINT one")
        execute("INSERT INTO mine VALUES (2)")
        execute("ROLLBACK TO one")
        execute("RELEASE one")
        transaction.commit(publish(store))
    assert mine(store) == [(1,)]


def test_what_the_store_holds_can_be_read(store):
    """By any SQL, as it stands within the transaction."""
    with store.transaction() as transaction:
        assert transaction.connection.execute("SELECT id, state FROM runs").fetchall() == [("a", "RUNNING")]


def test_a_statement_that_ends_the_transaction(store, table):
    """A conflict that rolls all back: commit says so, and keeps nothing."""
    with store.transaction() as transaction:
        execute = transaction.connection.execute
        execute("INSERT INTO mine VALUES (1)")
        with pytest.raises(sqlite3.IntegrityError):
            execute("INSERT OR ROLLBACK INTO mine VALUES (1)")
        with pytest.raises(StoreError, match="ended it"):
            transaction.commit(publish(store, "2"))
    assert mine(store) == []
    assert store.published("a") == {"n": "1"}


def test_settings_of_a_user_do_not_stay(store, table):
    """Factories for rows and texts are set back, also before the operation itself."""
    with store.transaction() as transaction:
        transaction.connection.row_factory = lambda *_: {}
        transaction.connection.text_factory = bytes
        transaction.commit(publish(store, "2"))
    ((accepted,),) = store.apply([Submit(now=3.0, runs=(Row(id="a", task="t"),))])
    assert accepted.row == store.get("a")


def test_the_connection_after_the_block(store):
    """It is not given out any more."""
    with store.transaction() as transaction:
        pass
    with pytest.raises(StoreError, match="over"):
        _ = transaction.connection
