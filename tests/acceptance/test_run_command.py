"""`woflo run`: a task or a workflow of a file is called with typed arguments, and waited for."""

import json
import sys

import pytest
from programs import Program, woflo_command
from systems import needs_proc

APP = """
import os, time
from datetime import date
from pathlib import Path
from woflo import task, workflow

@task
def double(n: int, by: float = 2) -> float:
    return n * by

@task
class Greet:
    def __init__(self, name: str, times: int = 1) -> None:
        self.name, self.times = name, times

    def run(self) -> str:
        return f"hello {self.name}" * self.times

@workflow
def plan(day: date, names: list[str], untyped=None, note: str = "") -> list[str]:
    return [day.isoformat(), *names, f"{untyped!r}", note]

@workflow
def slow() -> None:
    wait_long().get_result()

@task(runner="multiprocess")
def wait_long() -> None:
    print("begun", flush=True)
    Path("begun").touch()
    time.sleep(90)

@task(runner="multiprocess")
def crash() -> None:
    os._exit(3)

@task
def deaf() -> None:
    Path("begun").touch()
    time.sleep(60)  # not for anything: it is under way until the test ends it

@workflow
def holds() -> None:
    deaf()

@workflow
def fail(n: int) -> int:
    return double(n).get_result() // 0
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def woflo(folder, *words):
    """See there; without the progress, which has tests of its own."""
    return woflo_command(folder, *([words[0], "--quiet", *words[1:]] if words[0] == "run" else words))


def test_values_are_typed_by_the_signature(folder):
    """A date from its text, a list from JSON, a text as it is even where it looks like JSON."""
    assert woflo(folder, "run", "app.py:double", "--arg", "n=21") == ("42\n", "", 0)
    assert woflo(folder, "run", "app.py", "Greet", "--arg", "name=2", "--arg", "times=2")[0] == '"hello 2hello 2"\n'
    words = ["--arg", "day=2026-02-03", "--arg", 'names=["a", "b=c"]', "--arg", 'untyped={"x": 1}', "--arg", "note=[1]"]
    output, said, status = woflo(folder, "run", "app", "plan", *words)
    assert (said, status) == ("", 0)
    assert json.loads(output) == ["2026-02-03", "a", "b=c", "{'x': 1}", "[1]"]


def test_a_runner_of_choice(folder):
    """A plain task goes where it is sent."""
    assert woflo(folder, "run", "app.py:double", "--runner", "multiprocess", "--arg", "n=1")[0] == "2\n"
    assert "did you mean 'thread'" in woflo(folder, "run", "app.py:double", "--runner", "tread", "--arg", "n=1")[1]


def test_a_name_and_a_key(folder):
    """The name finds it in the list; the key attaches to what is there."""
    words = ["run", "app.py:plan", "--arg", "day=2026-02-03", "--arg", "names=[]", "--name", "night", "--key", "k"]
    assert woflo(folder, *words)[2] == woflo(folder, *words)[2] == 0
    runs = json.loads(woflo(folder, "list", "--json", "--tag", "name=night")[0])
    assert [run["key"] for run in runs] == ["k"]


def test_a_failure(folder):
    """A line that names it, a line that tells how to go on; a traceback only on request."""
    output, said, status = woflo(folder, "run", "app.py:fail", "--arg", "n=1")
    assert (output, status) == ("", 1)
    error, hint = said.splitlines()
    assert "FAILED: ZeroDivisionError" in error
    assert "woflo retry" in hint
    _, said, status = woflo(folder, "run", "app.py:fail", "--arg", "n=1", "--debug")
    assert ("Traceback" in said, status) == (True, 1)
    _, said, status = woflo(folder, "run", "app.py:crash", "--debug")  # an error of woflo's own is no wrong usage
    assert ("TaskCrashedError" in said, status) == (True, 1)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["app.py"], "several tasks"),
        (["app.py:double"], "needs n; give it as --arg n=…"),
        (["app.py:double", "--arg", "n"], "NAME=VALUE"),
        (["app.py:double", "--arg", "bye=1"], "did you mean 'by'"),
        (["app.py:double", "--arg", "n=x"], "takes int"),
        (["app.py:double", "--arg", "n=1", "--arg", "n=2"], "n is given twice"),
        (["app.py:double", "--arg", "n=1", "--key", "k"], "no workflow"),
        (["app.py:duble"], "did you mean 'double'"),
        (["ap.py"], "there is no file"),
    ],
)
def test_what_cannot_be_meant(folder, words, text):
    """A line that says so, status 2, and nothing was called."""
    output, said, status = woflo(folder, "run", *words)
    assert (output, status, len(said.splitlines())) == ("", 2, 1)
    assert text in said
    assert "there is no store" in woflo(folder, "list")[1]


def test_what_cannot_be_meant_with_its_traceback(folder):
    """--debug changes what is told, and not the status."""
    output, said, status = woflo(folder, "run", "app.py:duble", "--debug")
    assert (output, status) == ("", 2)
    assert said.startswith("Traceback")
    assert "did you mean 'double'" in said


@needs_proc
def test_ctrl_c(folder):
    """Everything ends, the record says STOPPED, and the status is that of an interrupt."""
    command = [sys.executable, "-m", "woflo", "run", "app.py:slow"]
    with Program(folder, "", terminal=True, command=command) as program:
        program._wait_until((folder / "begun").exists, "begun", 30)
        program.press_ctrl_c()
        assert program.wait() == 130
        program.assert_all_gone()
        said = program.read()
        assert said.index("stopping slow") < said.index("interrupted; slow")
    assert [run["state"] for run in json.loads(woflo(folder, "list", "--json")[0])] == ["STOPPED"]


@needs_proc
@pytest.mark.parametrize("target", ["app.py:deaf", "app.py:holds"])
def test_ctrl_c_once_more(folder, target):
    """It leaves at once, also while code is waited for that cannot be ended, and tells no traceback."""
    command = [sys.executable, "-m", "woflo", "run", target, "--runner", "thread"]
    command = command if target == "app.py:deaf" else command[:-2]
    with Program(folder, "", terminal=True, command=command) as program:
        program._wait_until((folder / "begun").exists, "begun", 30)
        program.press_ctrl_c()
        program.wait_for("press Ctrl-C again to leave now")
        program.press_ctrl_c()
        assert program.wait(10) == 130
        program.assert_all_gone()
        assert "Traceback" not in program.read()


@needs_proc
def test_ctrl_c_tells_what_goes_on(folder):
    """Code in a thread cannot be ended; that it goes on is told with the state of the run."""
    with Program(folder, "", terminal=True, command=[sys.executable, "-m", "woflo", "run", "app.py:holds"]) as program:
        program._wait_until((folder / "begun").exists, "begun", 30)
        program.press_ctrl_c()
        program.wait_for("is STOPPED; code that cannot be ended is waited for")
        program.press_ctrl_c()
        assert program.wait(10) == 130
    assert [run["state"] for run in json.loads(woflo(folder, "list", "--json")[0])] == ["STOPPED"]


def test_a_value_cannot_forge_the_screen(folder):
    """What could move the cursor is spelled out, in JSON as JSON does; all else is shown as it is."""
    with (folder / "app.py").open("a", encoding="utf-8") as file:
        file.write(
            '\n@task\ndef evil(n: int) -> object:\n    return ["é", "\\x9b2J\\u202e", {"\\x9b2J"} if n else 1]\n'
        )
    output = woflo(folder, "run", "app.py:evil", "--arg", "n=0")[0]
    assert output == '["\\u00e9", "\\u009b2J\\u202e", 1]\n'
    assert woflo(folder, "run", "app.py:evil", "--arg", "n=1")[0] == "['é', '\\x9b2J\\u202e', {'\\x9b2J'}]\n"
