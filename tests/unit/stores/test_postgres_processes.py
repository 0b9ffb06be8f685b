"""Several processes on one PostgreSQL: claims, deaths, wake-ups, forks."""

from __future__ import annotations

import threading
import time

import pytest
from process_helpers import (
    LISTENER,
    assert_refused_after_a_fork,
    no_descriptor_is_left,
    submit,
    write_in_a_hundred_threads,
)
from store_programs import Program
from systems import needs_fork, needs_postgres
from unit_helpers import PATIENCE, eventually, in_thread

from woflo.errors import StoreError
from woflo.stores.opening import open_store
from woflo.stores.operations import Beat
from woflo.stores.rows import WorkerRow

pytestmark = needs_postgres

OPEN = """
from woflo.stores.opening import open_store as opened
store = opened(path)
"""


@pytest.fixture
def store(url):
    made = open_store(url)
    yield made
    made.close()


CLAIMING = """
me = sys.argv[2]
store.write(Beat(now=1.0, worker=WorkerRow(id=me, host="h", pid=1, lease_until=1e9), is_first=True))
say("ready")
hear()
ended = ()
while True:
    claim = ClaimReady(now=2.0, worker=me, limit=64, tasks=("t",), queues=("default",))
    *_, rows = store.apply([*ended, claim])
    if not rows:
        break
    for row in rows:
        say(row.id)
    ended = [Finish(now=3.0, claim=row.claim, state=RunState.SUCCEEDED) for row in rows]
store.close()
"""


def test_two_processes_claim_five_thousand(store, url):
    """Each run is claimed once, and all are."""
    ids = [f"{number:04}" for number in range(5000)]
    store.write(submit(*ids))
    with Program(OPEN + CLAIMING, url, "v") as one, Program(OPEN + CLAIMING, url, "w") as other:
        assert (one.hear(), other.hear()) == ("ready", "ready")
        for program in (one, other):
            program.say()
        mine, others = one.rest(), other.rest()
    assert mine and others
    assert sorted(mine + others) == ids
    assert not store.select(states=["PENDING", "RUNNING"])


WRITING = """
number = 0
while True:
    store.write(submit(f"{number:06}"))
    say(f"{number:06}")
    number += 1
"""


def test_a_writer_that_is_killed(store, url):
    """What it was told is kept is there; of the rest at most what was under way; and others go on."""
    with Program(OPEN + WRITING, url) as program:
        told = [program.hear() for _ in range(50)]
        program.process.kill()
        told += program.rest()
    there = [row.id for row in store.select(limit=100_000)]
    assert there[: len(told)] == told
    assert len(there) - len(told) <= 1
    store.write(submit("later"))


def test_a_killed_writer_holds_nothing(store, url):
    """Rows that it has locked are free when it is gone."""
    text = """
    with store.transaction() as transaction:
        transaction.connection.execute(f"UPDATE {store._server.schema}.runs SET reason = 'x'")
        say("inside")
        hear()
    """
    store.write(submit("a"))
    with Program(OPEN + "\n".join(line[4:] for line in text.splitlines()), url) as program:
        assert program.hear() == "inside"
        program.process.kill()
        row = store.write(submit("a"))[0].row
        assert row.reason is None
        from woflo.stores.operations import Wake

        store.write(Wake(now=1.0, run_id="a"))


# -- wake-ups ------------------------------------------------------------------------------------------


def listening(store):
    return eventually(store._wakeups.connections)[0]


def test_others_are_woken(store, url):
    """A process that listens hears of what another one writes, long before it would have looked by itself."""
    with Program(OPEN + LISTENER, url) as listener:
        assert listener.hear() == "listens"
        store.write(submit("first"))
        assert listener.hear() == "first"
        begun = time.monotonic()
        for number in range(10):
            store.write(submit(f"{number}"))
            assert listener.hear() == f"{number}"
        assert time.monotonic() - begun < 4
        listener.say()
        assert listener.hear() == "closed"


def test_a_lost_connection_listens_again(postgres, store, url):
    """And looks at once, because nobody knows what was missed."""
    other = open_store(url)
    heard = threading.Event()
    other.listen(lambda: other.get("a") and heard.set())
    first = listening(other)
    postgres.execute("SELECT pg_terminate_backend(%s)", first.info.backend_pid)
    eventually(lambda: other._wakeups.connections() and listening(other) is not first)
    store.write(submit("a"))
    assert heard.wait(PATIENCE)
    other.close()


def test_the_truth_is_looked_at(postgres, store, monkeypatch):
    """What a program wrote that knows nothing of woflo is heard of, too, without a notification."""
    monkeypatch.setattr("woflo.stores.postgres.wakeups.PAUSE", 0.1)
    store.write(submit("a"))
    heard = threading.Event()
    store.listen(lambda: store.get("b") and heard.set())
    listening(store)
    postgres.execute(f"UPDATE {store._server.schema}.runs SET id = 'b'")
    assert heard.wait(PATIENCE)


def test_what_is_no_news_wakes_nobody(store, url):
    """Beats but the first, and claims, whether they find something or not: workers would keep each other awake."""
    from woflo.stores.operations import ClaimReady

    other = open_store(url)
    calls = []
    other.listen(lambda: calls.append(1))
    listening(other)
    eventually(lambda: calls)
    worker = WorkerRow(id="w", host="h", pid=1, lease_until=9.0)
    store.write(Beat(now=1.0, worker=worker, is_first=True))
    eventually(lambda: len(calls) == 2)  # one more that may die
    store.write(submit("a"))
    eventually(lambda: len(calls) == 3)
    for number in range(5):
        store.write(Beat(now=1.0, worker=worker))
        found = store.write(ClaimReady(now=1.0, worker="w", limit=1, tasks=("t",), queues=("default",)))
        assert [row.id for row in found] == ([] if number else ["a"])
    store.write(submit("b"))
    eventually(lambda: len(calls) == 4)
    other.close()


def test_only_who_listens_has_a_thread(postgres, url):
    """And a connection for it; both are gone when the store is closed."""
    connections = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %%' OR query LIKE 'LISTEN %'"
    before = postgres.execute(connections)[0][0]
    other = open_store(url)
    assert other._wakeups._thread is None
    other.listen(lambda: None)
    other.listen(lambda: None)
    eventually(lambda: postgres.execute(connections)[0][0] == before + 1)
    other.close()
    eventually(lambda: postgres.execute(connections)[0][0] == before)


# -- readers, forks, the end ---------------------------------------------------------------------------


def test_a_hundred_threads(store):
    """Each write is kept once, each thread gets its own result, and few connections are kept."""
    readers = write_in_a_hundred_threads(store, lambda: [in_thread(store.get, f"{number}.0") for number in range(50)])
    assert all(reader() is None or reader().task == "t" for reader in readers)
    assert len(store._readers.idle()) <= store._readers.KEPT


@needs_fork
def test_not_after_a_fork(postgres, url):
    """In the child the store is refused by name, may be opened again, and the parent's goes on."""
    before = 'store.get("before")\nstore.submit([submit("beside")], lambda results: None)'
    assert_refused_after_a_fork(OPEN, url, before=before, after='assert store.get("after")')
    store = open_store(url)
    assert [row.id for row in store.select()] == ["after", "before", "beside", "child"]
    store.close()


@needs_fork
def test_a_child_does_not_hold_what_its_parent_held(url):
    """A fork within a transaction: when the parent is killed, its locks end, though the child lives."""
    text = """
store.write(submit("a"))
with store.transaction() as transaction:
    transaction.connection.execute(f"SELECT FROM {store._server.schema}.runs FOR UPDATE")
    child = os.fork()
    if child == 0:
        hear()
        os._exit(0)
    say("forked")
    time.sleep(60)  # not for anything: the transaction is open until its process is killed
"""
    from woflo.stores.operations import Wake

    with Program(OPEN + text, url) as program:
        assert program.hear() == "forked"
        program.process.kill()
        store = open_store(url)
        store.write(Wake(now=1.0, run_id="a"))
        store.close()
        program.say()


def test_a_closed_store_leaves_nothing(postgres, url):
    """No descriptor, no connection, and no row of its own."""
    with no_descriptor_is_left():
        store = open_store(url)
        store.listen(lambda: None)
        store.submit([submit("a")], lambda results: None)
        store.get("a")
        store.close()
    assert postgres.execute(f"SELECT count(*) FROM {store._server.schema}.writers") == [(0,)]
    with pytest.raises(StoreError, match="closed"):
        store.write(submit("b"))
    with pytest.raises(StoreError, match="closed"):
        store.get("a")
