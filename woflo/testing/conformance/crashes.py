"""Where attempts are isolated, a crash is one run's failure, it tells its story, and it harms nobody else."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from woflo import RunState
from woflo.errors import TaskCrashedError
from woflo.testing.conformance.checks import Runner, check, isolated
from woflo.testing.conformance.tasks import echo, gate, pass_gate, still_works
from woflo.testing.conformance.tools import configured, error_of, folder, on, value_of
from woflo.testing.patience import PATIENCE, wait_until
from woflo.testing.procfs import is_alive

SLEEPER = [sys.executable, "-S", "-c", f"import time; time.sleep({2 * PATIENCE})"]


def kill_itself(number: int, **_: Any) -> None:
    """Ends its process by a signal."""
    os.kill(os.getpid(), number)
    time.sleep(PATIENCE)


def exit_at_once(code: int) -> None:
    """Ends its process without a word."""
    os._exit(code)


def read_from_nowhere() -> None:
    """A segmentation fault."""
    ctypes.string_at(0)


def crash_once(marker: Path) -> str:
    """Crashes in its first attempt alone."""
    if not marker.exists():
        marker.touch()
        os._exit(1)
    return "second"


def talk_and_exit(words: str) -> None:
    """Prints, and dies without flushing anything but that."""
    print(words, flush=True)  # noqa: T201  # what this is about
    os._exit(4)


def with_grandchild(note: Path, then: str) -> str:
    """Starts a process that inherits every descriptor, and ends in one of several ways."""
    for fd in _descriptors():
        os.set_inheritable(fd, True)
    process = subprocess.Popen(SLEEPER, close_fds=False)
    process.returncode = 0  # nobody waits for it here
    note.write_text(str(process.pid))
    if then == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if then == "exit":
        os._exit(3)
    return then


def _descriptors() -> list[int]:
    found = []
    for fd in range(1024):
        try:
            os.fstat(fd)
        except OSError:
            continue
        found.append(fd)
    return found


@check(only=isolated)
def killed(runner: Runner) -> None:
    """A process that SIGKILL ends gives `TaskCrashedError` with the signal's name and the call."""
    error = error_of(on(runner, kill_itself)(int(signal.SIGKILL)), TaskCrashedError)
    assert (error.signal, error.exit_code) == ("SIGKILL", None)
    assert "kill_itself(9)" in str(error)
    assert error.peak_memory is None or error.peak_memory > 1_000_000
    assert not error.out_of_memory
    still_works(runner)


@check(only=isolated)
def left_at_once(runner: Runner) -> None:
    """`os._exit` gives `TaskCrashedError` with the exit code, 0 included."""
    for code in (3, 0):
        error = error_of(on(runner, exit_at_once)(code), TaskCrashedError)
        assert (error.signal, error.exit_code) == (None, code)
    still_works(runner)


@check(only=isolated)
def segmentation_fault(runner: Runner) -> None:
    """A segmentation fault gives `TaskCrashedError` with the trace of the Python code that led to it."""
    error = error_of(on(runner, read_from_nowhere)(), TaskCrashedError)
    assert error.signal == "SIGSEGV"
    assert "read_from_nowhere" in error.trace
    assert "read_from_nowhere" in "".join(error.__notes__)
    still_works(runner)


@check(only=isolated)
def secrets_in_a_crash_report(runner: Runner) -> None:
    """The arguments in a crash report are shortened, and secrets are masked."""
    run = on(runner, kill_itself)(int(signal.SIGKILL), password="hunter2", text="x" * 10_000)
    error = error_of(run, TaskCrashedError)
    assert "hunter2" not in str(error)
    assert "password=***" in str(error)
    assert len(str(error)) < 1000


@check(only=isolated)
def last_words(runner: Runner) -> None:
    """Where output is captured, its last lines are in the crash report."""
    with configured(runner, capture_output=True) as listening:
        error = error_of(on(listening, talk_and_exit)("almost there"), TaskCrashedError)
    assert "almost there" in error.output
    assert error.exit_code == 4


@check(only=isolated)
def others_are_unharmed(runner: Runner) -> None:
    """A crash harms no run beside it, neither under way nor waiting."""
    with configured(runner, max_concurrency=3) as some, gate() as held:
        running = [on(some, pass_gate)(held.where, name) for name in ("one", "two")]
        held.wait_for("one", "two")
        crashing = [on(some, kill_itself)(int(signal.SIGKILL)), on(some, exit_at_once)(3)]
        waiting = [on(some, echo)(n) for n in range(5)]
        for run in crashing:
            error_of(run, TaskCrashedError)
        assert [value_of(run) for run in waiting] == list(range(5))
        assert all(run.state is RunState.RUNNING for run in running)
        held.open()
        assert [value_of(run) for run in running] == ["one", "two"]


@check(only=isolated)
def tried_again(runner: Runner) -> None:
    """A crash is a failed attempt like any other: it is tried again."""
    with folder() as where:
        run = on(runner, crash_once, retries=1)(where / "marker")
        assert value_of(run) == "second"
        assert run.attempt == 2


@check(only=isolated)
def a_crash_while_a_grandchild_holds_every_pipe(runner: Runner) -> None:
    """A death is noticed although a grandchild holds all descriptors, which ends with the attempt."""
    for then, signal_name, code in (("kill", "SIGKILL", None), ("exit", None, 3)):
        with folder() as where:
            error = error_of(on(runner, with_grandchild)(where / "pid", then), TaskCrashedError)
            assert (error.signal, error.exit_code) == (signal_name, code)
            _until_gone(int((where / "pid").read_text()))
    still_works(runner)


@check(only=isolated)
def a_result_while_a_grandchild_holds_every_pipe(runner: Runner) -> None:
    """A result arrives although a grandchild holds all descriptors."""
    with folder() as where:
        try:
            assert value_of(on(runner, with_grandchild)(where / "pid", "return")) == "return"
            still_works(runner)
        finally:
            os.kill(int((where / "pid").read_text()), signal.SIGKILL)


def _until_gone(pid: int) -> None:
    wait_until(lambda: not is_alive(pid), f"end of the grandchild {pid}")
