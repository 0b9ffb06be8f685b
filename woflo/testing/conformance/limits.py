"""No more at once than is allowed; what is over waits, in the order of the calls."""

from __future__ import annotations

import os
import time

from woflo import RunState
from woflo.errors import OptionError
from woflo.testing.conformance.checks import Runner, check, parallel
from woflo.testing.conformance.tasks import gate, pass_gate
from woflo.testing.conformance.tools import configured, error_of, on, raised, value_of

Span = tuple[float, float]


def span() -> Span:
    """When it began and ended, on a clock that all processes share."""
    begun = time.monotonic()
    time.sleep(0.005)
    return begun, time.monotonic()


def fail() -> None:
    """Fails."""
    raise LookupError


def most_at_once(spans: list[Span]) -> int:
    """How many of the spans overlap at the fullest moment."""
    changes = sorted([(begun, 1) for begun, _ in spans] + [(ended, -1) for _, ended in spans])
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


@check(only=parallel)
def the_limit_of_a_runner(runner: Runner) -> None:
    """`max_concurrency` of a runner holds, over all tasks."""
    with configured(runner, max_concurrency=2) as pair:
        runs = [on(pair, span, name=f"task {n % 3}")() for n in range(12)]
        assert most_at_once([value_of(run) for run in runs]) <= 2


@check(only=parallel)
def the_limit_of_a_task(runner: Runner) -> None:
    """`max_concurrency` of a task holds, whatever the runner allows."""
    limited = on(runner, span, max_concurrency=1)
    assert most_at_once([value_of(run) for run in [limited() for _ in range(6)]]) == 1


@check(only=parallel)
def in_the_order_of_the_calls(runner: Runner) -> None:
    """Runs that wait for a place are PENDING, and start in the order of their calls."""
    with configured(runner, max_concurrency=1) as single, gate() as held:
        first = on(single, pass_gate)(held.where, "first")
        held.wait_for("first")
        waiting = [on(single, span)() for _ in range(8)]
        assert {run.state for run in waiting} == {RunState.PENDING}
        held.open()
        value_of(first)
        begun = [value_of(run)[0] for run in waiting]
        assert begun == sorted(begun)


@check(only=parallel)
def places_come_back(runner: Runner) -> None:
    """A place comes back after a failure, a crash and a stop too."""
    with configured(runner, max_concurrency=1) as single:
        for _ in range(5):
            error_of(on(single, fail)(), LookupError)
        on(single, span)().stop()
        if runner.traits.isolated:
            on(single, os._exit)(3).wait()
        value_of(on(single, span)())


@check()
def an_unknown_setting(runner: Runner) -> None:
    """`configured` with a setting that the runner does not have is an error by name."""
    error = raised(OptionError, lambda: runner.configured(max_conurrency=3))
    assert "max_conurrency" in str(error)
