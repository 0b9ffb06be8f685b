"""A caller that is killed leaves no process behind: not its attempts, not what they started, not woflo's helpers."""

import itertools
import os
import random
import signal
from contextlib import ExitStack

import pytest
from programs import RESISTING, Program
from systems import needs_proc

pytestmark = needs_proc

SIGNALS = itertools.cycle([signal.SIGKILL, signal.SIGTERM])

BEGINNING = (
    RESISTING
    + """
from woflo import task, wait
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.runners.multiprocess import ForkProcess, ForkServerProcess, SpawnProcess

deaf = task(runner={runner})(resist)
"""
)
ALL_AT_ONCE = """
say("launching")
runs = [deaf(number) for number in range({count})]
wait(runs)
"""
NESTED = """
@task(runner={runner})
def outer(depth):
    if depth:
        return outer(depth - 1).get_result()
    return wait([deaf(0), deaf(1)])

say("launching")
outer(2).get_result()
"""
RUNNERS = {
    "fork": "MultiprocessTaskRun.configured(process_type=ForkProcess)",
    "spawn": "MultiprocessTaskRun.configured(process_type=SpawnProcess)",
    "forkserver": "MultiprocessTaskRun.configured(process_type=ForkServerProcess)",
    "pool": "PoolTaskRun",
}


def start(folder, runner, text, count=2):
    return Program(folder, (BEGINNING + text).format(runner=RUNNERS[runner], count=count))


@pytest.mark.parametrize("runner", RUNNERS)
def test_while_executing(tmp_path, runner):
    """SIGTERM and SIGKILL while tasks execute that ignore SIGTERM and have children that do."""
    with ExitStack() as stack:
        programs = [stack.enter_context(start(tmp_path, runner, ALL_AT_ONCE)) for _ in range(2)]
        for program in programs:
            program.wait_for("begun 0")
            program.wait_for("begun 1")
            program.kill(next(SIGNALS))
        for program in programs:
            program.assert_all_gone()


@pytest.mark.parametrize("runner", RUNNERS)
def test_while_launching(tmp_path, runner):
    """SIGTERM and SIGKILL at random moments after the first call, while processes are being started."""
    longest = {"spawn": 0.4, "forkserver": 0.3}.get(runner, 0.15)
    with ExitStack() as stack:
        programs = []
        for _ in range(6):
            program = stack.enter_context(start(tmp_path, runner, ALL_AT_ONCE, count=4))
            programs.append(program)
            program.wait_for("launching")
            program.watch(random.uniform(0, longest))
            program.kill(next(SIGNALS))
        for program in programs:
            program.assert_all_gone()


@pytest.mark.parametrize("runner", RUNNERS)
def test_nested_calls(tmp_path, runner):
    """Killed at the top, nothing remains of calls made by tasks, made by tasks."""
    with ExitStack() as stack:
        programs = [stack.enter_context(start(tmp_path, runner, NESTED)) for _ in range(2)]
        for program in programs:
            program.wait_for("begun 0")
            program.kill(next(SIGNALS))
        for program in programs:
            program.assert_all_gone()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_that_is_slow_to_begin(tmp_path, number):
    """Killed while a forked child has not even reached its first statement: it never executes its task."""
    text = """
import os, time
from woflo import task

def linger():
    os.write(1, b"forked\\n")
    time.sleep(0.3)

@task
def work():
    open("executed", "w").close()
    time.sleep(90)

os.register_at_fork(after_in_child=linger)
work().get_result()
"""
    with Program(tmp_path, text) as program:
        program.wait_for("forked")
        program.kill(number)
        program.assert_all_gone()
        assert not (tmp_path / "executed").exists()


def test_a_task_that_is_a_killed_caller(tmp_path):
    """An attempt killed from outside takes the calls with it that it made; its own caller goes on."""
    text = (
        BEGINNING
        + """
@task
def middle():
    runs = [deaf(0), deaf(1)]
    say(f"middle {{os.getpid()}}.")
    wait(runs)

run = middle()
say(repr(type(run.exception())))
"""
    )
    with Program(tmp_path, text.format(runner=RUNNERS["fork"])) as program:
        program.wait_for("begun 0")
        program.wait_for("begun 1")
        pid = int(program.output.partition("middle ")[2].partition(".")[0])
        os.kill(pid, signal.SIGKILL)
        assert program.wait() == 0
        assert "TaskCrashedError" in program.output
        program.assert_all_gone()
