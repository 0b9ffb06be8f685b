"""`timeout` for an attempt, `deadline` for a run."""

from __future__ import annotations

import time
from pathlib import Path

from woflo import RunState, current_run
from woflo.errors import OptionError, TaskTimeoutError
from woflo.testing.conformance.checks import Runner, check, isolated_and_killable, parallel
from woflo.testing.conformance.stopping import deaf
from woflo.testing.conformance.tasks import echo, gate, linger, linger_async, pass_gate, still_works
from woflo.testing.conformance.tools import configured, error_of, folder, on, raised, value_of
from woflo.testing.patience import PATIENCE, wait_until
from woflo.testing.procfs import is_alive


def linger_at_first(marker: Path) -> int:
    """Is too slow in its first attempt alone."""
    if current_run().attempt == 1:
        linger(marker)
    return current_run().attempt


def sleep_somewhere(begun: Path) -> None:
    """Sleeps where its name can be found."""
    begun.touch()
    time.sleep(PATIENCE)


@check(only=parallel)
def an_attempt_that_takes_too_long(runner: Runner) -> None:
    """It ends the run with `TaskTimeoutError`, a `TimeoutError` too, that tells the time given."""
    with folder() as where:
        run = on(runner, linger, timeout=0.3)(where / "marker")
        error = error_of(run, TaskTimeoutError)
        assert isinstance(error, TimeoutError)
        assert "0.3 s" in str(error)
        assert "linger" in str(error)
        assert run.state is RunState.FAILED
        still_works(runner)


@check(only=parallel)
def looked_at_all_the_time(runner: Runner) -> None:
    """Its time passes as well where somebody looks at its state and so notices its start first."""
    with folder() as where:
        run = on(runner, linger, timeout=0.3)(where / "marker")
        end = time.monotonic() + PATIENCE / 2
        while run.state is not RunState.FAILED and time.monotonic() < end:
            pass
        error_of(run, TaskTimeoutError)


@check(only=lambda traits: traits.killable)
def a_coroutine_that_takes_too_long(runner: Runner) -> None:
    """A coroutine that is out of time is ended."""
    with folder() as where:
        error_of(on(runner, linger_async, timeout=0.3)(where / "marker"), TaskTimeoutError)


@check(only=lambda traits: traits.parallel and not traits.isolated)
def a_plain_function_that_takes_too_long(runner: Runner) -> None:
    """Where nothing can end its code, the handle fails at its time, and does not wait for `grace`."""
    with gate() as held:
        run = on(runner, pass_gate, timeout=600)(held.where, "begun")
        held.wait_for("begun")
        run.grace, begun = 600.0, time.monotonic()
        run._timed_out(1)  # the timer's own call
        error_of(run, TaskTimeoutError)
        assert time.monotonic() - begun < PATIENCE / 2


@check(only=isolated_and_killable)
def where_the_code_was(runner: Runner) -> None:
    """A timeout tells where the code was."""
    with folder() as where:
        run = on(runner, sleep_somewhere, timeout=600)(where / "begun")
        wait_until((where / "begun").exists, "start of the task")
        run._timed_out(1)  # the timer's own call
        assert "sleep_somewhere" in error_of(run, TaskTimeoutError).where


@check(only=isolated_and_killable)
def code_that_does_not_want_to(runner: Runner) -> None:
    """Code that ignores SIGTERM is ended by a timeout as well, with the processes that it started."""
    with folder() as where:
        run = on(runner, deaf, timeout=600)(where / "pids")
        wait_until((where / "pids").exists, "start of the task and its child")
        run.grace = 0.1
        pids = [int(pid) for pid in (where / "pids").read_text().split()]
        run._timed_out(1)  # the timer's own call: this does not wait for the time, but for the end
        error_of(run, TaskTimeoutError)
        wait_until(lambda: not any(map(is_alive, pids)), f"end of {pids}")


@check(only=parallel)
def time_enough(runner: Runner) -> None:
    """An attempt that ends in time is not touched."""
    assert value_of(on(runner, echo, timeout=PATIENCE, deadline=PATIENCE)(1)) == 1


@check(only=parallel)
def tried_again(runner: Runner) -> None:
    """A timeout is a failed attempt like any other; the next starts when the code of this one has ended."""
    with folder() as where:
        run = on(runner, linger_at_first, timeout=1, retries=1)(where / "marker")
        assert value_of(run) == 2
        assert (where / "marker").exists()


@check(only=parallel)
def a_deadline(runner: Runner) -> None:
    """A run that has not ended by its deadline fails then, and no attempt follows."""
    with folder() as where:
        run = on(runner, linger, deadline=0.3, retries=5)(where / "marker")
        error_of(run, TaskTimeoutError)
        assert run.attempt <= 1


@check(only=parallel)
def a_deadline_before_the_start(runner: Runner) -> None:
    """The deadline counts from the call: a run that still waits for its place fails with it."""
    with configured(runner, max_concurrency=1) as single, gate() as held:
        first = on(single, pass_gate)(held.where, "first")
        held.wait_for("first")
        second = on(single, pass_gate, deadline=0.1)(held.where, "second")
        error_of(second, TaskTimeoutError)
        assert second.state is RunState.FAILED
        held.open()
        assert value_of(first) == "first"
        assert held.arrived() == ["first"]


@check(only=lambda traits: not traits.parallel)
def a_timeout_that_cannot_be_kept(runner: Runner) -> None:
    """Where the calling thread executes, `timeout` is an error at decoration."""
    assert "timeout" in str(raised(OptionError, lambda: on(runner, echo, timeout=1)))


def silent_at_first(marker: Path, heartbeat: float) -> list[object]:
    """Hangs in its first attempt, after a sign of life; then it gives those that it owes, and returns what it saw."""
    here = current_run()
    seen = here.last_heartbeat
    here.heartbeat({"page": here.attempt})
    if here.attempt == 1:
        linger(marker)
    for _ in range(4):
        time.sleep(heartbeat / 3)  # longer than allowed without them, in all
        here.heartbeat({"page": here.attempt})
    return [here.attempt, seen]


@check(only=parallel)
def an_attempt_that_gives_no_sign_of_life(runner: Runner) -> None:
    """It is out of time, and tried again; the next one gets its last value, and is left alone as long as it lives."""
    heartbeat = 3.0 if runner.traits.isolated else 0.5  # a process has to start within it
    with folder() as where:
        run = on(runner, silent_at_first, heartbeat_timeout=heartbeat, retries=1)(where / "marker", heartbeat)
        assert value_of(run) == [2, {"page": 1}]
        error = error_of(on(runner, linger, heartbeat_timeout=0.2)(where / "marker"), TaskTimeoutError)
        assert "no heartbeat for 0.2 s" in str(error)
        still_works(runner)
