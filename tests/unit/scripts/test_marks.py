"""The mark of a target is there from before its files are touched until they are whole, without a gap."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from woflo import RunState, script, task
from woflo.scripts import marks
from woflo.scripts.marks import Mark, is_marked, mark_of

STEPS = ("rename", "replace", "unlink", "remove", "link")
"""What can take a mark away, or put one there."""


def never() -> bool:
    return False


class Watched:
    """The system's calls, with a look after each of them, or before."""

    def __init__(self, monkeypatch, look, *, names=STEPS, is_before=False):
        self.looks = 0
        for name in names:
            monkeypatch.setattr(marks.os, name, self._watching(getattr(os, name), look, is_before))

    def _watching(self, called, look, is_before):
        def watching(*args, **kwargs):
            if is_before:
                look(*args)
            result = called(*args, **kwargs)
            self.looks += 1
            if not is_before:
                look(*args)
            return result

        return watching


def no_gap(monkeypatch, mark):
    """Whether the mark was there after each step."""
    gone: list[tuple[str, ...]] = []

    def look(*args):
        if Path(mark.path).exists():
            return
        gone.append(args)

    Watched(monkeypatch, look)
    return gone


@pytest.mark.parametrize("log", ["x.log", ""])
def test_an_unclean_end_has_no_moment_without_a_mark(project, monkeypatch, log):
    """Whoever looks in between, or is killed there, leaves a target that is known to be partial."""
    mark = Mark.take("x.txt", never)
    mark.note_stayed([])
    os.write(mark.fd, b"output")
    gone = no_gap(monkeypatch, mark)
    mark.end(log, is_clean=False)
    assert gone == []
    mark.give()
    assert is_marked("x.txt")
    assert not log or Path(log).read_bytes() == b"output"
    again = Mark.take("x.txt", never)
    assert (again.was_cut_off, again.stayed()) == (True, None)
    os.write(again.fd, b"other")
    assert not log or Path(log).read_bytes() == b"output"
    again.end()
    again.give()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is full")
def test_a_full_disk(project):
    """The error names the file that could not be written."""
    mark = Mark.take("x.txt", never)
    os.symlink("/dev/full", f"{mark.path}.stayed")
    with pytest.raises(OSError, match="No space left") as caught:
        mark.note_stayed([])
    assert caught.value.filename == f"{mark.path}.stayed"
    mark.end()
    mark.give()


def test_a_clean_end(project):
    """Leaves the log, and no mark."""
    mark = Mark.take("x.txt", never)
    os.write(mark.fd, b"output")
    mark.end("x.log")
    mark.give()
    assert Path("x.log").read_bytes() == b"output"
    assert os.listdir(os.path.dirname(mark.path)) == []


def test_scripts_and_functions_that_cannot_take_back(project, monkeypatch):
    """A file of the user that a failed attempt has written over is marked at every moment of the end."""
    Path("in.txt").touch()
    Path("x.txt").write_text("mine")
    os.utime("x.txt", (1, 1))
    Path("y.txt").write_text("mine")
    seen: list[bool] = []
    ended = Mark.end

    def watched(self, *args, **kwargs):
        with monkeypatch.context() as patch:
            gone = no_gap(patch, self)
            ended(self, *args, **kwargs)
        seen.append(not gone)

    monkeypatch.setattr(Mark, "end", watched)

    @task(outputs="y.txt", runner="sequential")
    def half() -> None:
        Path("y.txt").write_text("half")
        raise ValueError

    script("echo half > {outputs}; exit 1", outputs="x.txt", shell=True, name="half", inputs="in.txt")().wait()
    half().wait()
    assert seen == [True, True]
    assert is_marked("x.txt")
    assert is_marked("y.txt")
    ok = script("true", outputs="x.txt", name="ok")()
    ok.wait()
    assert ok.state is RunState.SUCCEEDED  # and not skipped


@pytest.mark.parametrize("name", ["open", "link"])
def test_a_mark_that_comes_up_while_another_is_taken(project, monkeypatch, name):
    """Is seen, whenever it comes: the attempt before was cut off."""
    path = mark_of("x.txt")

    def come_up(*args):
        monkeypatch.undo()
        os.chdir(project)
        Path(path).touch()

    Watched(monkeypatch, come_up, names=(name,), is_before=True)
    mark = Mark.take("x.txt", never)
    assert mark.was_cut_off
    mark.end()
    mark.give()


def test_a_new_mark_is_locked_as_soon_as_it_is_there(project, monkeypatch):
    """So that nobody takes it for one that was left."""

    def look(*args):
        with open(args[1]) as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    watched = Watched(monkeypatch, look, names=("link",))
    mark = Mark.take("x.txt", never)
    assert (mark.was_cut_off, watched.looks) == (False, 1)
    mark.end()
    mark.give()
