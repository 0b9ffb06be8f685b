"""Every runner keeps every promise that its traits make."""

import pytest
from own_runner import ThreadPoolTaskRun
from systems import HAS_FORK, HAS_PIDFD, HAS_PROCESSES, needs_processes

from woflo.runners import (
    AsyncTaskRun,
    MultiprocessTaskRun,
    PoolTaskRun,
    SequentialTaskRun,
    ThreadTaskRun,
)
from woflo.runners.processes.launching import ForkProcess, ForkServerProcess, SpawnProcess
from woflo.testing import runner_checks

RUNNERS = {
    "sequential": SequentialTaskRun,
    "thread": ThreadTaskRun,
    "async": AsyncTaskRun,
    "own": ThreadPoolTaskRun,
}
if HAS_PROCESSES:
    RUNNERS["spawn"] = MultiprocessTaskRun.configured(process_type=SpawnProcess)
    RUNNERS["pool-spawn"] = PoolTaskRun.configured(process_type=SpawnProcess, max_concurrency=2)
if HAS_FORK:
    RUNNERS["fork"] = MultiprocessTaskRun.configured(process_type=ForkProcess)
    RUNNERS["pool-fork"] = PoolTaskRun.configured(process_type=ForkProcess, max_concurrency=2)
if HAS_PIDFD:
    RUNNERS["forkserver"] = MultiprocessTaskRun.configured(process_type=ForkServerProcess)

PROCESS_PER_CALL = {"fork", "spawn", "forkserver"}
HUNDREDS = {"ten_thousand_at_once", "finished_handles_keep_no_descriptor", "threads_do_not_grow"}
"""Checks of so many calls that a process for each is too much where each is measured."""
SPAWNING = {"spawn", "pool-spawn"}
"""Their processes execute what forked ones do, and take a second each to start while they are measured."""
SLOW = {"spawn-finished_handles_keep_no_descriptor", "spawn-threads_do_not_grow"}
"""Some hundred interpreters, one after another. A fork shows the same, and the fork server."""


def marks(name, check):
    if f"{name}-{check.name}" in SLOW:
        return [pytest.mark.slow]
    of_hundreds = name in PROCESS_PER_CALL and check.name in HUNDREDS
    return [pytest.mark.unmeasured] if of_hundreds or name in SPAWNING else []


PAIRS = [
    pytest.param(runner, check, id=f"{name}-{check}", marks=marks(name, check))
    for name, runner in RUNNERS.items()
    for check in runner_checks(runner)
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("runner", "check"), PAIRS)
def test_promise(runner, check):
    """What the check's docstring says."""
    try:
        check(runner)
    finally:
        if hasattr(runner, "shutdown"):  # workers live on, and with them what the code of a check left in them
            runner.shutdown()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("runner", RUNNERS.values(), ids=RUNNERS)
def test_all_of_ten_thousand_calls(runner, monkeypatch):
    """Ten thousand calls at once, none of them stopped, on every runner."""
    monkeypatch.setenv("WOFLO_ALL_CALLS", "1")
    {check.name: check for check in runner_checks(runner)}["ten_thousand_at_once"](runner)


def test_every_promise_is_put_in_words():
    """Each check has a docstring, and a name of its own within its subject."""
    checks = runner_checks()
    assert checks
    assert all(check.promise for check in checks)
    assert len({str(check) for check in checks}) == len(checks)


@needs_processes
def test_a_runner_is_asked_for_what_its_traits_promise():
    """No check is left out everywhere, and some of each kind are left out where a trait lacks."""
    asked = {name: {check.name for check in runner_checks(runner)} for name, runner in RUNNERS.items()}
    assert set().union(*asked.values()) == {check.name for check in runner_checks()}
    assert "an_argument_that_cannot_be_packed" in asked["spawn"] - asked["thread"]
    assert "results_that_stay_here" in asked["thread"] - asked["spawn"]
    assert "code_that_does_not_want_to" in asked["pool-spawn"] - asked["async"]
    assert "runs_at_the_same_time" in asked["async"] - asked["sequential"]
    assert "interrupting_the_caller" in asked["sequential"] - asked["thread"]
