"""A PostgreSQL that crashes, or whose connections break, under stores that write: nothing is lost or done twice."""

from __future__ import annotations

import os
import socket
import threading

import psycopg
import pytest
from postgres_cluster import Cluster
from systems import needs_postgres

from woflo.errors import StoreError
from woflo.kernel.state import RunState
from woflo.stores.opening import open_store
from woflo.stores.operations import Finish, Publish, Record, Send, Submit
from woflo.stores.postgres import PostgresStore
from woflo.stores.postgres.lending import LentConnection
from woflo.stores.rows import Row

pytestmark = needs_postgres


@pytest.fixture(scope="module")
def durable():
    """A server that keeps what it says it keeps."""
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def store(durable):
    made = open_store(durable.new_url())
    yield made
    made.close()


def begun(store, run_id):
    """A run that a worker holds."""
    return store.write(Submit(now=1.0, runs=(Row(id=run_id, task="t", worker="w"),)))[0].row.claim


def step(run_id, parent_id):
    return Row(id=run_id, task="s", queue=None, parent_id=parent_id, state=RunState.SUCCEEDED, result="1")


@pytest.mark.unmeasured
def test_restarted_under_four_writers(durable, store):
    """Each write returns once, all that returned is there, in its place, and nothing is there twice.

    A step that was done twice would be refused the second time, a signal that was sent twice told so.
    """
    stopped = threading.Event()
    written = dict.fromkeys("abcd", 0)
    failures = []

    def write(name):
        claim = begun(store, name)
        try:
            while not stopped.is_set():
                number = written[name]
                steps = (step(f"{name}:{number:06}", name),)
                assert store.write(Record(now=2.0, claim=claim, steps=steps)) == []
                assert store.write(Send(now=2.0, id=f"{name}{number}", run_id=name, name="n", value="1")) is True
                written[name] += 1
            store.write(Finish(now=3.0, claim=claim, state=RunState.SUCCEEDED))
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=write, args=(name,)) for name in written]
    for thread in threads:
        thread.start()
    for _ in range(4):
        wait_for_more(written, failures)
        durable.restart()
    wait_for_more(written, failures)
    stopped.set()
    for thread in threads:
        thread.join(60)
    assert failures == []
    for name, count in written.items():
        assert [row.id for row in store.steps(name)] == [f"{name}:{number:06}" for number in range(count)]
        assert store.get(name).state is RunState.SUCCEEDED
    assert len(store.snapshot().signals) == sum(written.values())


def wait_for_more(written, failures):
    """Until each writer has gone on."""
    from woflo.testing import wait_until

    before = dict(written)
    wait_until(lambda: failures or all(written[name] > before[name] + 2 for name in before), timeout=60)


def test_reading_through_a_restart(durable, store):
    """A reader asks again."""
    begun(store, "a")
    assert store.get("a") is not None
    for look in (lambda: store.get("a").id, lambda: store.snapshot().runs[0].id):
        durable.restart()
        assert look() == "a"


class Break:
    """Loses the connection at a commit: before the server has heard of it, or before it is heard."""

    def __init__(self, monkeypatch, *, is_kept, then=lambda: None):
        self.is_kept = is_kept
        self.times = 0
        self._real = LentConnection.commit
        self._then = then
        self.before = lambda connection: None
        self.is_armed = False
        monkeypatch.setattr(LentConnection, "commit", lambda connection: self._commit(connection))

    def _commit(self, connection):
        if not self.is_armed:
            return self._real(connection)
        self.is_armed = False
        self.times += 1
        self.before(connection)
        if self.is_kept:
            self._real(connection)
        connection.pgconn.finish()
        self._then()
        raise psycopg.OperationalError("the connection is lost, as the test wants")


@pytest.mark.parametrize("is_kept", [True, False])
def test_lost_at_the_commit(store, monkeypatch, is_kept):
    """Kept once, whether the server had committed or not."""
    claim = begun(store, "a")
    breaking = Break(monkeypatch, is_kept=is_kept)
    breaking.is_armed = True
    assert store.write(Record(now=2.0, claim=claim, steps=(step("a:0", "a"),))) == []
    breaking.is_armed = True
    store.write(Finish(now=3.0, claim=claim, state=RunState.SUCCEEDED))
    assert breaking.times == 2
    assert len(store.steps("a")) == 1
    assert store.get("a").state is RunState.SUCCEEDED


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_users_transaction_lost_at_the_commit(store, monkeypatch, is_kept):
    """It is kept and said so, or nothing is kept and it is refused: the user's part cannot be done again."""
    claim = begun(store, "a")
    breaking = Break(monkeypatch, is_kept=is_kept)
    with store.transaction() as transaction:
        transaction.connection.execute("CREATE TABLE mine (a INTEGER)")
        breaking.is_armed = True
        if is_kept:
            transaction.commit(Publish(now=2.0, claim=claim, name="n", value="1"))
        else:
            with pytest.raises(StoreError, match="lost"):
                transaction.commit(Publish(now=2.0, claim=claim, name="n", value="1"))
    assert store.published("a") == ({"n": "1"} if is_kept else {})
    with store.transaction() as transaction:
        there = transaction.connection.execute("SELECT to_regclass('mine')").fetchone()[0]
    assert (there is not None) is is_kept
    assert breaking.times == 1


def test_a_connection_that_hangs(store, monkeypatch):
    """The server does not notice that it is lost, and keeps rows locked: it is told to give them up."""
    claim = begun(store, "a")
    store.write(Publish(now=2.0, claim=claim, name="n", value="1"))
    breaking = Break(monkeypatch, is_kept=False)
    with socket.socket() as elsewhere:
        kept_open = os.dup(store._writer.connection.fileno())
        breaking.before = lambda connection: os.dup2(elsewhere.fileno(), connection.fileno())
        breaking.is_armed = True
        store.write(Publish(now=2.0, claim=claim, name="n", value="2"))
        os.close(kept_open)
    assert store.published("a") == {"n": "2"}


def test_lost_before_the_commit(durable, store):
    """What was not committed is done again."""
    claim = begun(store, "a")
    durable.execute("SELECT pg_terminate_backend(%s)", store._writer.backend)
    store.write(Publish(now=2.0, claim=claim, name="n", value="1"))
    assert store.published("a") == {"n": "1"}


def test_lost_in_the_hands_of_a_user(durable, store):
    """The user is told; nothing is kept; the next write works."""
    claim = begun(store, "a")

    def use():
        with store.transaction() as transaction:
            durable.execute("SELECT pg_terminate_backend(%s)", store._writer.backend)
            transaction.connection.execute("SELECT 1")

    with pytest.raises(psycopg.OperationalError):
        use()
    store.write(Publish(now=2.0, claim=claim, name="n", value="1"))


def test_a_server_that_stays_away(durable):
    """After the patience that was asked for, writes and reads are refused by name; when it is back they work."""
    store = PostgresStore(durable.new_url(), patience=0.3)
    claim = begun(store, "a")
    durable.crash()
    try:
        for use in (lambda: store.write(Publish(now=2.0, claim=claim, name="n", value="1")), lambda: store.get("a")):
            with pytest.raises(StoreError, match="cannot be reached"):
                use()
    finally:
        durable.start()
    store.write(Publish(now=2.0, claim=claim, name="n", value="2"))
    assert store.published("a") == {"n": "2"}
    store.close()


def test_nobody_can_tell(durable, monkeypatch):
    """Lost at the commit, and the server stays away: the error says that it is not known."""
    store = PostgresStore(durable.new_url(), patience=0.3)
    claim = begun(store, "a")
    Break(monkeypatch, is_kept=True, then=durable.crash).is_armed = True
    with pytest.raises(StoreError, match="nobody can tell"):
        store.write(Publish(now=2.0, claim=claim, name="n", value="1"))
    durable.start()
    store.write(Publish(now=2.0, claim=claim, name="n", value="2"))
    store.close()


def test_an_interruption_at_the_commit(store, monkeypatch):
    """Ctrl-C while the end is under way: what is kept is told as kept, and the interruption comes after that."""
    claim = begun(store, "a")
    real = LentConnection.commit
    interrupted = []

    def commit(connection):
        real(connection)
        if not interrupted:
            interrupted.append(1)
            raise KeyboardInterrupt

    monkeypatch.setattr(LentConnection, "commit", commit)
    monkeypatch.setattr("woflo.stores.postgres.writer.interrupt_main", lambda: interrupted.append(2))
    assert store.write(Record(now=2.0, claim=claim, steps=(step("a:0", "a"),))) == []
    assert interrupted == [1, 2]
    assert len(store.steps("a")) == 1
