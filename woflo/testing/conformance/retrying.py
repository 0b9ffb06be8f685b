"""Retries are decided on the caller's side, the same for every runner."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from woflo import RunState, current_run
from woflo.errors import OptionError
from woflo.testing.conformance.checks import Runner, check, parallel
from woflo.testing.conformance.tools import error_of, folder, on, raised, value_of
from woflo.testing.patience import PATIENCE, wait_until


def fail_before(good: int, log: Path) -> int:
    """Fails until the attempt number `good`; writes a line for each attempt."""
    number = current_run().attempt
    with log.open("a") as lines:
        lines.write(f"{number}\n")
    if number < good:
        raise ConnectionError(f"attempt {number}")
    return number


def _attempts(log: Path) -> list[str]:
    return log.read_text().split()


@check()
def until_it_succeeds(runner: Runner) -> None:
    """A failing run is tried again, `retries` times at most, and its last attempt counts."""
    with folder() as where:
        run = on(runner, fail_before, retries=3, retry_sleep_time=0.01)(3, where / "log")
        assert value_of(run) == 3
        assert run.attempt == 3
        assert run.state is RunState.SUCCEEDED
        assert _attempts(where / "log") == ["1", "2", "3"]


@check()
def until_none_is_left(runner: Runner) -> None:
    """After the last attempt the run has failed with the failure of that attempt."""
    with folder() as where:
        run = on(runner, fail_before, retries=2)(9, where / "log")
        assert error_of(run, ConnectionError).args == ("attempt 3",)
        assert run.attempt == 3
        assert _attempts(where / "log") == ["1", "2", "3"]


@check()
def what_is_worth_it(runner: Runner) -> None:
    """`retry_on` says which failures are worth another attempt: by type, or by a predicate."""
    with folder() as where:
        error_of(on(runner, fail_before, retries=2, retry_on=ValueError)(9, where / "a"), ConnectionError)
        assert _attempts(where / "a") == ["1"]
        accepts = on(runner, fail_before, retries=2, retry_on=lambda error: "attempt 1" in str(error))
        error_of(accepts(9, where / "b"), ConnectionError)
        assert _attempts(where / "b") == ["1", "2"]


@check()
def a_strategy_for_the_pauses(runner: Runner) -> None:
    """`retry_sleep_time` may be a tenacity strategy; it is asked before each further attempt."""
    asked: list[int] = []

    def pause(state: object) -> float:
        asked.append(state.attempt_number)  # type: ignore[attr-defined]  # as tenacity calls it
        return 0.0

    with folder() as where:
        run = on(runner, fail_before, retries=2, retry_sleep_time=pause)(3, where / "log")
        assert value_of(run) == 3
    assert asked == [1, 2]


@check()
def wrong_options(runner: Runner) -> None:
    """Options that cannot be meant are told at decoration."""
    every: list[dict[str, Any]] = [{"retries": -1}, {"retries": 1.5}, {"timeout": 0}, {"deadline": -1}]
    for wrong in (*every, {"retry_sleep_time": -1}):
        assert next(iter(wrong)) in str(raised(OptionError, partial(on, runner, fail_before, **wrong)))


@check(only=parallel)
def stopped_in_a_pause(runner: Runner) -> None:
    """A run that waits for its next attempt can be stopped, and no attempt follows."""
    with folder() as where:
        run = on(runner, fail_before, retries=1, retry_sleep_time=600)(2, where / "log")
        wait_until(lambda: run.state is RunState.RETRYING, "the pause between two attempts")
        assert run.stop()
        assert run.wait(PATIENCE)
        assert run.state is RunState.STOPPED
        assert _attempts(where / "log") == ["1"]
