"""`stop` before, during and after; with everything that the attempt started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from woflo import RunState
from woflo.errors import OptionError, TaskStoppedError
from woflo.kernel.run import BaseTaskRun
from woflo.testing.conformance.checks import Runner, check, isolated_and_killable, parallel
from woflo.testing.conformance.tasks import echo, gate, linger, linger_async, pass_gate, still_works
from woflo.testing.conformance.tools import configured, error_of, folder, on, raised, value_of
from woflo.testing.patience import PATIENCE, wait_until
from woflo.testing.procfs import is_alive

_DEAF = f"""
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(flush=True)
time.sleep({2 * PATIENCE})
"""


def deaf(note: Path) -> None:
    """Ignores SIGTERM and every exception, as a child of its does."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process = subprocess.Popen([sys.executable, "-S", "-c", _DEAF], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    note.with_suffix(".new").write_text(f"{os.getpid()} {process.pid}")
    note.with_suffix(".new").rename(note)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            time.sleep(0.1)
        except BaseException:
            continue


def clean_up(marker: Path, end: Path) -> None:
    """Cleans up when it is ended."""
    try:
        marker.touch()
        time.sleep(PATIENCE)
    finally:
        end.touch()


def assert_stopped(run: BaseTaskRun[Any]) -> None:
    """The run has ended as STOPPED."""
    error_of(run, TaskStoppedError)
    assert run.state is RunState.STOPPED
    assert not run.is_running()
    assert run.stop() is True


@check(only=parallel)
def before_the_start(runner: Runner) -> None:
    """A run that waits for its place ends as STOPPED, is never executed, and gives its turn to the next."""
    with configured(runner, max_concurrency=1) as single, gate() as held:
        first = on(single, pass_gate)(held.where, "first")
        second = on(single, pass_gate)(held.where, "second")
        third = on(single, pass_gate)(held.where, "third")
        held.wait_for("first")
        assert second.state is RunState.PENDING
        assert second.stop() is True
        assert_stopped(second)
        held.open()
        assert (value_of(first), value_of(third)) == ("first", "third")
        assert held.arrived() == ["first", "third"]


@check(only=parallel)
def during_the_run(runner: Runner) -> None:
    """Code that looks at `stop_requested` (or is raised out of it) ends, and `stop` returns True then."""
    with folder() as where:
        run = on(runner, linger)(where / "marker", where / "end")
        wait_until((where / "marker").exists, "start of the task")
        assert run.stop(grace=PATIENCE) or run.wait(PATIENCE)
        assert_stopped(run)
        wait_until((where / "end").exists, "end of the code")
        still_works(runner)


@check(only=lambda traits: traits.killable)
def during_a_coroutine(runner: Runner) -> None:
    """A coroutine that waits is ended, and its `finally` runs."""
    with folder() as where:
        run = on(runner, linger_async)(where / "marker", where / "end")
        wait_until((where / "marker").exists, "start of the coroutine")
        assert run.stop(grace=PATIENCE) is True
        assert_stopped(run)
        assert (where / "end").exists()


@check(only=isolated_and_killable)
def cleaning_up(runner: Runner) -> None:
    """Code that is asked to end runs its `finally` before it is gone, also out of a long system call."""
    with folder() as where:
        run = on(runner, clean_up)(where / "marker", where / "end")
        wait_until((where / "marker").exists, "start of the task")
        assert run.stop(grace=PATIENCE) is True
        assert (where / "end").exists()
        assert_stopped(run)


@check()
def after_the_end(runner: Runner) -> None:
    """Stopping a run that has ended changes nothing."""
    run = on(runner, echo)(1)
    assert value_of(run) == 1
    assert run.stop() is True
    assert run.stop(grace=0) is True
    assert run.state is RunState.SUCCEEDED
    assert value_of(run) == 1
    still_works(runner)


@check()
def a_wrong_grace(runner: Runner) -> None:
    """A grace below zero is an error by name."""
    run = on(runner, echo)(1)
    assert "grace" in str(raised(OptionError, lambda: run.stop(grace=-1)))
    value_of(run)


@check(only=parallel)
def from_many_threads(runner: Runner) -> None:
    """Several threads may stop one run at the same time."""
    with folder() as where:
        run = on(runner, linger)(where / "marker")
        wait_until((where / "marker").exists, "start of the task")
        threads = [threading.Thread(target=run.stop, args=(PATIENCE,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert_stopped(run)


@check(only=isolated_and_killable)
def code_that_does_not_want_to(runner: Runner) -> None:
    """Code that ignores SIGTERM is gone after `grace`, with the processes that it started."""
    with folder() as where:
        run = on(runner, deaf)(where / "pids")
        wait_until((where / "pids").exists, "start of the task and its child")
        pids = [int(pid) for pid in (where / "pids").read_text().split()]
        assert [is_alive(pid) for pid in pids] == [True, True]
        assert run.stop(grace=0.2) is True
        assert_stopped(run)
        # What was killed with SIGKILL needs a moment to be gone, where it is nobody's child here.
        wait_until(lambda: not any(map(is_alive, pids)), f"the end of {pids}", timeout=1.0)
        still_works(runner)


@check(only=isolated_and_killable)
def others_are_unharmed(runner: Runner) -> None:
    """Stopping one run, the hard way too, harms no other."""
    with configured(runner, max_concurrency=3) as some, gate() as held, folder() as where:
        beside = on(some, pass_gate)(held.where, "beside")
        hard, soft = on(some, deaf)(where / "pids"), on(some, linger)(where / "marker")
        held.wait_for("beside")
        wait_until(lambda: (where / "pids").exists() and (where / "marker").exists(), "start of the tasks")
        waiting = [on(some, echo)(n) for n in range(5)]
        assert soft.stop()
        assert hard.stop(grace=0.1)
        assert [value_of(run) for run in waiting] == list(range(5))
        held.open()
        assert value_of(beside) == "beside"


@check(only=parallel)
def at_any_moment(runner: Runner) -> None:
    """A stop at any moment of a short run ends it, as STOPPED or as done, and nothing hangs."""
    for pause in (0.0, 0.0, 0.001, 0.002, 0.005, 0.01):
        run = on(runner, echo)("done")
        time.sleep(pause)
        assert run.stop(grace=PATIENCE) is True
        assert run.state in (RunState.STOPPED, RunState.SUCCEEDED)
    still_works(runner)


@check(only=parallel)
def many_at_once(runner: Runner) -> None:
    """A hundred runs, under way or not, are stopped by many threads at once, and leave no process."""
    with configured(runner, max_concurrency=8) as some, folder() as where:
        runs = [on(some, linger)(where / f"{n}") for n in range(100)]
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda run: run.stop(1.0), runs))
        for run in runs:
            assert run.wait(PATIENCE)
            assert run.state is RunState.STOPPED
        still_works(some)
