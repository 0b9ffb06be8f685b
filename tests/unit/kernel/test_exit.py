"""How a program ends that has runs under way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from unit_helpers import run_script, script_environment

PREPARED = """
import asyncio, sys, threading, time
from woflo import task

def say(*words):
    print(*words, flush=True)
"""


def run_after(tmp_path, text, **options):
    return run_script(tmp_path, PREPARED + textwrap.dedent(text), **options)


def test_plain_calls_are_waited_for(tmp_path):
    """Under way, pending, and between attempts: all end before the program does."""
    ended = run_after(
        tmp_path,
        """
        from woflo.runners import ThreadTaskRun

        ended = threading.Event()

        @task(runner=ThreadTaskRun.configured(max_concurrency=1))
        def work(number):
            ended.wait(20)
            say(number)
            return number

        @task(runner="thread", retries=1, retry_sleep_time=0.3)
        def again(calls=[]):
            calls.append(1)
            ended.wait(20)
            if len(calls) == 1:
                raise ValueError
            say("again")

        @task(runner="async")
        async def coroutine(_):
            await asyncio.sleep(0.05)
            say("coroutine")

        coroutine(work(1)); work(2); again()
        say("end of the program")
        ended.set()
        """,
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0] == "end of the program"
    assert sorted(lines[1:]) == ["1", "2", "again", "coroutine"]
    assert ended.stderr == ""


def test_a_failure_that_nobody_asked_for_does_not_change_the_exit_status(tmp_path):
    """It is told, and that is all."""
    ended = run_after(tmp_path, "task(runner='thread')(divmod)(1, 0)")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "divmod" in ended.stderr


def test_an_error_of_the_program_is_told_and_runs_are_waited_for(tmp_path):
    """The traceback comes first, the status is 1."""
    ended = run_after(
        tmp_path,
        """
        task(runner="thread")(lambda: (time.sleep(0.2), say("ended")))()
        raise ValueError("the program's own")
        """,
    )
    assert ended.returncode == 1
    assert ended.stdout == "ended\n"
    assert "the program's own" in ended.stderr


def test_an_observer_gets_what_was_queued_before_the_end(tmp_path):
    """Events of the last runs included."""
    ended = run_after(
        tmp_path,
        """
        from woflo import subscribe
        subscribe(lambda event: say(type(event).__name__))
        task(runner="thread")(time.sleep)(0.1)
        """,
    )
    assert ended.stdout.split() == ["RunCreated", "AttemptStarted", "RunEnded"], ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    "waits", ["run.get_result()", "threading.Event().wait()", ""], ids=["in a wait", "elsewhere", "at exit"]
)
@pytest.mark.parametrize("runner", ["thread", "async"])
def test_ctrl_c_ends_the_program(tmp_path, runner, waits):
    """Runs that look are stopped, and the program is gone long before its runs would have ended."""
    work = """
        @task(runner="thread")
        def work():
            from woflo import current_run
            from woflo.testing import wait_until
            say("ready")
            wait_until(lambda: current_run().stop_requested)
            say("stopped")
    """
    if runner == "async":
        work = """
        @task(runner="async")
        async def work():
            say("ready")
            try:
                await asyncio.sleep(600)
            finally:
                say("stopped")
        """
    path = tmp_path / "program.py"
    path.write_text(PREPARED + textwrap.dedent(work) + f"\nrun = work()\n{waits}\n")
    program = subprocess.Popen(
        [sys.executable, str(path)],
        env=script_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout.readline() == "ready\n"
        begin = time.monotonic()
        # The signal may come before the program has reached its wait: it ends it from anywhere.
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=20)
    finally:
        program.kill()
        program.wait()
    assert time.monotonic() - begin < 10
    assert out == "stopped\n", err
    assert program.returncode in (1, -signal.SIGINT, 128 + signal.SIGINT, 0)


def test_no_signal_handler_is_installed():
    """Importing woflo and running tasks leaves the program's handlers alone."""
    import woflo

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    woflo.task(runner="thread")(os.getpid)().get_result()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_closer_that_raises(tmp_path):
    """The others are called all the same, the last one made first, and what was raised is told."""
    program = """
        from woflo.kernel import runtime

        here = runtime.current
        here.final_closers["final"] = lambda: print("final")
        here.closers["first"] = lambda: print("first")
        here.closers["failing"] = lambda: 1 / 0
        here.closers["last"] = lambda: print("last")
    """
    ended = run_script(tmp_path, program)
    assert ended.stdout.split() == ["last", "first", "final"]
    assert "ZeroDivisionError" in ended.stderr
