"""`Executor` is what code written for `concurrent.futures` expects."""

from __future__ import annotations

import threading
from concurrent import futures
from pathlib import Path

import pytest
from unit_helpers import eventually, in_thread

from woflo import Executor
from woflo.runners import SequentialTaskRun, ThreadTaskRun

RUNNERS = ["thread", "async", "sequential"]


@pytest.mark.parametrize("runner", RUNNERS)
def test_results_and_failures_come_through_futures(runner):
    """Values, exceptions, callbacks; the futures are the standard library's."""
    called = []
    with Executor(runner) as executor:
        good, bad = executor.submit(pow, 2, 3), executor.submit(divmod, 1, 0)
        good.add_done_callback(called.append)
        assert isinstance(good, futures.Future)
        assert good.result(20) == 8
        assert isinstance(bad.exception(20), ZeroDivisionError)
        with pytest.raises(ZeroDivisionError):
            bad.result()
    assert called == [good]


@pytest.mark.parametrize("runner", RUNNERS)
def test_map_keeps_the_order(runner):
    """As `Executor.map` of the standard library."""
    with Executor(runner) as executor:
        assert list(executor.map(pow, [2, 3, 4], [3, 2, 1])) == [8, 9, 4]


def test_wait_and_as_completed_of_the_standard_library_work():
    """On finished, failed and cancelled futures."""
    gate = threading.Event()
    with Executor("thread", max_workers=1) as executor:
        held, cancelled = executor.submit(gate.wait), executor.submit(abs, -1)
        last = executor.submit(abs, -2)
        assert cancelled.cancel() is True
        gate.set()
        done, not_done = futures.wait([held, cancelled, last], timeout=5)
        assert (done, not_done) == ({held, cancelled, last}, set())
        assert set(futures.as_completed([held, cancelled, last], timeout=5)) == done


def test_a_future_is_cancelled_before_it_starts_and_not_later():
    """As in the standard library: True and CancelledError before, False while it executes and after."""
    gate = threading.Event()
    with Executor("thread", max_workers=1) as executor:
        held, waiting = executor.submit(gate.wait), executor.submit(abs, -1)
        eventually(held.running)
        assert held.cancel() is False
        assert waiting.cancel() is True
        assert waiting.cancelled()
        assert not waiting.running()
        with pytest.raises(futures.CancelledError):
            waiting.result(1)
        gate.set()
        assert held.result(20) is True
        assert held.cancel() is False
        assert held.done()
        assert not held.running()


def test_max_workers_bounds_the_calls_at_once():
    """Never more than so many execute."""
    lock, now, most = threading.Lock(), [0], [0]

    def work(_):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        with lock:
            now[0] -= 1

    with Executor("thread", max_workers=2) as executor:
        list(executor.map(work, range(50)))
    assert 1 <= most[0] <= 2


@pytest.mark.parametrize("value", [0, -1, "two"])
def test_max_workers_must_be_above_zero(value):
    """A ValueError, as in the standard library, and no executor that never executes."""
    with pytest.raises(ValueError):  # its words are woflo's own
        Executor("thread", max_workers=value)


def test_after_shutdown_nothing_is_taken():
    """`RuntimeError`, as in the standard library."""
    executor = Executor("thread")
    executor.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        executor.submit(abs, 1)


def test_shutdown_can_cancel_what_has_not_started():
    """Their futures are cancelled; what executes is waited for."""
    gate = threading.Event()
    executor = Executor("thread", max_workers=1)
    held, waiting = executor.submit(gate.wait), executor.submit(abs, -1)
    shut = in_thread(lambda: executor.shutdown(cancel_futures=True))
    eventually(waiting.done)
    gate.set()
    shut()
    assert held.result(0) is True
    assert waiting.cancelled()


def test_shutdown_returns_when_the_futures_are_done():
    """Not a moment earlier: whoever leaves the `with` may read them without waiting."""
    go_on = threading.Event()

    class Held(ThreadTaskRun):
        def _begin(self):
            self._watch(lambda run: go_on.wait(5))
            super()._begin()

    executor = Executor(Held)
    future = executor.submit(abs, -1)
    shut = in_thread(executor.shutdown)
    eventually(lambda: future._run.state == "SUCCEEDED")
    threading.Timer(0.1, go_on.set).start()
    shut()
    assert future.done()


def test_a_call_may_submit_another_one():
    """Also inline, where the first is still being submitted."""
    executor = Executor(SequentialTaskRun)
    nested = in_thread(lambda: executor.submit(lambda: executor.submit(abs, -3).result(5)).result(5))
    assert nested(5) == 3


class Simulation:
    """Has a method that a task would call."""

    def __init__(self, steps):
        self.steps = steps

    def run(self):
        return "a result"


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_class_is_called_for_an_instance(runner):
    """As in the standard library: classes of others, and those that have a `run` method, which nobody asked for."""
    with Executor(runner) as executor:
        assert list(executor.map(int, ["1", "2"])) == [1, 2]
        assert list(executor.map(Path, ["a", "b"])) == [Path("a"), Path("b")]
        made = executor.submit(Simulation, 3).result(20)
        assert isinstance(made, Simulation)
        assert made.steps == 3
        assert executor.submit(type, 3).result(20) is int
