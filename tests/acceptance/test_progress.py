"""Progress as a person reads it: at a real terminal, in a pipe, in CI; and what the end says of observers.

The terminals are real ones; the screen is what stands there after all that was written to it.
"""

from __future__ import annotations

import re
import sys

import pytest
from programs import Program, lines, run
from screen import Screen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")

PREPARED = """
import os, sys, time
from pathlib import Path
from woflo import current_run, subscribe, task, track
from woflo.runners import MultiprocessTaskRun, PoolTaskRun, ThreadTaskRun
from woflo.testing import wait_until

def wait_for(name):
    wait_until(Path(name).exists, timeout=60)

"""


def at_terminal(folder, text):
    return Program(folder, PREPARED + text, terminal=True)


def shown(program):
    """What stands on the screen now."""
    return Screen().feed(program.read()).text


def wait_for_screen(program, *patterns):
    """Wait until all of them are found on the screen."""

    def found():
        program.read()
        text = shown(program)
        return all(re.search(pattern, text, re.MULTILINE) for pattern in patterns)

    program._wait_until(found, f"screen with {patterns}: it is\n{shown(program)}\n", 30)
    return shown(program)


TWO_BARS = """
subscribe("progress")

@task(runner={runner})
def fetch(name):
    for number in track(range(4), message=f"of {{name}}"):
        if number == 2:
            wait_for(name)

@task(runner={runner})
def silent():
    wait_for("a")

runs = [fetch("a"), fetch("b"), silent()]
"""


@pytest.mark.parametrize("runner", ["'thread'", "'multiprocess'", "PoolTaskRun.configured(max_concurrency=3)"])
def test_there_is_a_bar_for_the_whole_and_one_for_each_that_tells(tmp_path, runner):
    """With how far it is and what it says, on every runner; at the end only the sum is left."""
    with at_terminal(tmp_path, TWO_BARS.format(runner=runner)) as program:
        wait_for_screen(program, r"^fetch\(a\) .*2/4 .*of a$", r"^fetch\(b\) .*2/4 .*of b$", r"^all .*0/3 .*3 running$")
        assert "silent" not in shown(program)
        (tmp_path / "a").touch()
        wait_for_screen(program, r"^all .*2/3 .*1 running$")
        assert "of a" not in shown(program)
        (tmp_path / "b").touch()
        assert program.wait() == 0
        assert re.fullmatch(r"3 runs in [\d.]+ s: 3 succeeded", shown(program))


def test_what_is_printed_stands_above_the_bars(tmp_path):
    """Of the program, of its tasks, and of processes that inherited the terminal: each line whole, in order, once."""
    text = """
subscribe("progress")

@task(runner=ThreadTaskRun.configured(capture_output=True))
def speak():
    for number in track(range(3)):
        print(f"line {number} of the task")
        wait_for(str(number))

@task(runner="multiprocess")
def write():
    os.write(1, b"line of a process\\n")

run = speak()
for number in range(3):
    wait_for("go" + str(number))
    print(f"line {number} of the program")
    print(f"error {number}", file=sys.stderr)
    if number == 1:
        write().get_result()
    Path(str(number)).touch()
"""
    with at_terminal(tmp_path, text) as program:
        for number in range(3):
            wait_for_screen(program, rf"^speak \| line {number} of the task$", rf"^speak .*{number}/3")
            (tmp_path / f"go{number}").touch()
        assert program.wait() == 0
        told = shown(program).splitlines()
    assert [line for line in told if line.endswith("of the program")] == [f"line {n} of the program" for n in range(3)]
    assert [line for line in told if line.startswith("error")] == ["error 0", "error 1", "error 2"]
    assert [line for line in told if "of the task" in line] == [f"speak | line {n} of the task" for n in range(3)]
    assert "line of a process" in told
    assert not [line for line in told if "━" in line]


def test_a_question_is_left_alone(tmp_path):
    """Nothing is drawn over a line that the program has begun, until it is ended."""
    text = """
subscribe("progress")

@task(runner="thread")
def work():
    current_run().progress(1, 2)
    wait_for("go")

run = work()
wait_for("ask")
answer = input("name? ")
print("hello", answer)
Path("go").touch()
"""
    with at_terminal(tmp_path, text) as program:
        wait_for_screen(program, r"^work .*1/2")
        (tmp_path / "ask").touch()
        program.wait_for("name? ")
        program.watch(0.4)  # time for drawings that must not come
        assert shown(program) == "name?"
        program.type("you\n")
        assert program.wait() == 0
        assert re.search(r"^name\? you\nhello you$", shown(program), re.MULTILINE)


def test_failures_stay_on_the_screen_and_nothing_forges_it(tmp_path):
    """Escapes in names, output, messages and errors are gone; a secret is masked."""
    text = """
EVIL = "\\x1b[2J\\x1b[3A\\x1b]0;title\\x07\\x9b2Jevil\\r\\x1b[31m"
subscribe("progress")

@task(runner=ThreadTaskRun.configured(capture_output=True), name="na" + EVIL + "me", retries=1)
def work():
    print(EVIL + "printed")
    current_run().progress(1, 2, EVIL + "said")
    wait_for("go")
    raise ValueError(EVIL + "password=HUNTER2")

work().wait()
"""
    with at_terminal(tmp_path, text) as program:
        wait_for_screen(program, r"^na.*me \| printed$", r"1/2 .*said$")
        (tmp_path / "go").touch()
        assert program.wait() == 0
        told = shown(program)  # the parser knows no other escape than those of the bars, and fails for it
    assert "HUNTER2" not in program.output
    assert "title" not in told
    assert re.search(r"^1 run in [\d.]+ s: 1 failed$", told, re.MULTILINE)
    assert (
        len(re.findall(r"attempt 1 failed, again at once: ValueError: evil password=\*\*\*", " ".join(told.split())))
        == 1
    )


def test_thousands_of_runs_are_few_drawings(tmp_path):
    """Ten a second at most, whatever happens, with counts; and no line for what ends well."""
    text = """
subscribe("progress")
begin = time.monotonic()
made = task(runner="thread")(lambda n: n)
for run in made.map(range(5_000)):
    run.get_result()
Path("took").write_text(str(time.monotonic() - begin))
"""
    with at_terminal(tmp_path, text) as program:
        assert program.wait() == 0
        screen = Screen().feed(program.read())
    took = float((tmp_path / "took").read_text())
    assert re.fullmatch(r"5,000 runs in [\d.]+ s: 5,000 succeeded", screen.text)
    assert screen.drawings <= 10 * (took + 3) + 3


def test_more_bars_than_lines_are_counted(tmp_path):
    """The screen is not overflown; what has no bar is told."""
    text = """
import fcntl, struct, termios
fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 8, 60, 0, 0))
subscribe("progress")

@task(runner="thread", max_concurrency=30)
def work(n):
    current_run().progress(n, 30)
    wait_for("go")

runs = [work(n) for n in range(30)]
"""
    with at_terminal(tmp_path, text) as program:
        wait_for_screen(program, r"^and 26 more that are under way$", r"^all .*0/30")
        screen = Screen(60, 8).feed(program.read())
        assert len(screen.text.strip().splitlines()) <= 7
        assert len(re.findall(r"^work\(\d+\) ", screen.text, re.MULTILINE)) == 4
        (tmp_path / "go").touch()
        assert program.wait() == 0


def test_ctrl_c_leaves_a_clean_screen(tmp_path):
    """The bars go, the sum stays, and the program ends as interrupted ones do."""
    text = """
subscribe("progress")

@task(runner="thread")
def work():
    current_run().progress(1, 2)
    while not current_run().stop_requested:
        time.sleep(0.01)  # nobody waits for this: it is what a long loop does

work().get_result()
"""
    with at_terminal(tmp_path, text) as program:
        wait_for_screen(program, r"^work .*1/2")
        program.press_ctrl_c()
        program.wait()
        told = shown(program)
    assert "KeyboardInterrupt" in told
    assert "━" not in told
    assert re.search(r"^1 run in [\d.]+ s: 1 (stopped|not ended)$", told, re.MULTILINE)


SHORT = """
subscribe("progress")

@task(runner="thread")
def fetch():
    for _ in track(range(100)):
        pass

fetch().get_result()
"""
SHORT_TOLD = r"""fetch: 25 of 100
fetch: 50 of 100
fetch: 75 of 100
fetch: 100 of 100
fetch: succeeded after [\d.e-]+ s
1 run in [\d.e-]+ s: 1 succeeded
"""


def test_a_pipe_gets_lines(tmp_path):
    """One for each change of note, not for each tick, and no escape."""
    code, told = run(tmp_path, PREPARED + SHORT)
    assert code == 0
    assert re.fullmatch(SHORT_TOLD, told), told


def test_what_is_soon_done_draws_no_bars(tmp_path):
    """At a terminal, too: it is told by its last line alone, in its colour, and rich is not even imported."""
    text = """
first = subscribe("progress")

@task(runner="thread")
def fetch():
    return 1

fetch().get_result()
first.close()
print("rich" in sys.modules)
"""
    code, told = run(tmp_path, PREPARED + text, terminal=True)
    assert code == 0
    lines_told = told.splitlines()
    assert re.fullmatch(r"\x1b\[32m1 run in [\d.e-]+ s: 1 succeeded\x1b\[0m", lines_told[0]), told
    assert lines_told[1:] == ["False"]


def test_ci_gets_lines_at_a_terminal_too(tmp_path):
    """No cursor is moved, and nothing is coloured."""
    code, told = run(tmp_path, PREPARED + SHORT, terminal=True, variables={"CI": "true"})
    assert code == 0
    assert re.fullmatch(SHORT_TOLD, told.replace("\r\n", "\n")), told


def test_a_forked_child_prints_to_the_terminal_itself(tmp_path):
    """The bars are its parent's: nothing of them, and no lock, is in its way."""
    text = """
subscribe("progress")

@task(runner="multiprocess")
def speak(n):
    print(f"from the child {n}", type(sys.stdout).__name__)

@task(runner="thread")
def count():
    for number in track(range(40)):
        speak(number).get_result()

count().get_result()
"""
    with at_terminal(tmp_path, text) as program:
        assert program.wait() == 0
        told = shown(program)
    assert len(re.findall(r"from the child \d+ TextIOWrapper", told)) == 40


# -- the end, with observers that harm themselves --------------------------------------------------------


def test_a_hung_observer_does_not_keep_the_program(tmp_path):
    """Beyond its patience; the end says who it was and what it did not get, and the others get everything."""
    text = """
import threading

class Hangs:
    def update(self, event):
        threading.Event().wait()

class Tells:
    def update(self, event):
        with open("told", "a") as file:
            print(type(event).__name__, file=file)

    def on_destroy(self):
        with open("told", "a") as file:
            print("destroyed", file=file)

for observer in (Hangs(), Tells(), Hangs(), Hangs()):
    subscribe(observer)
task(runner="thread")(abs)(-1).get_result()
"""
    with Program(tmp_path, PREPARED + text) as program:
        assert program.wait(timeout=8) == 0
        told = program.read()
    assert lines(tmp_path / "told") == ["RunCreated", "AttemptStarted", "RunEnded", "destroyed"]
    assert (
        len(re.findall(r"the observer Hangs was too slow: 2 of 3 events were dropped; it has not returned", told)) == 3
    )


def test_a_hung_observer_does_not_hold_up_ctrl_c(tmp_path):
    """Whatever its patience is."""
    text = """
import threading

class Hangs:
    patience = 600.0

    def update(self, event):
        print("hangs", flush=True)
        threading.Event().wait()

subscribe(Hangs)
task(runner="thread")(abs)(-1).get_result()
threading.Event().wait()
"""
    with at_terminal(tmp_path, text) as program:
        program.wait_for("hangs")
        program.press_ctrl_c()
        program.wait(timeout=8)


def test_a_slow_observer_makes_no_run_longer(tmp_path):
    """A second for each event, and the program is done in its patience; the end tells the count."""
    text = """
begin = time.monotonic()
subscribe(lambda event: time.sleep(1))  # it is slow: that is what the test is about
for run in [task(runner="thread")(abs)(-number) for number in range(300)]:
    run.get_result()
Path("took").write_text(str(time.monotonic() - begin))
"""
    code, told = run(tmp_path, PREPARED + text, timeout=20)
    assert code == 0
    assert float((tmp_path / "took").read_text()) < 3
    (missed,) = re.findall(r"the observer <lambda> was too slow: (\d+) of 900 events were dropped", told)
    assert 890 <= int(missed) < 900
