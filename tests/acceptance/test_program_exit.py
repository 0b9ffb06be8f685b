"""The end of a program: everything that was called is waited for, and every print appears once."""

import subprocess
import sys

import pytest
from programs import PATIENCE, environment, lines, run
from systems import needs_proc

pytestmark = pytest.mark.unmeasured

KINDS = ["fork", "spawn", "forkserver", "pool", "pool-spawn", "thread"]
MAY_START_LATE = sys.version_info < (3, 12)
"""From Python 3.12 on no process and no thread can be started once the main thread has ended."""

BEGINNING = """
import os, sys, threading, time
from woflo import task, wait
from woflo.runners import MultiprocessTaskRun, PoolTaskRun, ThreadTaskRun
from woflo.runners.multiprocess import ForkProcess, ForkServerProcess, SpawnProcess

Runner = {{
    "fork": MultiprocessTaskRun.configured(process_type=ForkProcess, max_concurrency=2),
    "spawn": MultiprocessTaskRun.configured(process_type=SpawnProcess, max_concurrency=2),
    "forkserver": MultiprocessTaskRun.configured(process_type=ForkServerProcess, max_concurrency=2),
    "pool": PoolTaskRun.configured(max_concurrency=2),
    "pool-spawn": PoolTaskRun.configured(max_concurrency=2, process_type=SpawnProcess),
    "thread": ThreadTaskRun.configured(max_concurrency=2),
}}[{kind!r}]

def note(text):
    with open("notes", "a") as file:
        file.write(f"{{text}}\\n")

@task(runner=Runner)
def work(number, seconds=0.05):
    time.sleep(seconds)
    note(number)
    return number
"""

ENDS = {
    "the last line": ("", 0),
    "sys.exit": ("sys.exit(5)", 5),
    "an error": ("raise ValueError('main failed')", 1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_running_and_pending_calls_are_waited_for(tmp_path, kind):
    """However main ends: what was begun ends, and what was over the limit is executed, where it still can be."""
    for end, (text, expected) in ENDS.items():
        code, output = run(tmp_path, BEGINNING.format(kind=kind) + "runs = [work(n) for n in range(5)]\n" + text)
        assert code == expected, f"{end}: {output}"
        if MAY_START_LATE or kind not in ("fork", "thread"):
            assert sorted(lines(tmp_path / "notes")) == list("01234"), f"{end}: {output}"
        else:
            assert {"0", "1"} <= set(lines(tmp_path / "notes")) <= set("01234"), f"{end}: {output}"
        (tmp_path / "notes").unlink()


@pytest.mark.parametrize("kind", KINDS)
def test_retries_are_waited_for(tmp_path, kind):
    """A run between two attempts is not at its end."""
    text = """
@task(runner=Runner, retries=2, retry_sleep_time=0.1)
def fails():
    note("tried")
    raise ValueError("not yet")

fails()
"""
    code, output = run(tmp_path, BEGINNING.format(kind=kind) + text)
    assert code == 0, output
    tries = len(lines(tmp_path / "notes"))
    assert tries == 3 if MAY_START_LATE or kind not in ("fork", "thread") else 1 <= tries <= 3, output


@pytest.mark.skipif(not MAY_START_LATE, reason="nothing can be started that late on this Python")
@pytest.mark.parametrize("kind", KINDS)
def test_dependent_calls_are_waited_for(tmp_path, kind):
    """A chain whose first link executes at the end of main is executed to its last."""
    code, output = run(tmp_path, BEGINNING.format(kind=kind) + "work(work(work(7).ref).ref)")
    assert (code, lines(tmp_path / "notes")) == (0, ["7"] * 3), output


@pytest.mark.skipif(not MAY_START_LATE, reason="nothing can be started that late on this Python")
@pytest.mark.parametrize("kind", KINDS)
def test_a_thread_that_outlives_main(tmp_path, kind):
    """Its calls work after main has ended, as they did before, and are waited for though it does not wait itself."""
    text = """
from woflo.testing import wait_until

def program():
    note(work(1).get_result() + 10)
    threading.main_thread().join()
    wait_until(lambda: threading._SHUTTING_DOWN)
    note(work(2).get_result() + 10)
    work(3, 0.3)

threading.Thread(target=program).start()
"""
    code, output = run(tmp_path, BEGINNING.format(kind=kind) + text)
    assert (code, lines(tmp_path / "notes")) == (0, ["1", "11", "2", "12", "3"]), output


@pytest.mark.parametrize("kind", KINDS)
def test_sys_exit_in_a_thread(tmp_path, kind):
    """A thread that leaves ends itself alone."""
    text = """
def program():
    work(1)
    sys.exit(3)

thread = threading.Thread(target=program)
thread.start()
thread.join()
"""
    code, output = run(tmp_path, BEGINNING.format(kind=kind) + text)
    assert (code, lines(tmp_path / "notes")) == (0, ["1"]), output


@pytest.mark.parametrize("kind", KINDS)
def test_prints_appear_once(tmp_path, kind):
    """Text that the caller had not written yet when a child was forked is not written by the child as well."""
    text = """
@task(runner=Runner)
def say(number):
    print("child", number)
    sys.stderr.write(f"error {number}\\n")
    return number

sys.stdout.write("before ")
kept = open("kept", "w")
kept.write("once")
print([run.get_result() for run in [say(n) for n in range(4)]])
say(4)
print("after")
kept.close()
"""
    code, output = run(tmp_path, BEGINNING.format(kind=kind) + text)
    assert code == 0, output
    said = [f"{what} {n}" for n in range(5) for what in ("child", "error")]
    for wanted in ("before", "[0, 1, 2, 3]", "after", *said):
        assert output.count(wanted) == 1, f"{wanted!r} in {output!r}"
    assert (tmp_path / "kept").read_text() == "once"


HERE = """
class Point:
    def __init__(self, x):
        self.x = x
    def __eq__(self, other):
        return type(other) is Point and other.x == self.x

class Refused(Exception):
    def __init__(self, code, why, where):
        super().__init__(f"{code} {why}")
        self.code, self.where = code, where

import enum
class Colour(enum.Enum):
    RED = 1

STEP = 10

def helper(point):
    return Point(point.x + STEP)

@task(runner=Runner)
def move(point, colour=None):
    assert isinstance(point, Point), type(point)
    assert colour in (None, Colour.RED) and (colour is None or colour is Colour.RED)
    return helper(point), colour

@task(runner=Runner)
def refuse():
    raise Refused(7, "no", "here")

@task(runner=Runner)
def nested(point):
    return move(point).get_result()[0]

moved, colour = move(Point(1), Colour.RED).get_result(25)
assert type(moved) is Point and moved == Point(11), moved
assert colour is Colour.RED
try:
    refuse().get_result(25)
except Refused as error:
    assert type(error) is Refused and (error.code, error.where) == (7, "here"), vars(error)
STEP = 20
assert move(Point(1)).get_result(25)[0] == Point(21)
assert nested(Point(1)).get_result(25) == Point(21)
square = task(runner=Runner)(lambda n: n * n)
assert square(4).get_result(25) == 16
print("all right")
"""


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_script_defines_travels(tmp_path, kind):
    """Functions, classes, enums and exceptions of `__main__`, without its guard, go and come back as themselves."""
    assert run(tmp_path, BEGINNING.format(kind=kind) + HERE) == (0, "all right\n")


@pytest.mark.parametrize("kind", KINDS)
def test_python_c(tmp_path, kind):
    """The same where the program is an argument of `python -c`."""
    text = BEGINNING.format(kind=kind) + HERE
    assert run(tmp_path, "", command=[sys.executable, "-c", text]) == (0, "all right\n")


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_on_standard_input(tmp_path, kind):
    """The same where Python reads the program from a pipe, which children leave alone."""
    text = BEGINNING.format(kind=kind) + HERE + "work(1)\n"
    done = subprocess.run(
        [sys.executable, "-"],
        input=text, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "all right\n", "")
    assert lines(tmp_path / "notes") == ["1"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt(tmp_path, kind):
    """The same typed at a prompt, line after line; the end of the input ends the program, which waits."""
    typed = ["import time", "STEP = 10"]
    typed += ["class Point: pass", "", "@task(runner=Runner)", "def move(point):", "    return point", ""]
    typed += ["print(type(move(Point()).get_result(25)) is Point)", "run = work(1)"]
    done = subprocess.run(
        [sys.executable, "-i", "-c", BEGINNING.format(kind=kind)],
        input="\n".join(typed) + "\n", cwd=tmp_path, env=environment(), capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr
    assert lines(tmp_path / "notes") == ["1"], done.stderr


def test_importing_ends_nothing(tmp_path):
    """A program that only imports woflo has one thread and no child at its end."""
    text = """
import threading, woflo, woflo.runners
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
print(threading.active_count())
"""
    assert run(tmp_path, text) == (0, "1\n")


@needs_proc
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_outlives_a_program(tmp_path, kind):
    """Helpers leave with the program, also where a run was never waited for and a child started others."""
    text = """
import subprocess

@task(runner=Runner)
def start():
    subprocess.run([sys.executable, "-S", "-c", "pass"], check=True)

start()
work(1).get_result()
"""
    code, output = run(tmp_path, BEGINNING.format(kind=kind) + text)  # looks for what is left
    assert code == 0, output


KEPT = """
from woflo import gather, manual, workflow

@manual
def approve(what: str) -> str: ...

@workflow
def both() -> list[str]:
    return gather(approve("a"), approve("b")).get_result()

run = both.with_options(key="k")()
group = gather(run, run)
try:
    print(run.get_result(1))
except TimeoutError:
    print("nobody came")
"""


def test_a_group_of_runs_that_a_store_keeps_is_not_waited_for(tmp_path):
    """Neither in the program nor in its workflow: they go on elsewhere, and are not stopped."""
    for _ in range(2):
        assert run(tmp_path, KEPT) == (0, "nobody came\n")
