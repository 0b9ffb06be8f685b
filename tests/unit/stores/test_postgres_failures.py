"""What is told when PostgreSQL cannot be used, and what users may do with the lent connection."""

from __future__ import annotations

import sys
from itertools import count

import pytest
from systems import needs_postgres
from unit_helpers import eventually, in_thread

from woflo.errors import KeyConflictError, StoreError
from woflo.kernel.state import RunState
from woflo.stores.opening import open_store
from woflo.stores.operations import Finish, Publish, Record, RequestStop, Submit
from woflo.stores.rows import Row

pytestmark = needs_postgres
_numbers = count()


@pytest.fixture
def store(url):
    made = open_store(url)
    yield made
    made.close()


def begun(store, run_id="a"):
    """A run that a worker holds."""
    row = Row(id=run_id, task="t", worker="w", parent_id=run_id.rpartition(":")[0] or None)
    return store.write(Submit(now=1.0, runs=(row,)))[0].row.claim


# -- opening -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?password=hunter2", "?sslmode=disable&application_name=hunter2"])
def test_a_wrong_password_is_not_told(postgres, query):
    """The error names the server and the cause, and not the password."""
    role = "secretive"
    postgres.execute(f"DROP ROLE IF EXISTS {role}")
    postgres.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'right'")
    url = f"postgresql://{role}:hunter2@127.0.0.1:{postgres.port}/postgres{query}"
    with pytest.raises(StoreError, match=rf"127\.0\.0\.1:{postgres.port}/postgres: .*password") as caught:
        open_store(url)
    error = caught.value
    while error is not None:
        assert "hunter2" not in str(error)
        error = error.__cause__


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:nothing",
        "postgres://u:hunter2/x@host/db",
        "postgres://u:hunter@2@host/db",
        "postgresql://u:hunter2@host/db?nonsense=1",
        "postgresql://u:hunter2%zz@host/db",
        "postgresql://u:hunter2@host/db?schema=No;",
    ],
)
def test_a_url_that_is_none(url):
    """Refused, and nothing of the password is told."""
    with pytest.raises(StoreError) as caught:
        open_store(url)
    assert "hunter" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_without_the_driver(monkeypatch):
    """The error says what to install."""
    for name in [name for name in sys.modules if name.startswith("woflo.stores.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"psycopg.*pip install 'woflo\[postgres\]'"):
        open_store("postgresql://localhost/x")


def test_nobody_there():
    """Opening does not wait: the URL may be wrong."""
    with pytest.raises(StoreError, match="cannot be reached"):
        open_store("postgresql://127.0.0.1:1/x")


def test_a_user_who_may_not(postgres):
    """The error says so."""
    postgres.execute("DROP ROLE IF EXISTS nobody_special")
    postgres.execute("CREATE ROLE nobody_special LOGIN")
    with pytest.raises(StoreError, match="the user may not do that"):
        open_store(postgres.new_url().replace("postgres@", "nobody_special@"))


def test_an_old_server(postgres, monkeypatch):
    """Refused by its version."""
    monkeypatch.setattr("woflo.stores.postgres.preparing.OLDEST", 990000)
    with pytest.raises(StoreError, match=r"version \d+, and 99 is needed"):
        open_store(postgres.new_url())


# -- writing -------------------------------------------------------------------------------------------


def test_one_bad_value_among_many(store):
    """It fails by itself, and its neighbours are kept, in one commit."""
    rows = [Row(id=f"{number}", task="t", args="\0" if number == 3 else "{}") for number in range(6)]
    results = store.apply([Submit(now=1.0, runs=(row,)) for row in rows])
    assert [isinstance(one, StoreError) for one in results] == [False, False, False, True, False, False]
    assert "a value cannot be stored" in str(results[3])
    assert len(store.select()) == 5


def test_what_others_lock_is_waited_for(store, url, monkeypatch):
    """Two stores write about the same runs in opposite orders, again and again, and no deadlock comes of it."""
    monkeypatch.setattr("woflo.stores.postgres.writer.MOST_COLLISIONS", 0)
    other = open_store(url)
    claims = [begun(store, name) for name in "ab"]

    def use(one, claims):
        for number in range(40):
            one.apply([Publish(now=1.0, claim=claim, name="n", value=str(number)) for claim in claims])

    calls = [in_thread(use, store, claims), in_thread(use, other, claims[::-1])]
    assert [call() for call in calls] == [None, None]
    other.close()
    assert store.published("a") == store.published("b") == {"n": "39"}


def test_collisions_are_tried_again(store, monkeypatch):
    """A serialization failure or a deadlock is not the writer's fault."""
    import psycopg

    real, left = store._writer.ask, [3]

    def ask(statements):
        if left[0] and any(name == "add_run" for name, _ in statements):
            left[0] -= 1
            raise psycopg.errors.DeadlockDetected("made up")
        return real(statements)

    monkeypatch.setattr(store._writer, "ask", ask)
    assert store.write(Submit(now=1.0, runs=(Row(id="a", task="t"), Row(id="b", task="t"))))[0].is_new
    left[0] = 1000
    with pytest.raises(StoreError, match="made up"):
        store.write(Submit(now=1.0, runs=(Row(id="c", task="t"), Row(id="d", task="t"))))
    assert left[0] > 900


def test_a_child_ends_while_its_tree_is_stopped(postgres, store, url, monkeypatch):
    """Locks are taken in one order, whichever end of the tree a write begins at."""
    import psycopg

    monkeypatch.setattr("woflo.stores.postgres.writer.MOST_COLLISIONS", 0)
    claim = begun(store, "a:0")
    store.write(Submit(now=1.0, runs=(Row(id="a", task="t"), Row(id="a:1", task="t", parent_id="a"))))
    other = open_store(url)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with psycopg.connect(postgres.url) as user:
        user.execute(f"SELECT FROM {store._server.schema}.runs WHERE id = 'a:1' FOR UPDATE")
        stopped = in_thread(other.write, RequestStop(now=2.0, run_id="a"))
        eventually(lambda: postgres.execute(waiting) == [(1,)])
        ended = in_thread(store.write, Finish(now=2.0, claim=claim, state=RunState.SUCCEEDED))
        eventually(lambda: postgres.execute(waiting) == [(2,)])
    assert (stopped(), ended()) == (RunState.STOPPED, None)
    other.close()


# -- the lent connection -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["commit", "rollback", "close", "__enter__"])
def test_ways_to_end_the_transaction_are_refused(store, way):
    """By name, and what the user wrote is kept all the same."""
    claim = begun(store)
    with store.transaction() as transaction:
        transaction.connection.execute("CREATE TABLE mine (a INTEGER)")
        with pytest.raises(StoreError, match="not for this connection"):
            getattr(transaction.connection, way)()
        transaction.commit(Record(now=2.0, claim=claim))
    with store.transaction() as transaction:
        assert transaction.connection.execute("SELECT * FROM mine").fetchall() == []


@pytest.mark.parametrize("sql", ["COMMIT", "END", "ROLLBACK", "COMMIT AND CHAIN", "PREPARE TRANSACTION 'x'"])
def test_sql_that_ends_the_transaction_keeps_nothing(store, sql):
    """Neither the user's rows without the operation, nor the operation without them."""
    import psycopg

    claim = begun(store)
    with store.transaction() as transaction:
        transaction.connection.execute("CREATE TABLE mine (a INTEGER)")
        try:
            transaction.connection.execute(sql)
        except psycopg.Error:
            pass
        with pytest.raises(StoreError):
            transaction.commit(Publish(now=2.0, claim=claim, name="n", value="1"))
    with store.transaction() as transaction:
        assert transaction.connection.execute("SELECT to_regclass('mine')").fetchone() == (None,)
    assert store.published("a") == {}
    store.write(Publish(now=2.0, claim=claim, name="n", value="2"))


def test_the_connection_as_it_was(store):
    """What a user has set on the connection ends with the block; a savepoint is the user's own."""
    from psycopg.rows import dict_row

    claim = begun(store)
    with store.transaction() as transaction:
        connection = transaction.connection
        connection.row_factory = dict_row
        connection.execute("CREATE TABLE mine (a INTEGER)")
        with pytest.raises(ZeroDivisionError), connection.transaction():
            connection.execute("INSERT INTO mine VALUES (1)")
            raise ZeroDivisionError
        assert connection.execute("SELECT count(*) AS many FROM mine").fetchone() == {"many": 0}
        transaction.commit(Publish(now=2.0, claim=claim, name="n", value="1"))
    store.write(Finish(now=3.0, claim=claim, state=RunState.SUCCEEDED))
    again = store.write(Submit(now=4.0, runs=(Row(id="a", task="t"),)))
    assert [one.row for one in again] == [store.get("a")]


# -- a lone call ---------------------------------------------------------------------------------------


def test_a_lone_call_takes_one_round_trip(store, monkeypatch):
    """It is added and kept at once; of one that is there already nothing is changed."""
    asked = []
    real = store._writer.ask
    monkeypatch.setattr(store._writer, "ask", lambda statements: asked.append(statements) or real(statements))
    (one,) = store.write(Submit(now=1.0, runs=(Row(id="a", task="t"),)))
    assert (one.is_new, one.row, asked) == (True, store.get("a"), [])
    (again,) = store.write(Submit(now=2.0, runs=(Row(id="a", task="t"),)))
    assert (again.is_new, again.row) == (False, one.row)
    with pytest.raises(KeyConflictError):
        store.write(Submit(now=2.0, runs=(Row(id="a", task="t", digest="other"),)))
    assert store.get("a") == one.row


def test_a_lone_call_with_a_bad_value_is_refused(store):
    """By its name, and the next one is kept."""
    with pytest.raises(StoreError, match="a value cannot be stored"):
        store.write(Submit(now=1.0, runs=(Row(id="a", task="t", args="\0"),)))
    assert store.write(Submit(now=1.0, runs=(Row(id="a", task="t"),)))[0].is_new


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_lone_call_whose_answer_is_lost_is_there_once(store, is_kept, monkeypatch):
    """Whether it was kept before the connection went or not."""
    import psycopg

    connection = store._writer.connection
    real = connection.commit

    def commit():
        if not is_kept:
            connection.close()
        real()
        connection._pipeline.sync() if connection._pipeline else None
        connection.close()
        raise psycopg.OperationalError("made up")

    monkeypatch.setattr(connection, "commit", commit)
    store.write(Submit(now=1.0, runs=(Row(id="a", task="t"),)))
    assert [row.id for row in store.select()] == ["a"]
    assert store._writer.connection is not connection
