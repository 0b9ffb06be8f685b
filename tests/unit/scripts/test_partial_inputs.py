"""Who reads what an attempt that was cut off was to make is told before the start, and knows what can be done."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fresh_helpers import ended, settled

from woflo import RunState, dry_run, script, task, why
from woflo.errors import OptionError, PartialInputError
from woflo.scripts import admission
from woflo.scripts.marks import STAYED, Mark, is_left, is_marked, mark_of
from woflo.scripts.unfinished import accept_parts

make = script("cp in.txt {outputs}", outputs=["a/o.txt", "a/p.txt"], name="make", shell=True)
use = script("cat {inputs} > {outputs}", inputs="a/p.txt", outputs="u.txt", shell=True, name="use")


@pytest.fixture
def part(project):
    """What a killed attempt leaves: files, and a mark that nobody has."""
    Path("in.txt").write_text("whole")
    Path("a").mkdir()
    cut_off("a/o.txt", "a/p.txt")
    for name in ("o", "p"):
        Path(f"a/{name}.txt").write_text("half")
    return project


def cut_off(*outputs, task="make"):
    mark = Mark.take(outputs[0], bool)
    mark.note_stayed([], task=task, outputs=list(outputs))
    mark.give()
    return mark


def making(outputs=("a/o.txt", "a/p.txt"), name="make"):
    command = "".join(f"cp in.txt {one};" for one in outputs)
    return script(command, outputs=list(outputs), shell=True, name=name)


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ("a/p.txt", r"its input 'a/p\.txt' may be a part of a result"),
        ("./a/../a/p.txt", r"its input '\./a/\.\./a/p\.txt' may be a part"),
        ("a/*.txt", r"its input 'a/o\.txt' may be a part"),
        ("a", r"its input 'a' may be a part"),
        (".", r"its input '\.' may be a part"),
    ],
)
def test_a_reader_is_refused(part, inputs, told):
    """Of any of the outputs, by any name, by a glob, and of their folder; the message has the attempt, and ways out."""
    settled("u.txt", "")
    with pytest.raises(PartialInputError, match=told) as caught:
        use(inputs=inputs).get_result()
    sentence = str(caught.value)
    assert sentence.startswith("use was not started: ")
    assert "an attempt of make that began at " in sentence
    assert f"(process {os.getpid()} on " in sentence
    assert "make it again by make, or accept it by `woflo touch " in sentence
    assert Path("u.txt").read_text() == ""


def test_the_way_out_is_a_command_that_can_be_typed(project, monkeypatch):
    """From the folder in which one is."""
    Path("a b").mkdir()
    cut_off("a b/o.txt")
    monkeypatch.chdir("a b")
    with pytest.raises(PartialInputError, match=r"`woflo touch o\.txt`"):
        use(inputs="o.txt").get_result()
    monkeypatch.chdir("..")
    with pytest.raises(PartialInputError, match=r"`woflo touch 'a b/o\.txt'`"):
        use(inputs="a b/o.txt").get_result()


def test_functions_are_refused_too(part):
    """Before their code begins."""

    @task(inputs="{folder}/*.txt", outputs="size.txt", runner="thread")
    def size(folder: str) -> None:
        raise AssertionError

    with pytest.raises(PartialInputError, match=r"size was not started: its input 'a/o\.txt'"):
        size("a").get_result()


def test_a_file_that_is_aside_is_not_dropped_by_a_glob(project):
    """The attempt had moved away what was there before: a glob finds the others, and that is not all."""
    for name in "12":
        Path(f"{name}.x").write_text(name)
    cut_off("3.x")
    join = script("cat {inputs} > {outputs}", inputs="*.x", outputs="join.txt", shell=True, name="join")
    with pytest.raises(PartialInputError, match=r"'3\.x', which its input '\*\.x' stands for, may be missing"):
        join().get_result()
    assert accept_parts("3.x")
    join().get_result()
    assert Path("join.txt").read_text() == "12"


def test_what_is_found_by_a_glob_of_both(project):
    """Of what nobody can name before, globs are compared."""
    Path("a").mkdir()
    cut_off("a/*.txt", task="split")
    Path("a/1.txt").touch()
    Path("a/1.y").touch()
    with pytest.raises(PartialInputError, match=r"its input 'a/1\.txt'"):
        use(inputs="a/1.txt").get_result()
    Path("a/1.txt").unlink()
    with pytest.raises(PartialInputError, match=r"'a/\*\.txt', which its input 'a/\*' stands for"):
        use(inputs="a/*").get_result()
    use(inputs="a/1.y").get_result()


def test_the_ways_out(part):
    """It is made again, or accepted as it is, alone or with what makes it."""
    assert accept_parts("a/p.txt")
    assert not accept_parts("a/p.txt")
    use().get_result()
    assert Path("u.txt").read_text() == "half"
    cut_off("a/o.txt", "a/p.txt")
    Path("a/p.txt").write_text("part")
    with pytest.raises(PartialInputError):
        use().get_result()
    making()().get_result()
    use().get_result()
    assert Path("u.txt").read_text() == "whole"


def test_what_was_made_since_by_another_task_is_whole(part):
    """The mark is that of a task which may not be there any more."""
    making(("b.txt", "a/p.txt"), "other")().get_result()
    use().get_result()
    assert Path("u.txt").read_text() == "whole"
    Path("a/p.txt").write_text("changed since")
    with pytest.raises(PartialInputError):
        use().get_result()


def test_what_failed_and_could_not_be_taken_back(project):
    """A file of a person that a failed attempt has written over is known to be such a part as well."""
    settled("o.txt", "mine")
    Path("in.txt").touch()
    half = script("echo half > {outputs}; exit 1", inputs="in.txt", outputs="o.txt", shell=True, name="half")
    assert ended(half()) is RunState.FAILED
    with pytest.raises(PartialInputError, match=r"the last attempt to make it has failed.*make it again"):
        use(inputs="o.txt").get_result()
    assert accept_parts("o.txt")
    use(inputs="o.txt").get_result()


def test_its_own_attempt_does_not_matter(project):
    """Who was cut off itself makes its file again, though it reads what is in its folder."""
    Path("1.txt").write_text("1")
    cut_off("all.txt", task="all")
    Path("all.txt").write_text("half")
    every = script("cat 1.txt > {outputs}", inputs="*.txt", outputs="all.txt", shell=True, name="all")
    every.with_options(force=True)().get_result()
    assert Path("all.txt").read_text() == "1"


def test_an_attempt_under_way_is_none_that_was_cut_off(part):
    """Of this process or of another one that lives: nothing is said of it, and nobody can accept its files."""
    mark = Mark.take("a/o.txt", bool)
    use().get_result()
    mark.give()
    held = [sys.executable, "-c", HOLDING, mark.path]
    with subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        Path("u.txt").unlink()
        use().get_result()
        assert not accept_parts("a/o.txt")
        note_process(mark.path, ended_process())  # what holds it is left of a program that is gone
        Path("u.txt").unlink()
        with pytest.raises(PartialInputError):
            use().get_result()
        with pytest.raises(OptionError, match="is being made at this moment"):
            accept_parts("a/p.txt")
        other.communicate()


HOLDING = """
import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def ended_process():
    with subprocess.Popen(["true"]) as done:
        done.wait()
    return done.pid


def note_process(mark, pid):
    path = Path(f"{mark}{STAYED}")
    path.write_text(path.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {pid}'))


def test_why_and_dry_runs_tell_the_same(part):
    """Unless what makes it would be executed before."""
    told = "its input 'a/p.txt' may be a part of a result: an attempt of make"
    assert why(use)[0] == "u.txt does not exist"
    assert why(use)[1].startswith(told)
    Path("u.txt").touch()  # it is newer than what it was made of, and nothing is known of it
    assert why(use) == []
    Path("u.txt").unlink()
    with dry_run() as plan:
        use()
    assert plan.planned[0].reasons[1].startswith(told)
    with dry_run() as plan:
        making()()
        use()
    assert plan.planned[1].reasons == ("a/p.txt would be made anew by make",)


def test_what_is_up_to_date_is_not_looked_at(project, monkeypatch):
    """Checking thousands of files takes no call more of the system."""
    Path("in.txt").write_text("1")
    use(inputs="in.txt").get_result()
    monkeypatch.setattr(admission, "check_inputs", None)
    assert ended(use(inputs="in.txt")) is RunState.SKIPPED


def test_a_mark_is_left_or_not(project):
    """Only one that is there, and that nobody has; nobody begins while it is looked at."""
    path = mark_of("o.txt")

    def left():
        with is_left(path) as is_so:
            return is_so

    assert not left()
    mark = Mark.take("o.txt", bool)
    assert not left()
    mark.give()
    assert left()
    with is_left(path) as is_so:
        assert is_so
        assert Mark.take("o.txt", bool) is None
    mark = Mark.take("o.txt", bool)
    mark.end()
    mark.give()
    assert not left()
    assert not is_marked("o.txt")
