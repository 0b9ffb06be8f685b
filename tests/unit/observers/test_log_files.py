"""A file per run: what it said and how it failed; old files go, and nothing else does."""

from __future__ import annotations

import dataclasses
import os
import re
import time

import pytest
from observer_helpers import AT, created, ended, failed, feed, printed, run_id, started

from woflo import subscribe, task
from woflo.errors import OptionError
from woflo.kernel.state import RunState
from woflo.observers import LogFiles
from woflo.observers import logs as logs_module
from woflo.runners import MultiprocessTaskRun

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d ", re.MULTILINE)


def texts(folder):
    """By the id of the run, its file without the times."""
    return {path.stem.rpartition("-")[2]: TIME.sub("", path.read_text()) for path in folder.iterdir()}


def test_a_file_tells_the_story_of_its_run(tmp_path, story):
    """Attempts, whole lines that were printed, the failure, records of the log, the end."""
    feed(LogFiles(tmp_path), story)
    (path,) = tmp_path.iterdir()
    assert re.fullmatch(rf"\d{{8}}T\d{{6}}-fetch-{run_id()}\.log", path.name)
    assert len(TIME.findall(path.read_text())) == 8
    assert texts(tmp_path)[run_id()].splitlines() == [
        "attempt 1 of fetch started",
        "stdout: first",
        "stdout: second",
        "attempt 1 failed:",
        "  ValueError: cold",
        "attempt 2 of fetch started",
        "WARNING some.place: watch out",
        "SUCCEEDED after 4 s",
    ]


def test_runs_are_kept_apart_and_unfinished_lines_are_kept(tmp_path):
    """Whatever comes in between; the last line may have no end."""
    events = [created(1), created(2), started(1), started(2), printed("a", 1), printed("b\n", 2), printed("c", 1)]
    feed(LogFiles(tmp_path), [*events, ended(1), ended(2)])
    told = texts(tmp_path)
    assert "stdout: ac\n" in told[run_id(1)]
    assert "stdout: b\n" in told[run_id(2)]


def test_what_comes_late_is_in_the_file_of_its_run(tmp_path):
    """A program that a task has left behind may write after its end; also without the end of a line."""
    feed(
        LogFiles(tmp_path),
        [started(), printed("one\n"), ended(), printed("two", at=AT + 9), printed("three\n", at=AT + 9)],
    )
    assert texts(tmp_path)[run_id()].splitlines()[1:] == [
        "stdout: one",
        "SUCCEEDED after 0.5 s",
        "stdout: two",
        "stdout: three",
    ]


def test_late_words_of_a_quiet_run_are_kept(tmp_path):
    """They have a file, which is not taken for that of a run under way."""
    logs = feed(LogFiles(tmp_path), [started(), ended(), printed("late\n")])
    assert texts(tmp_path)[run_id()] == "stdout: late\n"
    assert not logs._paths


def test_a_run_with_nothing_to_tell_leaves_no_file(tmp_path):
    """Only one that fails, or that has said something."""
    quiet = [created(1), started(1), ended(1)]
    bad = [created(2), started(2), failed(2), ended(2, state=RunState.FAILED, error=ValueError("cold"))]
    never = [created(3), ended(3, state=RunState.STOPPED, duration=None)]
    feed(LogFiles(tmp_path), quiet + bad + never)
    assert set(texts(tmp_path)) == {run_id(2), run_id(3)}
    assert texts(tmp_path)[run_id(2)].splitlines()[-1] == "FAILED after 0.5 s: ValueError: cold"


def test_output_cannot_forge_a_line(tmp_path):
    """No escape, no carriage return, and no name that leads out of the folder."""
    events = [
        created(task="../../x\x1b[2J"),
        started(task="../../x"),
        printed("\x1b[2Jone\rtwo\u202e\n", task="../../x"),
    ]
    feed(LogFiles(tmp_path / "logs"), [*events, ended(task="../../x")])
    (path,) = (tmp_path / "logs").iterdir()
    assert "stdout: two\n" in path.read_text()
    assert "\x1b" not in path.read_text()


def test_no_link_is_followed(tmp_path):
    """A file that somebody has put there under that name is not written to."""
    other = tmp_path / "other"
    other.write_text("mine")
    logs = LogFiles(tmp_path / "logs")
    event = printed("text\n")
    (tmp_path / "logs" / logs._new_path(event).name).symlink_to(other)
    with pytest.raises(OSError, match=r"symbolic|loop|ELOOP|Too many"):
        logs.update(event)
    assert other.read_text() == "mine"


def test_more_runs_than_files_may_be_open(tmp_path, monkeypatch):
    """Files are closed and opened again; every line arrives."""
    monkeypatch.setattr(logs_module, "MOST_OPEN", 3)
    numbers = range(1, 11)
    events = [started(number) for number in numbers]
    events += [printed(f"{turn}\n", number) for turn in range(3) for number in numbers]
    logs = LogFiles(tmp_path)
    most = 0
    for event in [*events, *map(ended, numbers)]:
        logs.update(event)
        most = max(most, len(logs._open))
    assert (most, len(logs._open)) == (3, 0)
    assert [told.count("stdout: ") for told in texts(tmp_path).values()] == [3] * 10


# -- retention -------------------------------------------------------------------------------------------


def old_file(folder, number, age=0.0, size=0, name=None):
    """A file as an earlier program has left it, `age` days ago."""
    path = folder / (name or f"20260101T000000-fetch-{run_id(number)}.log")
    path.write_bytes(b"x" * size)
    changed = time.time() - age * 86_400 - (1_000 - number)
    os.utime(path, (changed, changed))
    return path


def test_the_oldest_go_beyond_the_count(tmp_path):
    """At the beginning."""
    old = [old_file(tmp_path, number) for number in range(10)]
    feed(LogFiles(tmp_path, keep=3), [])
    assert sorted(tmp_path.iterdir()) == old[-3:]


def test_what_is_too_old_goes(tmp_path):
    """By the day of its last line."""
    kept = old_file(tmp_path, 1, age=1)
    old_file(tmp_path, 2, age=3)
    feed(LogFiles(tmp_path, max_age=2), [])
    assert list(tmp_path.iterdir()) == [kept]


def test_what_is_too_much_goes(tmp_path):
    """The newest are kept as long as they fit together."""
    old = [old_file(tmp_path, number, size=400) for number in range(5)]
    feed(LogFiles(tmp_path, max_bytes=1_000), [])
    assert sorted(tmp_path.iterdir()) == old[-2:]


def test_a_step_has_a_file_that_is_known(tmp_path):
    """Its id has its place in it, by signs that not every file system likes."""
    step = run_id(1) + ":~b/0:1"
    event = printed("x\n")
    logs = LogFiles(tmp_path)
    logs.update(dataclasses.replace(event, run_id=step))
    logs.update(dataclasses.replace(ended(), run_id=step))
    (path,) = tmp_path.iterdir()
    assert path.name.endswith(f"-fetch-{run_id(1)}_b_0_1.log")
    assert logs_module._OURS.match(path.name)


def test_nothing_else_is_removed(tmp_path):
    """Files of others, folders, links, and files of runs under way."""
    others = [old_file(tmp_path, 1, age=99, name=name) for name in ("notes.log", "20260101T000000-mine.log")]
    folder = tmp_path / f"20260101T000000-fetch-{run_id(8)}.log"
    folder.mkdir()
    link = tmp_path / f"20260101T000000-fetch-{run_id(9)}.log"
    link.symlink_to(others[0])
    logs = LogFiles(tmp_path, keep=1, max_age=0.0001, max_bytes=1)
    for number in (1, 2):
        logs.update(printed("under way\n", number))
    logs.on_destroy()
    assert {*others, folder, link} < set(tmp_path.iterdir())
    assert len(texts_of_runs(tmp_path)) == 2


def texts_of_runs(folder):
    return [path for path in folder.iterdir() if path.is_file() and "under way" in path.read_text()]


def test_old_files_go_while_it_runs(tmp_path, monkeypatch):
    """With every so many new ones, so that a long program keeps within its limits."""
    monkeypatch.setattr(logs_module, "SWEEP_EVERY", 5)
    events = [event for number in range(30) for event in (printed("x\n", number), ended(number, at=AT + number))]
    logs = LogFiles(tmp_path, keep=4)
    for event in events:
        logs.update(event)
    assert len(list(tmp_path.iterdir())) <= 4 + 5


@pytest.mark.parametrize("options", [{"keep": 0}, {"max_age": -1}, {"max_bytes": 0}, {"max_age": float("nan")}])
def test_limits_that_cannot_be_meant_are_refused(tmp_path, options):
    """By their name and value."""
    (name,) = options
    with pytest.raises(OptionError, match=f"{name}="):
        LogFiles(tmp_path, **options)


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path):
    """Not by the first run."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="file/logs"):
        LogFiles(tmp_path / "file" / "logs")


# -- together --------------------------------------------------------------------------------------------


def test_what_a_process_prints_is_in_its_file(tmp_path):
    """Of the runs that print in other processes, each in its own, masked."""

    def speak(word):
        print(f"password={word}")
        print("last", end="")

    made = task(runner=MultiprocessTaskRun.configured(capture_output=True), name="speak")(speak)
    with subscribe("logs", folder=tmp_path):
        for run in [made(f"HUNTER{number}") for number in range(3)]:
            run.get_result()
    told = list(texts(tmp_path).values())
    assert len(told) == 3
    for text in told:
        assert "stdout: password=***\n" in text
        assert "stdout: last\n" in text
        assert "HUNTER" not in text


def test_what_leaves_nothing_in_a_file_is_not_queued(tmp_path):
    """Calls and runs that are skipped: thousands of them in a second cost next to nothing. What runs call is told."""
    skipped = dataclasses.replace(ended(), state=RunState.SKIPPED)
    inner = dataclasses.replace(created(), parent_id=run_id(2))
    with subscribe(LogFiles(tmp_path)) as subscription:
        for event in (created(), skipped, started(), ended(), inner):
            subscription.put(event)
        assert subscription._put == 3


def test_what_is_routine_is_not_even_made(tmp_path):
    """Where log files listen alone; with somebody who wants it, it is."""
    plain, told = task(lambda: None), []
    with subscribe(LogFiles(tmp_path)) as subscription:
        plain().wait()
        assert subscription._put == 2
        with subscribe(told.append):
            plain().wait()
        assert [type(event).__name__ for event in told] == ["RunCreated", "AttemptStarted", "RunEnded"]


def test_nobody_else_may_read_them(tmp_path):
    """What runs print is for who executed them, in files of observers as in those of commands."""
    folder = tmp_path / "new"
    feed(LogFiles(folder), [started(1), printed("said\n", 1), ended(1)])
    (path,) = folder.iterdir()
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
