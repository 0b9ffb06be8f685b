"""Logs of commands are kept up to a number, an age and a size; what is no log of a command, or in use, stays."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from systems import needs_fork

from woflo import prune, script
from woflo.errors import SettingsError
from woflo.scripts import sweeping
from woflo.scripts.ledger import ledger
from woflo.scripts.sweeping import Limits, sweep
from woflo.testing import wait_until

ID = "01a22900ba0791017e660000"
TIME = "20260101T000000"
OTHERS = ["notes.txt", "mine.log", f"{ID}.log", f"{TIME}-task-{ID}ffff.log", f"{TIME}-t-{ID}ffff.1.log"]


@pytest.fixture
def logs(project):
    """`logs(number, ago=…, text=…)` writes logs, the last the youngest, and gives their names; into `logs.folder`."""
    folder = project / ".woflo" / "logs"
    folder.mkdir(parents=True)

    def made(number, *, ago=0.0, text=""):
        names = [f"{ID}{one:04x}.1.log" for one in range(number)]
        for age, name in enumerate(reversed(names)):
            (folder / name).write_text(text)
            then = time.time() - ago - age
            os.utime(folder / name, (then, then))
        return names

    made.folder = folder
    return made


def left(logs):
    return sorted(path.name for path in logs.folder.iterdir())


@pytest.fixture
def fresh(monkeypatch):
    """Nothing was written by this process yet."""
    for name, value in (("logs", 0), ("size", 0), ("is_first", True)):
        monkeypatch.setattr(sweeping._Counted, name, value)


def test_no_more_than_a_number(logs):
    """The oldest go."""
    names = logs(10)
    assert sorted(sweep(str(logs.folder), Limits(keep=4))) == names[:6]
    assert left(logs) == names[6:]


def test_none_that_is_old(logs):
    """By when it was written to last."""
    names = logs(3, ago=10 * 86_400)
    assert sweep(str(logs.folder), Limits(max_age=11)) == []
    assert sorted(sweep(str(logs.folder), Limits(max_age=9.9))) == names


def test_no_more_than_a_size(logs):
    """But the newest one, which somebody may want to read at this moment, however large it is."""
    names = logs(5, text="x" * 100)
    sweep(str(logs.folder), Limits(max_bytes=250))
    assert left(logs) == names[3:]
    sweep(str(logs.folder), Limits(max_bytes=1))
    assert left(logs) == names[4:]


def test_nothing_else_is_removed(logs):
    """What woflo has not made, log files of observers, links, folders."""
    names = logs(2)
    for name in OTHERS:
        (logs.folder / name).write_text("mine")
    (logs.folder / f"{ID}dddd.1.log").mkdir()
    (logs.folder / f"{ID}eeee.1.log").symlink_to("notes.txt")
    sweep(str(logs.folder), Limits(keep=1, max_age=0.0, max_bytes=1))
    assert left(logs) == sorted([*OTHERS, f"{ID}dddd.1.log", f"{ID}eeee.1.log"])
    assert not set(names) & set(left(logs))


def test_a_command_under_way_keeps_its_log(project, logs, fresh):
    """However long ago it has written to it."""
    sweeping._Counted.is_first = False
    run = script("echo said; touch began; while test -e began; do sleep 0.01; done", shell=True, name="slow")()
    wait_until(Path("began").exists)
    os.utime(run.log, (1, 1))
    assert sweep(str(logs.folder), Limits(max_age=1)) == []
    Path("began").unlink()
    run.get_result()
    assert Path(run.log).read_text() == "said\n"
    os.utime(run.log, (1, 1))
    assert sweep(str(logs.folder), Limits(max_age=1)) == [Path(run.log).name]


@pytest.mark.parametrize("runner", ["script", "thread"])
def test_a_script_that_is_executed_sweeps(project, logs, fresh, runner):
    """At the first one, where nobody has for an hour; a second program soon after it does not."""
    old = logs(2, ago=31 * 86_400)
    run = script("echo said", name="talks", runner=runner)()
    run.get_result()
    wait_until(lambda: not set(old) & set(left(logs)))
    assert left(logs) == [Path(run.log).name]
    sweeping._Counted.is_first = True
    logs(2, ago=31 * 86_400)
    script("true", runner=runner)().get_result()
    assert set(old) <= set(left(logs))
    os.utime(".woflo/swept", (1, 1))
    sweeping._Counted.is_first = True
    script("true", runner=runner)().get_result()
    wait_until(lambda: not set(old) & set(left(logs)))


def test_much_output_sweeps(project, logs, fresh, monkeypatch):
    """However little time has passed, and however few logs there are."""
    monkeypatch.setattr(sweeping, "limits", lambda: Limits(max_bytes=1000))
    sweeping._Counted.is_first = False
    old = logs(1, text="x" * 950, ago=100)
    script("echo small", name="talks")().get_result()
    assert old[0] in left(logs)
    run = script(["head", "-c", "300", "/dev/zero"], name="much")()
    run.get_result()
    wait_until(lambda: old[0] not in left(logs))
    assert Path(run.log).stat().st_size == 300


def test_many_logs_sweep(project, logs, fresh, monkeypatch):
    """With each quarter of those that are kept."""
    sweeping._Counted.is_first = False
    assert [sweeping._is_due(0, Limits(keep=800)) for _ in range(402)].count(True) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[logs]\nkeep = -1", "keep = -1 must be a whole number, or 0 for no limit"),
        ("[logs]\nkeep = 1.5", "keep = 1.5 must be a whole number"),
        ("[logs]\nmax_age = 'old'", "max_age = 'old' must be a number of days"),
        ("[logs]\nmost = 1", "no setting 'most'; it has: keep, max_age, max_bytes"),
        ("logs = 7", "'logs' must be a table"),
        ("[logs", "cannot be read"),
    ],
)
def test_wrong_settings(project, text, told):
    """Are told with their value before anything is executed."""
    Path("woflo.toml").write_text(text)
    with pytest.raises(SettingsError, match=told):
        raise script("touch x", name="first")().exception()
    assert not Path("x").exists()
    Path("woflo.toml").write_text("")


def test_settings(project):
    """Of the project, 0 for no limit; the defaults for what is not said."""
    Path("woflo.toml").write_text("[logs]\nkeep = 0\nmax_age = 0.5\n")
    assert sweeping.limits() == Limits(keep=None, max_age=0.5)


def test_pruned_runs_take_their_logs_along(project, store):
    """Those of their commands, and of no other run."""
    gone, stays = script("echo gone", name="gone")(), script("echo stays", name="stays")()
    gone.get_result(), stays.get_result()
    ledger().flush()
    assert prune(older_than=0, task="gone", dry_run=True) == [gone.id]
    assert Path(gone.log).exists()
    assert prune(older_than=0, task="gone") == [gone.id]
    assert not Path(stays.log).with_name(f"{gone.id}.1.log").exists()
    assert Path(stays.log).exists()


@needs_fork
def test_a_child_that_is_forked_while_a_log_is_counted(logs):
    """It counts its own, and does not wait for a thread that it has not inherited."""
    (name,) = logs(1)
    with sweeping._Counted.lock:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(10)
            sweeping.written(str(logs.folder / name))
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
