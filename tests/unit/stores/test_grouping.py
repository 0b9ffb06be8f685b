"""Group commit, against an `apply` that the test holds up: who leads, what is kept together, who hears what."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from unit_helpers import PATIENCE, eventually, in_thread

from woflo.errors import StoreError
from woflo.stores import grouping
from woflo.stores.grouping import Committer


class Disk:
    """Keeps what it is given when the test lets it. Operations are texts; "bad…" is refused."""

    def __init__(self):
        self.commits = []
        self.threads = []
        self.begun = SimpleQueue()
        self.gates = SimpleQueue()
        self.is_gated = False
        self.error = None
        self.committing = threading.Lock()
        self.kept = 0
        self.committer = Committer(self.apply, self.count)

    def apply(self, operations):
        assert self.committing.acquire(blocking=False), "two threads commit at the same time"
        try:
            self.begun.put(list(operations))
            if self.is_gated:
                self.gates.get(timeout=PATIENCE)
            if self.error is not None:
                error, self.error = self.error, None
                raise error
            self.commits.append(list(operations))
            self.threads.append(threading.get_ident())
            return [LookupError(one) if one.startswith("bad") else f"{one} kept" for one in operations]
        finally:
            self.committing.release()

    def count(self):
        self.kept += 1

    def begins(self):
        """What the next commit has in it, once it has begun."""
        return self.begun.get(timeout=PATIENCE)

    def let_go(self, commits=1):
        for _ in range(commits):
            self.gates.put(None)

    def open(self):
        """From now on nothing is held up."""
        self.is_gated = False
        self.let_go(100)

    def write(self, operation):
        """In a thread of its own, which waits in the queue when this returns."""
        call = in_thread(self.committer.write, operation)
        eventually(lambda: operation in self.known())
        return call

    def known(self):
        waiting = [one for write in self.committer._waiting for one in write.operations]
        return [*waiting, *(one for commit in self.commits for one in commit)]


@pytest.fixture
def disk():
    made = Disk()
    yield made
    made.open()
    made.committer.close()


@contextmanager
def held(disk):
    """A commit of "first" is under way: what comes now waits."""
    disk.is_gated = True
    first = in_thread(disk.committer.write, "first")
    assert disk.begins() == ["first"]
    yield
    disk.open()
    assert first() == "first kept"


def test_a_lone_writer_commits_in_its_own_thread(disk):
    """No other thread has a part in it."""
    assert disk.committer.write("a") == "a kept"
    assert disk.threads == [threading.get_ident()]
    assert disk.kept == 1


def test_what_comes_meanwhile_is_kept_by_one_commit(disk):
    """In the order in which it came, each thread with its own result."""
    with held(disk):
        calls = [disk.write(name) for name in ("a", "bad b", "c")]
    assert calls[0]() == "a kept" and calls[2]() == "c kept"
    with pytest.raises(LookupError, match="bad b"):
        calls[1]()
    assert disk.commits == [["first"], ["a", "bad b", "c"]]


def test_the_next_leader_does_not_wait_for_those_before(disk):
    """When a commit is over, the next one begins before the last has told everybody."""
    told = threading.Event()
    with held(disk):
        disk.committer._kept = lambda: told.wait(PATIENCE)
        call = disk.write("a")
        disk.let_go()
        assert disk.begins() == ["a"]  # while the first leader still tells
        disk.committer._kept = disk.count
        told.set()
    assert call() == "a kept"


def test_an_error_of_the_disk_reaches_everybody(disk):
    """Each writer of that commit gets it, and the next write works."""
    with held(disk):
        calls = [disk.write(name) for name in "ab"]
        results = []
        disk.committer.submit(["c", "d"], results.append)
        disk.let_go()
        assert disk.begins() == ["a", "b", "c", "d"]
        disk.error = OSError("no disk")
    for call in calls:
        with pytest.raises(OSError, match="no disk"):
            call()
    ((c, d),) = eventually(lambda: results)
    assert isinstance(c, OSError) and c is d
    assert disk.committer.write("e") == "e kept"


def test_a_commit_takes_about_so_many(disk, monkeypatch):
    """What comes after a full commit has a part in the next one."""
    monkeypatch.setattr(grouping, "MOST", 2)
    with held(disk):
        calls = [disk.write(name) for name in "abcde"]
    assert [call() for call in calls] == [f"{name} kept" for name in "abcde"]
    assert disk.commits == [["first"], ["a", "b"], ["c", "d"], ["e"]]


def test_submitted_operations_stay_together(disk, monkeypatch):
    """However many they are, and a leader commits until its own write is kept."""
    monkeypatch.setattr(grouping, "MOST", 2)
    results = []
    with held(disk):
        disk.committer.submit(["a", "b", "bad c"], results.append)
        call = disk.write("d")
    assert call() == "d kept"
    assert disk.commits == [["first"], ["a", "b", "bad c"], ["d"]]
    ((a, b, c),) = eventually(lambda: results)
    assert (a, b, type(c)) == ("a kept", "b kept", LookupError)


def test_what_is_submitted_needs_no_writer(disk):
    """A thread of its own commits it, also what comes while it does."""
    disk.is_gated = True
    results = []
    disk.committer.submit(["a"], results.append)
    assert disk.begins() == ["a"]
    for name in "bc":
        disk.committer.submit([name], results.append)
    disk.open()
    eventually(lambda: len(results) == 3)
    assert results == [["a kept"], ["b kept"], ["c kept"]]
    assert disk.commits == [["a"], ["b", "c"]]
    assert disk.threads[0] == disk.threads[1] != threading.get_ident()


def test_what_is_kept_first_is_told_first(disk):
    """Also where the thread that has to tell is held up, and another one commits meanwhile."""
    told, begun, gate = [], threading.Event(), threading.Event()

    def slow(results):
        begun.set()
        assert gate.wait(PATIENCE)
        told.extend(results)

    with held(disk):
        disk.committer.submit(["first"], slow)
        write = disk.write("a")
    assert begun.wait(PATIENCE)  # in the thread of that write
    disk.committer.submit(["second"], told.extend)
    disk.committer.write("b")
    assert [one for commit in disk.commits for one in commit][-4:] == ["first", "a", "second", "b"]
    assert told == []
    gate.set()
    assert write() == "a kept"
    eventually(lambda: told == ["first kept", "second kept"])


def test_nothing_cannot_be_submitted(disk):
    """There would be nothing to tell."""
    with pytest.raises(ValueError, match="nothing"):
        disk.committer.submit([], print)


def test_a_callback_that_writes_is_told(disk):
    """Its thread may be the one that commits, and would wait for itself; what it submits is kept."""
    errors, results = [], []

    def done(_):
        try:
            disk.committer.write("x")
        except StoreError as error:
            errors.append(error)
        disk.committer.submit(["y"], results.append)

    disk.is_gated = True
    disk.committer.submit(["a"], done)
    assert disk.begins() == ["a"]
    disk.committer.submit(["b"], results.append)  # so that the same thread goes on
    disk.open()
    eventually(lambda: len(results) == 2)
    assert len(errors) == 1
    assert results == [["b kept"], ["y kept"]]


def test_callbacks_and_listeners_that_raise(disk):
    """Nobody else is harmed by them."""

    def bad(*_):
        raise ZeroDivisionError

    disk.committer._kept = bad
    results = []
    with held(disk):
        disk.committer.submit(["a"], bad)
        disk.committer.submit(["b"], results.append)
        call = disk.write("c")
    assert call() == "c kept"
    eventually(lambda: results == [["b kept"]])


def test_alone_after_what_was_there_before(disk):
    """All that was written before is kept then, and nothing is committed meanwhile."""
    entered, leave = threading.Event(), threading.Event()

    def alone():
        with disk.committer.alone():
            before = list(disk.commits)
            entered.set()
            assert leave.wait(PATIENCE)
            return before, list(disk.commits)

    results = []
    with held(disk):
        disk.committer.submit(["a"], results.append)
        call = in_thread(alone)
        eventually(lambda: any(not write.operations for write in disk.committer._waiting))
        later = disk.write("b")
        disk.open()
        assert entered.wait(PATIENCE)
        leave.set()
    assert call() == ([["first"], ["a"]], [["first"], ["a"]])
    assert later() == "b kept"
    assert disk.commits == [["first"], ["a"], ["b"]]


def test_a_write_by_who_is_alone_is_told(disk):
    """It would wait for itself for ever."""
    with disk.committer.alone():
        with pytest.raises(StoreError, match="writing already"):
            disk.committer.write("a")
        with pytest.raises(StoreError, match="writing already"):
            with disk.committer.alone():
                pass
    assert disk.committer.write("a") == "a kept"


def test_an_exception_while_alone(disk):
    """The next one writes."""
    with pytest.raises(ZeroDivisionError):
        with disk.committer.alone():
            raise ZeroDivisionError
    assert disk.committer.write("a") == "a kept"


def test_close_keeps_what_came_before(disk):
    """Submitted or waited for; what comes later is refused by name."""
    results = []
    with held(disk):
        disk.committer.submit(["a"], results.append)
        call = disk.write("b")
        closing = in_thread(disk.committer.close)
        eventually(lambda: disk.committer._is_closed)
        for refused in (lambda: disk.committer.write("x"), lambda: disk.committer.submit(["x"], print)):
            with pytest.raises(StoreError, match="closed"):
                refused()
    closing()
    assert call() == "b kept"
    assert results == [["a kept"]]
    assert disk.commits == [["first"], ["a", "b"]]


def test_close_ends_the_thread(disk):
    """The one that commits what is submitted."""
    before = set(threading.enumerate())
    done = threading.Event()
    disk.committer.submit(["a"], lambda _: done.set())
    assert done.wait(PATIENCE)
    (thread,) = (one for one in threading.enumerate() if one not in before and one.name == "woflo-store")
    disk.committer.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_leader_that_is_interrupted(disk):
    """Ctrl-C while it commits is its own; what others wrote in that commit is kept by the next leader."""
    with held(disk):
        a = disk.write("a")
        b = disk.write("b")
        results = []
        disk.committer.submit(["c"], results.append)
        disk.let_go()
        assert disk.begins() == ["a", "b", "c"]
        disk.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        a()
    assert b() == "b kept"
    eventually(lambda: results == [["c kept"]])
    assert disk.commits == [["first"], ["b", "c"]]
    assert disk.committer.write("d") == "d kept"


class Interrupted:
    """A lock whose waiting is interrupted, as by Ctrl-C, when the test says so."""

    def __init__(self, before):
        self._lock = threading.Lock()
        self._before = before
        self._acquired = 0

    def acquire(self):
        self._acquired += 1
        if self._acquired == 1:
            return self._lock.acquire()
        self._before()
        raise KeyboardInterrupt

    def locked(self):
        return self._lock.locked()

    def release(self):
        self._lock.release()


@pytest.mark.parametrize("was_to_lead", [False, True], ids=["waiting", "about to lead"])
def test_a_waiting_thread_that_is_interrupted(disk, monkeypatch, was_to_lead):
    """It leaves the queue; where it was to lead, another one does."""
    waits, go_on = threading.Event(), threading.Event()

    def before():
        waits.set()
        assert go_on.wait(PATIENCE)

    with held(disk):
        with monkeypatch.context() as patch:
            patch.setattr(grouping, "threading", SimpleNamespace(Lock=lambda: Interrupted(before)))
            a = in_thread(disk.committer.write, "a")
            assert waits.wait(PATIENCE)
        b = disk.write("b")
        if was_to_lead:
            disk.let_go()
            eventually(lambda: disk.commits)
        go_on.set()
        with pytest.raises(KeyboardInterrupt):
            a()
    assert b() == "b kept"
    assert disk.commits == [["first"], ["b"]]


@pytest.mark.parametrize("when", ["while it is kept", "when it is told"])
def test_an_interrupted_thread_wakes_the_next(disk, monkeypatch, when):
    """Threads whose writes were kept together wake each other, and one that was interrupted keeps nobody waiting."""
    monkeypatch.setattr(grouping, "AWAKE", 1)
    waits, go_on = threading.Event(), threading.Event()

    def before():
        waits.set()
        assert go_on.wait(PATIENCE)

    with held(disk):
        leader = disk.write("leader")
        with monkeypatch.context() as patch:
            patch.setattr(grouping, "threading", SimpleNamespace(Lock=lambda: Interrupted(before)))
            interrupted = in_thread(disk.committer.write, "interrupted")
            assert waits.wait(PATIENCE)
        others = [disk.write(name) for name in ("b", "c")]
        disk.let_go()
        assert disk.begins() == ["leader", "interrupted", "b", "c"]
        if when == "when it is told":
            disk.let_go()
            assert leader() == "leader kept"
        go_on.set()
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    assert leader() == "leader kept"
    assert [other() for other in others] == ["b kept", "c kept"]


def test_where_no_thread_can_be_started(disk, monkeypatch):
    """What is submitted is refused then and there, and nothing waits for ever."""

    def none_left(*_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        with pytest.raises(RuntimeError, match="start"):
            disk.committer.submit(["a"], print)
        assert disk.committer.write("b") == "b kept"


def test_many_threads(disk):
    """Under load each gets its own, and no operation is kept twice or lost."""
    names = [[f"{thread}.{turn}" for turn in range(200)] for thread in range(16)]
    calls = [in_thread(lambda mine=mine: [disk.committer.write(name) for name in mine]) for mine in names]
    results = [call() for call in calls]
    assert results == [[f"{name} kept" for name in mine] for mine in names]
    assert sorted(one for commit in disk.commits for one in commit) == sorted(name for mine in names for name in mine)
