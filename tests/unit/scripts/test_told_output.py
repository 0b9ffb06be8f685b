"""What a command prints is told to observers as it comes, as events of its run; without any, nothing is read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from woflo import script, subscribe, workflow
from woflo.kernel.events import OutputWritten, RunEnded
from woflo.runners.pool import PoolTaskRun
from woflo.scripts import telling
from woflo.testing import wait_until

RUNNERS = ["script", "thread", "sequential", "async", "multiprocess", PoolTaskRun.configured(max_concurrency=1)]


class Heard(list):
    """What was told, and whose it was."""

    def update(self, event):
        self.append(event)

    def text(self, run_id=None):
        told = [one for one in self if isinstance(one, OutputWritten) and run_id in (None, one.run_id)]
        return "".join(one.text for one in told)


@pytest.fixture
def heard(project):
    """Everything, as long as the test is under way."""
    found = Heard()
    with subscribe(found):
        yield found


@pytest.mark.parametrize("outputs", [None, "x.txt"])
@pytest.mark.parametrize("runner", RUNNERS)
def test_what_a_command_prints_is_told(heard, runner, outputs):
    """Both streams, on any runner, with the id of its run, and all of it before its end."""
    command = "echo out; echo err >&2; touch x.txt; printf 'no end'"
    run = script(command, shell=True, name="talks", runner=runner, outputs=outputs)()
    run.get_result()
    wait_until(lambda: any(isinstance(one, RunEnded) for one in heard))
    assert heard.text(run.id) == "out\nerr\nno end"
    (said,) = {(one.task, one.stream, one.is_kept) for one in heard if isinstance(one, OutputWritten)}
    assert said == ("talks", "stdout", True)
    kinds = [type(one) for one in heard]
    assert kinds.index(RunEnded) > max(number for number, kind in enumerate(kinds) if kind is OutputWritten)


@pytest.mark.parametrize("outputs", [None, "x.txt"])
def test_it_is_told_while_the_command_executes(heard, outputs):
    """Whole lines, as they come."""
    command = "echo one; printf tw; touch x.txt began; while test -e began; do sleep 0.01; done; echo o; exit 3"
    run = script(command, shell=True, name="talks", outputs=outputs)()
    wait_until(lambda: heard.text() == "one\n")
    wait_until(Path("began").exists)
    Path("began").unlink()
    assert run.exception().exit_code == 3
    wait_until(lambda: heard.text() == "one\ntwo\n")


def test_of_a_step_it_is_told_as_of_that(heard, store):
    """Whatever executes it."""
    talks = script("echo hello", name="talks")

    @workflow
    def flow() -> None:
        talks().get_result()

    run = flow()
    run.get_result()
    (step,) = store.steps(run.id)
    wait_until(lambda: heard.text(step.id) == "hello\n")
    assert heard.text() == "hello\n"


def test_nothing_is_read_where_nobody_listens(project, monkeypatch):
    """No thread, and no look at the file."""
    wait_until(lambda: not telling._Looking.is_there)
    monkeypatch.setattr(telling, "Telling", None)
    script("echo hello", name="talks")().get_result()
    assert not telling._Looking.is_there


def test_what_is_no_text(heard):
    """Bytes that are no UTF-8, also where they are cut apart by a piece, and a line that never ends."""
    text = "é" * telling.PIECE  # of two bytes each, behind a single one
    code = f"import sys; sys.stdout.buffer.write(b'x' + ('é' * {telling.PIECE}).encode() + b'\\n\\xff\\n\\xc3')"
    script([sys.executable, "-c", code], name="talks")().get_result()
    wait_until(lambda: len(heard.text()) >= len(text) + 5)
    assert heard.text() == f"x{text}\n\N{REPLACEMENT CHARACTER}\n\N{REPLACEMENT CHARACTER}"


def test_retries_are_told_one_after_the_other(heard):
    """Each from its beginning."""
    script("echo try; test -e once || { touch once; exit 1; }", shell=True, retries=1, name="talks")().get_result()
    wait_until(lambda: heard.text() == "try\ntry\n")


def test_log_files_have_it(project):
    """In a folder of their own; not in that where commands have files themselves."""
    talks = script("echo hello", name="talks")
    with subscribe("logs", folder="own"), subscribe("logs", folder=".woflo/logs"):
        talks().get_result()
    (file,) = Path("own").iterdir()
    assert "stdout: hello\n" in file.read_text()
    assert [path.read_text() for path in Path(".woflo/logs").iterdir()] == ["hello\n"]


def test_what_is_written_faster_than_it_is_told(project):
    """At the end of a command, what it left behind writes on, and is not waited for."""
    told = []
    with open("log", "w", buffering=1) as file:
        file.write("one\n")

        def tell(text):
            told.append(text)
            assert len(told) < 100
            file.write("more\n")

        telling.Telling("log", tell).end()
    assert told == ["one\n"]


def test_one_that_cannot_be_told_hinders_no_other(project, caplog):
    """It is complained of, and the others are told as ever."""

    def refuse(text):
        raise ValueError("no more")

    told = []
    first, second = Path("first"), Path("second")
    for path in (first, second):
        path.touch()
    refused, other = telling.Telling("first", refuse).begin(), telling.Telling("second", told.append).begin()
    first.write_text("one\n")
    wait_until(lambda: refused not in telling._Looking.every)
    second.write_text("two\n")
    wait_until(lambda: told == ["two\n"])
    for one in (refused, other):
        one.end()
    assert "what a command prints cannot be told to observers" in caplog.text
