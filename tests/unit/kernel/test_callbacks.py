"""Callbacks: called once, in the right thread, harming nobody; also where they wait themselves."""

from __future__ import annotations

import threading

import pytest
from unit_helpers import eventually, in_thread

from woflo import gather, task
from woflo.kernel import runtime


@pytest.fixture
def made(memory):
    return task(runner=memory)(lambda *args: None)


def test_a_callback_is_called_once_with_the_ended_run(made):
    """At the end, or at once where the end has passed, in the order in which they were given."""
    called = []
    run = made()
    run.add_done_callback(lambda run: called.append((1, run.state)))
    run.add_done_callback(lambda run: called.append((2, run.state)))
    assert called == []
    run.succeed()
    run.add_done_callback(lambda run: called.append((3, run.state)))
    assert called == [(1, "SUCCEEDED"), (2, "SUCCEEDED"), (3, "SUCCEEDED")]


def test_a_callback_that_raises_is_logged_and_stops_no_other(made, caplog):
    """The run keeps its outcome."""
    called = []
    run = made()
    run.add_done_callback(lambda run: 1 / 0)
    run.add_done_callback(called.append)
    run.succeed(5)
    assert called == [run]
    assert run.get_result() == 5
    assert "ZeroDivisionError" in caplog.text


def test_a_callback_never_runs_on_the_reactor(made, clock):
    """Where the reactor ends a run, its callbacks get another thread."""
    seen = []
    first = made()
    run = made.with_options(deadline=5)(first)
    run.add_done_callback(lambda run: seen.append(runtime.current.on_reactor()))
    clock.advance(5)
    eventually(lambda: seen)
    assert seen == [False]


def test_a_callback_may_wait_for_a_run_that_the_deliverer_has_to_bring(made, clock):
    """Its thread is replaced meanwhile: the predicate of the other run is asked by another one."""
    waited, asked = [], []
    run = made.with_options(deadline=5)(made())
    inner = made.with_options(retries=1, retry_on=lambda error: asked.append(threading.get_ident()))()

    def callback(_):
        runtime.current.reactor.call(inner.fail)
        waited.append(inner.wait(timeout=10))
        asked.append(threading.get_ident())

    run.add_done_callback(callback)
    clock.advance(5)
    eventually(lambda: len(asked) == 2)
    assert waited == [True]
    assert asked[0] != asked[1]


def test_a_callback_may_wait_for_what_depends_on_its_run(made):
    """The dependents are told although the callback, which was there before them, has not returned."""
    waited = []
    run = made()
    run.add_done_callback(lambda _: waited.append(after.wait(timeout=5)))

    class Inline(type(run)):
        def _launch(self, attempt):
            self.succeed()

    after = task(runner=Inline)(lambda value: None)(run)
    in_thread(run.succeed)()
    assert waited == [True]


@pytest.mark.parametrize("how", ["dependent", "group"])
def test_a_callback_may_stop_a_run_and_wait_for_what_follows(made, how):
    """What the stop brings about happens while the callback waits for it."""
    waited = []
    first, other = made(), made()
    pending = made(other)
    follows = made(pending) if how == "dependent" else gather(pending)

    def callback(_):
        pending.stop()
        waited.append(follows.wait(timeout=5))

    first.add_done_callback(callback)
    in_thread(first.succeed)()
    assert waited == [True]


def test_a_slow_callback_holds_up_no_waiter(made, gate):
    """Whoever waits for the run is woken while the callback still goes on."""
    run = made()
    entered = threading.Event()
    run.add_done_callback(lambda _: (entered.set(), gate.wait()))
    ended = in_thread(run.succeed)
    assert entered.wait(20)
    assert run.get_result(timeout=5) is None
    group = gather(run)
    assert group.get_result(timeout=5) == [None]
    gate.set()
    ended()


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, BaseException])
def test_a_callback_that_exits_is_logged_and_stops_no_other(made, caplog, kind):
    """Neither the later callbacks nor the thread in which it happens to be called learn of it."""

    def leave(run):
        raise kind("as the test wants")

    called = []
    run = made()
    run.add_done_callback(leave)
    run.add_done_callback(called.append)
    in_thread(lambda: run.succeed(5))()
    assert called == [run]
    in_thread(lambda: run.add_done_callback(leave))()
    assert caplog.text.count(f"{kind.__name__}: as the test wants") == 2


def test_ctrl_c_in_a_callback_is_for_the_program(made):
    """In the main thread it is not the callback's error."""

    def interrupted(run):
        raise KeyboardInterrupt

    run = made()
    run.succeed(5)
    with pytest.raises(KeyboardInterrupt):
        run.add_done_callback(interrupted)
