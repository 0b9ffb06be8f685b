"""The one background thread: timers in order, no lost wake-up, reused descriptors, and its own failure."""

from __future__ import annotations

import os
import threading

import pytest
from unit_helpers import PATIENCE, eventually, run_script, settle_down

from woflo.kernel import runtime
from woflo.kernel.clock import use_clock
from woflo.kernel.reactor import READ, Reactor
from woflo.testing.clock import FakeClock


def in_reactor(function):
    """What `function()` returns in the reactor's thread."""
    box, done = [], threading.Event()
    runtime.current.reactor.call(lambda: (box.append(function()), done.set()))
    assert done.wait(PATIENCE)
    return box[0]


def test_timers_fire_in_the_order_of_their_times(clock):
    """Earlier ones first; of the same time those first that were set first; cancelled ones never."""
    fired, reactor = [], runtime.current.reactor
    for name, delay in [("c", 3), ("a", 1), ("b1", 2), ("b2", 2), ("never", 2)]:
        timer = reactor.call_later(delay, fired.append, name)
    timer.cancel()
    clock.advance(2)
    settle_down()
    assert fired == ["a", "b1", "b2"]
    clock.advance(1)
    settle_down()
    assert fired == ["a", "b1", "b2", "c"]


def test_a_timer_fires_in_real_time_too():
    """Also where a later one was set before it."""
    fired, reactor = threading.Event(), runtime.current.reactor
    late = reactor.call_later(3600, fired.set)
    reactor.call_later(0.01, fired.set)
    assert fired.wait(PATIENCE)
    late.cancel()


def test_a_timer_may_be_cancelled_after_it_fired():
    """Nothing happens."""
    fired = threading.Event()
    timer = runtime.current.reactor.call_later(0, fired.set)
    assert fired.wait(PATIENCE)
    timer.cancel()
    assert timer.cancelled


def test_a_timer_set_while_the_loop_goes_to_sleep_is_not_lost():
    """Between looking at the timers and sleeping, another thread may set an earlier one."""
    fired, raced = threading.Event(), threading.Event()

    class Raced(Reactor):
        def _time_to_next_timer(self):
            found = super()._time_to_next_timer()
            if armed.is_set() and not raced.is_set():
                raced.set()
                thread = threading.Thread(target=self.call_later, args=(0.01, fired.set))
                thread.start()
                thread.join()
            return found

    armed = threading.Event()
    reactor = Raced(runtime.current)
    armed.set()
    reactor.wake()
    assert raced.wait(PATIENCE)
    lost = not fired.wait(3)
    reactor.wake()
    assert fired.wait(PATIENCE)
    reactor._inbox.append((_end_thread, ()))
    reactor.wake()
    reactor._thread.join(PATIENCE)
    for close in reactor.closers_in_child():
        close()
    assert not lost


def _end_thread():
    raise SystemExit


class PlainClock(FakeClock):
    """A clock that knows nothing of reactors."""

    def _look_again(self):
        pass


def test_a_clock_that_comes_into_use_later_moves_the_reactor_too():
    """`use_clock` is enough, also where the reactor runs already."""
    fired = threading.Event()
    settle_down()
    clock = PlainClock()
    use_clock(clock)
    try:
        timer = runtime.current.reactor.call_later(1000, fired.set)
        settle_down()
        clock.advance(1000)
        assert fired.wait(3)
    finally:
        timer.cancel()
        use_clock(None)


def test_a_descriptor_number_that_changes_hands_gets_its_new_handler_only():
    """Closing one in a handler and reusing its number does not call the old handler."""
    reactor = runtime.current.reactor
    events = []

    def act():
        pairs = [os.pipe(), os.pipe()]
        (first, w1), (second, w2) = pairs

        def replace(_):
            events.append("first")
            for fd in (first, second):
                if reactor.has(fd):
                    reactor.unregister(fd)
                    os.close(fd)
            again, w3 = os.pipe()
            assert again in (first, second)
            reactor.register(again, READ, lambda _: events.append("wrong"))
            reactor.call(lambda: (reactor.unregister(again), os.close(again), os.close(w3)))

        reactor.register(first, READ, replace)
        reactor.register(second, READ, replace)
        os.write(w1, b"x")
        os.write(w2, b"x")
        return w1, w2

    w1, w2 = in_reactor(act)
    eventually(lambda: events)
    settle_down()
    os.close(w1)
    os.close(w2)
    assert events == ["first"]


def test_unregistering_twice_is_no_harm():
    """The second time nothing is there."""

    def act():
        reader, writer = os.pipe()
        reactor = runtime.current.reactor
        reactor.register(reader, READ, lambda _: None)
        reactor.unregister(reader)
        reactor.unregister(reader)
        os.close(reader)
        os.close(writer)
        return reactor.has(reader)

    assert in_reactor(act) is False


FAILURE = """
    import threading
    from woflo import task
    from woflo.errors import InternalError
    from woflo.kernel import runtime

    entered, gate = threading.Event(), threading.Event()

    @task(runner="thread")
    def held():
        entered.set()
        gate.wait()

    @task(runner="thread", retries=1, retry_sleep_time=3600)
    def retried():
        raise ValueError

    @task(runner="thread", retries=1, retry_sleep_time=0.01)
    def later():
        raise ValueError

    runs = [held(), retried()]
    runs.append(held.with_options(after=runs[0])())
    entered.wait()
    while runs[1].state != "RETRYING":
        pass
    runtime.current.reactor.call(lambda: 1 / 0)
    for run in runs:
        error = run.exception(timeout=10)
        root = error if isinstance(error, InternalError) else error.__cause__
        print(type(root).__name__, type(root.__cause__).__name__)
    try:
        later().get_result(timeout=3)
    except InternalError:
        print("told")
    except TimeoutError:
        print("hangs")
    gate.set()
    import os, sys
    sys.stdout.flush()
    os._exit(0)
"""


def test_a_failure_of_the_reactor_ends_every_live_run(tmp_path):
    """Nobody waits for ever, neither for what was under way nor for what comes later."""
    ended = run_script(tmp_path, FAILURE)
    assert ended.stdout.split("\n")[:4] == ["InternalError ZeroDivisionError"] * 3 + ["told"], ended.stderr


@pytest.mark.parametrize(
    "options",
    [
        "timeout=30 * 86400",
        "deadline=1e12",
        "retries=1, retry_sleep_time=30 * 86400",
        "retries=1, retry_sleep_time=1e300",
        "retries=1, retry_sleep_time=lambda state: float('inf')",
    ],
)
def test_no_time_is_too_long_for_the_reactor(tmp_path, options):
    """A month, or a pause beyond all bounds, takes nothing with it: other timers go on."""
    program = f"""
        import os, threading
        from woflo import task

        @task(runner="thread", {options})
        def far():
            if "retries" in {options!r}:
                raise ValueError
            threading.Event().wait()

        @task(runner="thread", retries=1, retry_sleep_time=0.3)
        def near(calls=[]):
            calls.append(1)
            return 1 / (len(calls) - 1)

        run = far()
        try:
            print(near().get_result(timeout=10), run.is_running(), flush=True)
        except BaseException as error:
            print(repr(error), flush=True)
        os._exit(0)
    """
    ended = run_script(tmp_path, program)
    assert ended.stdout == "1.0 True\n", ended.stderr
