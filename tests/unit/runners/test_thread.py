"""Threads where the system gives no more of them."""

from __future__ import annotations

import threading

import pytest
from unit_helpers import eventually

from woflo import task
from woflo.errors import LaunchError
from woflo.runners.thread import Threads, ThreadTaskRun


@pytest.fixture
def threads(monkeypatch):
    """Threads of their own for the test, of which as many may be started as `allowed` says."""

    class Few(Threads):
        allowed = 1

        def _start_thread(self):
            if not self.allowed:
                self._one_is_coming = False
                raise RuntimeError("can't start new thread")
            self.allowed -= 1
            super()._start_thread()

    few = Few()
    monkeypatch.setattr("woflo.runners.thread.threads_of_this_process", lambda: few)
    monkeypatch.setattr(ThreadTaskRun, "_launch", lambda run, attempt: few.execute(run, attempt))
    monkeypatch.setattr("woflo.runners.thread.IDLE_SECONDS", 0.01)
    yield few
    eventually(lambda: not few._present)


def test_the_threads_that_there_are_do_it_all(threads, gate):
    """One after another; an attempt that a thread has taken is not lost with the attempt to start another one."""
    entered = threading.Event()
    first = task(runner="thread")(lambda: (entered.set(), gate.wait()))()
    assert entered.wait(20)
    others = [task(runner="thread")(lambda n=n: n)() for n in range(5)]
    gate.set()
    assert [run.get_result(timeout=20) for run in others] == list(range(5))
    assert first.wait(20)


def test_a_callback_is_called_where_no_thread_can_replace_its_own(threads, gate):
    """While others are queued."""
    called = []
    entered = threading.Event()
    first = task(runner="thread")(lambda: (entered.set(), gate.wait()))()
    assert entered.wait(20)
    first.add_done_callback(called.append)
    other = task(runner="thread")(lambda: 1)()
    gate.set()
    assert other.get_result(timeout=20) == 1
    assert called == [first]


def test_without_any_thread_the_call_cannot_be_started(threads):
    """It is told so, and nothing is left in the queue."""
    threads.allowed = 0
    with pytest.raises(LaunchError, match="can't start new thread"):
        task(runner="thread")(lambda: 1)().get_result(timeout=20)
    assert not threads._queue


def test_a_thread_that_waited_in_vain_takes_what_was_put_in_meanwhile(threads, monkeypatch):
    """Somebody who could start none may have counted on it."""
    seen = []

    class Late:
        def _execute(self, attempt):
            return attempt

        def _finish(self, outcome):
            seen.append(outcome)

    def wait(turn):
        if not seen:
            threads._queue.append((Late(), "outcome"))
        return False

    monkeypatch.setattr(threads, "_wait", wait)
    threads._work()
    assert seen == ["outcome"]
    assert not threads._present
