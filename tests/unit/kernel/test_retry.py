"""Whether another attempt follows, and when."""

from __future__ import annotations

import pytest
import tenacity
from unit_helpers import eventually, settle_down

from woflo import RunState, task
from woflo.errors import TaskCrashedError, TaskTimeoutError
from woflo.kernel.outcome import Outcome


def made(memory, **options):
    return task(runner=memory, **options)(lambda: None)


def test_a_run_has_one_attempt_more_than_retries(memory):
    """Three failures with `retries=2` are the end, and the last error is what it raises."""
    run = made(memory, retries=2)()
    for number in (1, 2, 3):
        assert run.attempt == number
        run.fail(ValueError(number))
    assert run.state is RunState.FAILED
    with pytest.raises(ValueError, match="3"):
        run.get_result()


def test_a_success_ends_the_attempts(memory):
    """The value of a later attempt is the run's."""
    run = made(memory, retries=5)()
    run.fail()
    run.succeed("at last")
    assert (run.get_result(), run.attempt) == ("at last", 2)


def test_a_pause_is_kept_to_the_second(memory, clock):
    """The next attempt starts when `retry_sleep_time` is over, not before."""
    run = made(memory, retries=1, retry_sleep_time=60)()
    run.fail()
    clock.advance(59)
    settle_down()
    assert (run.state, run.attempt) == (RunState.RETRYING, 1)
    clock.advance(1)
    settle_down()
    assert (run.state, run.attempt) == (RunState.RUNNING, 2)


@pytest.mark.parametrize(
    ("strategy", "pauses"),
    [
        (tenacity.wait_fixed(3), [3, 3, 3]),
        (tenacity.wait_exponential(multiplier=2), [2, 4, 8]),
        (tenacity.wait_exponential(multiplier=2, max=5), [2, 4, 5]),
        (tenacity.wait_incrementing(start=1, increment=10), [1, 11, 21]),
        (tenacity.wait_chain(tenacity.wait_fixed(1), tenacity.wait_fixed(7)), [1, 7, 7]),
        (tenacity.wait_fixed(1) + tenacity.wait_fixed(2), [3, 3, 3]),
        (lambda state: 10 * state.attempt_number, [10, 20, 30]),
        (lambda state: 5 if isinstance(state.outcome.exception(), ValueError) else 100, [5, 5, 5]),
    ],
)
def test_a_strategy_of_tenacity_says_the_pause(memory, clock, strategy, pauses):
    """Strategies are asked after each failure with the state that they expect."""
    run = made(memory, retries=len(pauses), retry_sleep_time=strategy)()
    for number, pause in enumerate(pauses, 1):
        run.fail()
        settle_down()
        assert run.state is RunState.RETRYING
        clock.advance(pause - 0.5)
        settle_down()
        assert run.attempt == number
        clock.advance(0.5)
        settle_down()
        assert run.attempt == number + 1


@pytest.mark.parametrize(
    ("retry_on", "error", "again"),
    [
        (Exception, ValueError(), True),
        (Exception, TaskCrashedError("gone"), True),
        (ValueError, ValueError(), True),
        (ValueError, KeyError(), False),
        ((ValueError, LookupError), KeyError(), True),
        (lambda error: "later" in str(error), ValueError("later"), True),
        (lambda error: "later" in str(error), ValueError("never"), False),
    ],
)
def test_retry_on_says_which_errors_are_worth_another_attempt(memory, retry_on, error, again):
    """Types, tuples of types and predicates."""
    run = made(memory, retries=1, retry_on=retry_on)()
    run.fail(error)
    assert run.attempt == (2 if again else 1)
    assert run.state is (RunState.RUNNING if again else RunState.FAILED)


@pytest.mark.parametrize("options", [{"retry_on": lambda error: 1 / 0}, {"retry_sleep_time": lambda state: 1 / 0}])
def test_a_predicate_or_strategy_that_raises_fails_the_run_with_what_it_raised(memory, options):
    """Nothing hangs, and the note tells after which error it was asked; that one is shown before it."""
    run = made(memory, retries=1, **options)()
    first = ValueError("first")
    run.fail(first)
    assert isinstance(run.exception(), ZeroDivisionError)
    assert run.exception().__context__ is first
    assert "ValueError('first')" in run.exception().__notes__[0]


def test_a_predicate_never_runs_on_the_reactor(memory, clock):
    """Code of the user gets a thread of its own, also where the reactor ends the attempt."""
    from woflo.kernel import runtime

    asked = []
    run = made(
        memory,
        retries=1,
        timeout=5,
        retry_on=lambda error: asked.append(runtime.current.on_reactor()) or True,
    )()
    runtime.current.reactor.call(run.fail)
    eventually(lambda: asked)
    assert asked == [False]


def test_what_was_told_to_end_is_not_tried_again(memory):
    """An interrupted attempt is STOPPED, however many retries are left."""
    run = made(memory, retries=3)()
    run._finish(Outcome(None, ValueError("cut off"), interrupted=True))
    assert run.state is RunState.STOPPED


def test_a_timeout_is_a_failed_attempt(memory, clock):
    """The attempt is interrupted at its time, and the next one gets the full time again."""
    run = made(memory, retries=1, timeout=10)()
    clock.advance(10)
    settle_down()
    assert run.interrupts == 1
    run.succeed("too late")
    assert (run.state, run.attempt) == (RunState.RUNNING, 2)
    clock.advance(9)
    settle_down()
    assert run.interrupts == 1
    clock.advance(1)
    settle_down()
    assert run.interrupts == 2
    run.fail()
    with pytest.raises(TaskTimeoutError, match="timeout of 10 s"):
        run.get_result()


def test_the_deadline_counts_pauses_and_attempts_together(memory, clock):
    """It ends a run between attempts and allows no further one."""
    run = made(memory, retries=9, retry_sleep_time=30, deadline=100)()
    for _ in range(3):
        run.fail()
        clock.advance(30)
        settle_down()
    run.fail()
    clock.advance(10)
    settle_down()
    with pytest.raises(TaskTimeoutError, match="deadline of 100 s"):
        run.get_result(timeout=0)


@pytest.mark.parametrize("ask", ["stop", "deadline"])
def test_no_attempt_follows_what_ended_while_the_code_went_on(memory, clock, ask):
    """An attempt has failed and its process still lives for a moment: stop and deadline count then too."""
    run = made(memory, retries=3, deadline=50)()
    run._report(Outcome.failed(ValueError()))
    if ask == "stop":
        run._ask_to_stop(0.0)
    else:
        clock.advance(50)
        settle_down()
    run._code_ended()
    assert run.state is (RunState.STOPPED if ask == "stop" else RunState.FAILED)
    assert run.attempt == 1


def test_each_attempt_in_a_thread_starts_from_the_callers_context():
    """What an attempt sets in a context variable is not seen by the next one."""
    from contextvars import ContextVar

    value = ContextVar("value", default="as called")
    seen = []

    @task(runner="thread", retries=1)
    def work():
        seen.append(value.get())
        value.set("left by the first attempt")
        if len(seen) == 1:
            raise ValueError

    work().get_result()
    assert seen == ["as called", "as called"]


@pytest.mark.parametrize("which", ["itself", "its cause"])
def test_a_predicate_may_raise_what_it_was_given(memory, which):
    """Neither comes before itself."""

    def predicate(error):
        raise error if which == "itself" else error.__cause__

    run = made(memory, retries=1, retry_on=predicate)()
    first = ValueError("first")
    first.__cause__ = KeyError("cause")
    run.fail(first)
    assert run.exception() is (first if which == "itself" else first.__cause__)
    assert run.exception().__context__ is None
