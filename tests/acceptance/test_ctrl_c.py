"""Ctrl-C at a real terminal: the program is gone within the grace time, and nothing of it is left."""

import time
from contextlib import ExitStack

import pytest
from programs import RESISTING, Program
from systems import needs_proc

pytestmark = [needs_proc, pytest.mark.unmeasured]

GRACE = 5.0
SLACK = 5.0
"""Seconds beyond the grace time for a busy machine."""
LONG_GRACE = 60.0
"""Seconds that a program gives whose tasks do not need them: on the busiest machine its end comes long before."""

BEGINNING = (
    RESISTING
    + """
import asyncio
from woflo import as_completed, current_run, gather, task, wait
from woflo.runners import MultiprocessTaskRun, PoolTaskRun, ThreadTaskRun

class Runner({runner}):
    max_concurrency = 2

@task(runner=Runner)
def willing(number):
    say(f"begun {{number}}")
    end = time.monotonic() + 90
    while not current_run().stop_requested and time.monotonic() < end:
        time.sleep(0.01)  # nobody waits for this: it is what code that looks for a stop does

@task(runner=Runner)
def deaf(number):
    resist(number, Runner.traits.isolated)

# Three for two places: one is pending.
runs = [{kind}(number) for number in range(3)]
"""
)

WAYS = {
    "get_result": "runs[0].get_result()",
    "run.wait": "runs[2].wait()",
    "wait": "wait(runs)",
    "as_completed": "for run in as_completed(runs): run.get_result()",
    "gather": "gather(*runs).get_result()",
    "await": """
async def main():
    await gather(*runs)
asyncio.run(main())
""",
    "sleeping": "time.sleep(90)",
    "at exit": "say('at the end')",
}
RUNNERS = {"process": "MultiprocessTaskRun", "pool": "PoolTaskRun", "thread": "ThreadTaskRun"}


def start(folder, runner, kind, way, more=""):
    return Program(folder, BEGINNING.format(runner=RUNNERS[runner], kind=kind) + more + WAYS[way], terminal=True)


def wait_until_begun(program):
    program.wait_for("begun 0")
    program.wait_for("begun 1")


PATIENT = f"""
from woflo.kernel import runtime
runtime.EXIT_GRACE = {LONG_GRACE}
"""


@pytest.mark.parametrize("runner", RUNNERS)
def test_quick_end(tmp_path, runner):
    """Wherever the program is, Ctrl-C ends it at once where its tasks end when they are asked to."""
    with ExitStack() as stack:
        programs = {way: stack.enter_context(start(tmp_path, runner, "willing", way, PATIENT)) for way in WAYS}
        for way, program in programs.items():
            wait_until_begun(program)
            program.press_ctrl_c()
            asked = time.monotonic()
            code = program.wait()
            took = time.monotonic() - asked
            assert took < LONG_GRACE / 2, f"{way}: {took:.1f} s\n{program.output}"
            assert "begun 2" not in program.output, way
            assert "InternalError" not in program.output, program.output
            # At the exit the interpreter is past telling that it was interrupted.
            assert code in ((0, -2, 130) if way == "at exit" else (-2, 130)), (way, code, program.output)
            program.assert_all_gone()


@pytest.mark.parametrize(
    ("work", "end"),
    [
        ("script('sleep 90')", ".get_result()"),
        ("task(runner='thread')(patient)", ".get_result()"),
        ("task(runner='multiprocess')(patient)", ".get_result()"),
        ("script('sleep 90')", ""),
    ],
)
def test_status(tmp_path, work, end):
    """Whatever is imported for the end: the program dies by SIGINT, as any other that nobody caught Ctrl-C in."""
    text = f"""
import os, time
from woflo import current_run, script, task

def patient():
    while not current_run().stop_requested:
        time.sleep(0.01)  # nobody waits for this: it is what code that looks for a stop does

run = ({work})()
while run.state.value != "RUNNING":
    time.sleep(0.01)  # a handle tells its end, and not its start
os.write(1, b"begun\\n")
run{end}
"""
    with Program(tmp_path, text, terminal=True) as program:
        program.wait_for("begun")
        program.watch(0.3)  # for the end of the main program, where it comes to that
        program.press_ctrl_c()
        assert program.wait() == -2, program.output
        program.assert_all_gone()


def test_tasks_that_resist(tmp_path):
    """Tasks that ignore SIGTERM and every exception, with children that do, are gone after the grace time."""
    cases = [(runner, way) for runner in ("process", "pool") for way in WAYS]
    cases += [("thread", way) for way in ("get_result", "await", "sleeping", "at exit")]
    with ExitStack() as stack:
        programs = {case: stack.enter_context(start(tmp_path, case[0], "deaf", case[1])) for case in cases}
        for program in programs.values():
            wait_until_begun(program)
        for program in programs.values():
            program.press_ctrl_c()
        asked = time.monotonic()
        late = []
        for case, program in programs.items():
            program.wait()
            if time.monotonic() - asked > GRACE + SLACK:
                late.append((case, time.monotonic() - asked))
            program.assert_all_gone(timeout=3.0)
        assert not late


@pytest.mark.parametrize("runner", ["process", "pool"])
def test_a_second_ctrl_c(tmp_path, runner):
    """Pressed again while the tasks are given their grace, it does not let any process escape, nor delay the end."""
    with start(tmp_path, runner, "deaf", "get_result") as program:
        wait_until_begun(program)
        program.press_ctrl_c()
        asked = time.monotonic()
        program.wait_for("KeyboardInterrupt")
        program.press_ctrl_c()
        program.wait()
        assert time.monotonic() - asked < GRACE + SLACK
        program.assert_all_gone(timeout=3.0)


def test_many_times(tmp_path):
    """Pressed many times in a row, from the very beginning of the end, it leaves no process."""
    with start(tmp_path, "process", "deaf", "at exit") as program:
        wait_until_begun(program)
        program.wait_for("at the end")
        asked = time.monotonic()
        while program.process.poll() is None and time.monotonic() - asked < GRACE + SLACK:
            program.press_ctrl_c()
            program.watch(0.05)
        program.wait(1.0)
        program.assert_all_gone(timeout=GRACE + SLACK)


def test_an_interrupt_that_was_caught(tmp_path):
    """A program that catches it goes on: its runs are not stopped, and are waited for at the end."""
    text = """
import os
from woflo import task
from woflo.testing import wait_until

@task
def work():
    os.write(1, b"begun\\n")
    wait_until(lambda: os.path.exists("go"))
    os.write(1, b"done\\n")

run = work()
try:
    run.get_result()
except KeyboardInterrupt:
    os.write(1, b"caught\\n")
    open("go", "w").close()
"""
    with Program(tmp_path, text, terminal=True) as program:
        program.wait_for("begun")
        program.press_ctrl_c()
        assert program.wait() == 0
        assert program.output.index("caught") < program.output.index("done")
        program.assert_all_gone()


IN_A_STEP = """
import os, sys
from woflo import current_run, task, use_store, workflow
from woflo.kernel import runtime
from woflo.testing import wait_until

use_store("sqlite:///runs.db")
runtime.EXIT_GRACE = {grace}

@task
def deaf():
    os.write(1, b"begun\\n")
    open("has_begun", "w").close()
    wait_until(lambda: os.path.exists("go"))
    os.write(1, b"done\\n")
    return 1

@task
def looking():
    os.write(1, b"begun\\n")
    wait_until(lambda: current_run().stop_requested or os.path.exists("go"))
    return 2

@workflow
def nightly(name: str) -> int:
    return globals()[name]().get_result()

print("value", nightly.with_options(key="k")("{step}").get_result(), flush=True)
"""


def test_a_plain_step_is_waited_for(tmp_path):
    """However long it takes, and whoever waits is told: it is recorded, and not executed again."""
    text = IN_A_STEP.format(step="deaf", grace=0.1)
    with Program(tmp_path, text, terminal=True) as program:
        program.wait_for("begun")
        program.press_ctrl_c()
        program.wait_for("waiting for deaf (")
        (tmp_path / "go").touch()
        assert program.wait() == -2, program.output
        assert "done" in program.output
    with Program(tmp_path, text) as again:
        assert again.wait() == 0, again.output
        assert "value 1" in again.output
        assert "begun" not in again.output


def test_a_second_ctrl_c_does_not_wait_for_a_plain_step(tmp_path):
    """It is executed again, by whoever goes on with the workflow."""
    text = IN_A_STEP.format(step="deaf", grace=LONG_GRACE)
    with Program(tmp_path, text, terminal=True) as program:
        program.wait_for("begun")
        program.press_ctrl_c()
        program.wait_for("KeyboardInterrupt")
        program.watch(0.3)  # for the end of the main program
        program.press_ctrl_c()
        assert program.wait(LONG_GRACE / 2) == -2, program.output
        assert "Exception ignored" not in program.output
    (tmp_path / "go").touch()
    with Program(tmp_path, text) as again:
        assert again.wait() == 0, again.output
        assert "begun" in again.output


def test_a_plain_step_that_looks_for_a_stop_is_asked(tmp_path):
    """It ends after the grace time, and is executed again."""
    text = IN_A_STEP.format(step="looking", grace=0.1)
    with Program(tmp_path, text, terminal=True) as program:
        program.wait_for("begun")
        program.watch(0.3)  # for its first look
        program.press_ctrl_c()
        assert program.wait() == -2, program.output
        assert "waiting for" not in program.output
    (tmp_path / "go").touch()
    with Program(tmp_path, text) as again:
        assert again.wait() == 0, again.output
        assert "begun" in again.output and "value 2" in again.output


def test_ctrl_c_while_a_step_is_waited_for_at_the_end(tmp_path):
    """The end of the main program is no beginning of its own: the first Ctrl-C gives the same grace."""
    waits = IN_A_STEP.format(step="deaf", grace=0.1)
    leaves = waits.replace("print(", "(").replace(".get_result(), flush=True", "")
    leaves += "wait_until(lambda: os.path.exists('has_begun'))"
    with Program(tmp_path, leaves, terminal=True) as program:
        program.wait_for("begun")
        program.watch(0.3)  # for the end of the main program
        program.press_ctrl_c()
        program.wait_for("waiting for deaf (")
        (tmp_path / "go").touch()
        assert program.wait() in (0, -2), program.output
        assert "Exception ignored" not in program.output
    with Program(tmp_path, waits) as again:
        assert again.wait() == 0, again.output
        assert "value 1" in again.output and "begun" not in again.output
