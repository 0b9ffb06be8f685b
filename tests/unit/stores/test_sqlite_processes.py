"""Several processes on one file: turns, waiting, wake-ups, forks."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import threading
import time
from contextlib import ExitStack, closing
from tempfile import TemporaryDirectory

import pytest
from process_helpers import (
    LISTENER,
    assert_refused_after_a_fork,
    no_descriptor_is_left,
    submit,
    write_in_a_hundred_threads,
)
from store_programs import Program
from systems import needs_fork
from unit_helpers import PATIENCE, eventually, in_thread

from woflo.errors import StoreError
from woflo.stores.sqlite import SQLiteStore, turnstile, wakeups

OPEN = """
opened = SQLiteStore
store = opened(path)
"""
HOLDER = """
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
say("locked")
{until}
connection.execute("COMMIT")
say("released")
"""
WRITER = """
store = SQLiteStore(path)
say("ready")
name, seconds = sys.argv[2], float(sys.argv[3])
hear()
end, number = time.monotonic() + seconds, 0
while time.monotonic() < end:
    store.write(submit(f"{name}.{number}"))
    number += 1
say(number)
"""
"""Writes for some seconds, one after the other, and tells how many."""


@pytest.fixture
def stack():
    with ExitStack() as made:
        yield made


@pytest.fixture
def store(path):
    made = SQLiteStore(path)
    yield made
    made.close()


def test_another_program_holds_it_locked(store, path):
    """Writers wait, readers do not, and when it lets go all are kept."""
    store.write(submit("before"))
    with Program(HOLDER.format(until="hear()"), path) as holder:
        assert holder.hear() == "locked"
        calls = [in_thread(store.write, submit(f"{number}")) for number in range(4)]
        eventually(lambda: store._committer._is_led)
        assert [row.id for row in store.select()] == ["before"]
        holder.say()
        assert holder.hear() == "released"
        assert all(call()[0].is_new for call in calls)
    assert len(store.select()) == 5


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_locked_for_twenty_seconds(store, path):
    """It is waited for patiently, by several processes, and nobody is refused."""
    with ExitStack() as stack:
        # It sleeps in place of a program whose transaction takes that long.
        holder = stack.enter_context(Program(HOLDER.format(until="time.sleep(20)"), path))
        assert holder.hear() == "locked"
        writers = [stack.enter_context(Program(WRITER, path, name, 1)) for name in "ab"]
        begun = time.monotonic()
        call = in_thread(store.write, submit("here"))
        assert call(60)[0].is_new
        assert time.monotonic() - begun > 10
        for writer in writers:
            assert writer.hear() == "ready"
            writer.say()
        assert all(int(writer.hear()) > 0 for writer in writers)


def test_a_process_that_was_stopped_in_its_turn(store, path, monkeypatch):
    """A turn is waited for a while only. Where SQLite itself is free, the others go on, and take turns again later."""
    monkeypatch.setattr(turnstile, "LONGEST", 0.2)
    text = """
    from woflo.stores.sqlite.turnstile import Turnstile
    with Turnstile(f"{path}-peers"):
        say("inside")
        hear()
    say("outside")
    hear()
    """
    with Program(text, path) as program:
        assert program.hear() == "inside"
        os.kill(program.process.pid, signal.SIGSTOP)
        assert store.write(submit("a"))[0].is_new and not store._turnstile._has_turn
        assert store.write(submit("b"))[0].is_new
        os.kill(program.process.pid, signal.SIGCONT)
        program.say()
        assert program.hear() == "outside"
        eventually(lambda: not store._turnstile._is_waiting)
        with store._turnstile:
            assert store._turnstile._has_turn
        program.say()


def test_a_process_that_was_stopped_in_a_transaction(path, monkeypatch):
    """The error tells who holds the file, and that it is stopped; when that goes on, so do the others."""
    monkeypatch.setattr(turnstile, "LONGEST", 0.1)
    text = """
    store = SQLiteStore(path)
    with store.transaction() as transaction:
        say("inside")
        hear()
    store.write(Submit(now=1.0, runs=(Row(id="other", task="t"),)))
    say("outside")
    hear()
    """
    with closing(SQLiteStore(path, patience=0.1)) as store, Program(text, path) as program:
        assert program.hear() == "inside"
        os.kill(program.process.pid, signal.SIGSTOP)
        with pytest.raises(StoreError, match=rf"locked.*process {program.process.pid} .*stopped.*-CONT"):
            store.write(submit("a"))
        os.kill(program.process.pid, signal.SIGCONT)
        program.say()
        assert program.hear() == "outside"
        assert store.write(submit("a"))[0].is_new
        program.say()
        assert [row.id for row in store.select()] == ["a", "other"]


@pytest.mark.unmeasured
@pytest.mark.parametrize("count", [2, 4])
def test_all_get_their_turn(store, path, count):
    """Of processes that write without a pause the slowest gets at least half of what the fastest gets."""
    with ExitStack() as stack:
        writers = [stack.enter_context(Program(WRITER, path, name, 2)) for name in "abcd"[:count]]
        for writer in writers:
            assert writer.hear() == "ready"
        for writer in writers:
            writer.say()
        counts = [int(writer.hear()) for writer in writers]
    assert min(counts) >= 0.5 * max(counts), counts
    assert len(store.select(limit=sum(counts) + 1)) == sum(counts)


def test_a_writer_that_is_killed_in_its_turn(store, path):
    """Its locks end with it: nobody waits for it."""
    text = """
    store = SQLiteStore(path)
    with store.transaction() as transaction:
        transaction.connection.execute("CREATE TABLE never (a)")
        say("inside")
        hear()
    """
    with Program(text, path) as program:
        assert program.hear() == "inside"
        call = in_thread(store.write, submit("a"))
        eventually(lambda: store._committer._is_led)
        program.process.kill()
        assert call()[0].is_new
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'never'").fetchone() == (0,)


def test_a_hundred_threads(store):
    """Each write is kept once, and each thread gets its own result."""
    write_in_a_hundred_threads(store)


def test_many_readers_at_once(store):
    """Each has a connection of its own; not all of them are kept."""
    store.write(submit("a"))
    with ExitStack() as stack:
        connections = {stack.enter_context(store._readers.one()) for _ in range(2 * store._readers.KEPT)}
        assert len(connections) == 2 * store._readers.KEPT
    assert len(store._readers.idle()) == store._readers.KEPT
    assert store.get("a") is not None


# -- wake-ups ------------------------------------------------------------------------------------------


def test_others_are_woken(store, path):
    """A process that listens hears of what another one writes, long before it would have looked by itself."""
    with Program(OPEN + LISTENER, path) as listener:
        assert listener.hear() == "listens"
        begun = time.monotonic()
        for number in range(10):
            store.write(submit(f"{number}"))
            assert listener.hear() == f"{number}"
        assert time.monotonic() - begun < 10 * wakeups.PAUSE / 2
        listener.say()
        assert listener.hear() == "closed"
    assert sockets(path) == []


def sockets(path):
    folder = wakeups.socket_folder(f"{path}-peers")
    return [name for name in os.listdir(folder) if name.endswith(".sock")]


def test_the_truth_is_looked_at(store, path):
    """What a program wrote that knows nothing of woflo is heard of, too, without a wake-up."""
    store.write(submit("a"))
    with Program(OPEN + LISTENER, path) as listener:
        assert {listener.hear(), listener.hear()} == {"listens", "a"}
        with sqlite3.connect(path) as file:
            file.execute("UPDATE runs SET id = 'b'")
        assert listener.hear() == "b"


def test_sockets_of_the_dead_are_removed(store, path):
    """Whoever writes next removes them."""
    with Program(OPEN + LISTENER, path) as listener:
        assert listener.hear() == "listens"
        assert len(sockets(path)) == 1
        listener.process.kill()
        listener.process.wait(PATIENCE)
        store.write(submit("a"))
        assert sockets(path) == []


def test_a_listener_that_does_not_keep_up(store, path):
    """Writers do not wait for it."""
    folder = wakeups.socket_folder(f"{path}-peers")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(os.path.join(folder, "deaf.sock"))
        for number in range(100):
            store.write(submit(f"{number}"))
        assert deaf.recv(10) == b"!"


def test_a_path_that_is_too_long_for_sockets(tmp_path, stack, monkeypatch):
    """Their folder is then under the temporary one, for this user only."""
    temporary = stack.enter_context(TemporaryDirectory(dir="/tmp"))  # the test's own is too long already
    monkeypatch.setattr("tempfile.tempdir", temporary)
    path = tmp_path / ("x" * 100) / "runs.db"
    writer, listener = SQLiteStore(path), SQLiteStore(path)
    heard = threading.Event()
    listener.listen(lambda: listener.get("a") and heard.set())
    assert len(sockets(path)) == 1
    folder = wakeups.socket_folder(f"{path}-peers")
    assert folder.startswith(f"{temporary}/woflo-")
    assert os.stat(os.path.dirname(folder)).st_mode & 0o777 == 0o700
    writer.write(submit("a"))
    assert heard.wait(PATIENCE)
    writer.close()
    listener.close()
    assert sockets(path) == []


def test_only_who_listens_has_a_thread(store, path):
    """And it is gone when the store is closed."""

    def threads():
        return [thread for thread in threading.enumerate() if thread.name == "woflo-listen" and thread.is_alive()]

    before = len(threads())
    other = SQLiteStore(path)
    assert len(threads()) == before
    other.listen(lambda: None)
    other.listen(lambda: None)
    assert len(threads()) == before + 1
    other.close()
    assert len(threads()) == before


# -- forks ---------------------------------------------------------------------------------------------


@needs_fork
def test_not_after_a_fork(path):
    """In the child the store is refused by name, may be opened again, and the parent's goes on."""
    beside = 'store.submit([submit("beside")], lambda results: None)'
    assert_refused_after_a_fork(OPEN, path, before=beside)
    store = SQLiteStore(path)
    assert [row.id for row in store.select()] == ["after", "before", "beside", "child"]
    store.close()


@needs_fork
def test_a_child_does_not_keep_the_turn(path):
    """A fork while the parent writes: when the parent is killed its turn ends, though the child lives."""
    text = """
    store = SQLiteStore(path)
    with store.transaction():
        child = os.fork()
        if child == 0:
            hear()
            os._exit(0)
        say("forked")
        time.sleep(60)  # not for anything: it has the turn until its process is killed
    """
    with Program(text, path) as program:
        assert program.hear() == "forked"
        program.process.kill()
        store = SQLiteStore(path)
        assert store.write(submit("a"))[0].is_new
        store.close()
        program.say()


def test_a_closed_store_leaves_nothing(path):
    """No descriptor, thread or socket."""
    with no_descriptor_is_left():
        store = SQLiteStore(path)
        store.listen(lambda: None)
        store.submit([submit("a")], lambda results: None)
        store.get("a")
        store.close()
    with pytest.raises(StoreError, match="closed"):
        store.write(submit("b"))


@needs_fork
def test_a_fork_waits_until_no_other_thread_is_within_sqlite(path):
    """Else its child would inherit locks that nobody gives back: it can open the file, and write, at once."""
    store = SQLiteStore(path)
    entered, leave = threading.Event(), threading.Event()

    def read():
        with store._readers.one():
            entered.set()
            assert leave.wait(PATIENCE)

    forked = threading.Event()

    def fork():
        child = os.fork()
        if child == 0:
            with ExitStack() as stack:
                stack.callback(os._exit, 1)
                SQLiteStore(path).write(submit("child"))
                os._exit(0)
        forked.set()
        return os.waitpid(child, 0)[1]

    reading = in_thread(read)
    assert entered.wait(PATIENCE)
    forking = in_thread(fork)
    assert not forked.wait(0.2)
    leave.set()
    reading()
    assert forking() == 0
    assert [row.id for row in store.select()] == ["child"]
    store.close()
