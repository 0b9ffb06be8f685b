"""`woflo run job.yaml`: the job of a file, with the choices of `Job.main`."""

import json
import sys
import time

import pytest
from programs import RESISTING, Program, run
from programs import woflo_command as woflo
from systems import needs_proc

TASKS = """
from pathlib import Path
from woflo import task

@task
def note(word: str, fail: bool = False) -> str:
    with open("effects", "a") as file:
        file.write(f"{word}\\n")
    if fail and not Path("healed").exists():
        raise ValueError("not yet")
    return word
"""
JOB = """
version: 0.1
config: {name: nightly}
tasks:
  first: {task: note, parameters: {word: "$VAR{word:one}"}}
  other: {task: note, parameters: {word: side}}
  second: {task: note, parameters: {word: two, fail: true}, dependencies: [first]}
  third: {run: "sh -c 'echo said; touch $0' {outputs}", outputs: made.txt, dependencies: [second]}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "all.py").write_text(TASKS)
    (tmp_path / "job.yaml").write_text(JOB)
    (tmp_path / "woflo.toml").touch()
    return tmp_path


def effects(folder):
    path = folder / "effects"
    return sorted(path.read_text().split()) if path.exists() else []


def test_a_failure_and_the_way_on(folder):
    """What does not depend on it is done, status 1; -r, which needs no name, does the rest and nothing twice."""
    _, said, status = woflo(folder, "run", "job.yaml")
    assert status == 1
    assert "woflo: 2 of 4 steps of nightly did not succeed\nsecond: ValueError: not yet\n" in said
    assert said.endswith("not executed because of that: third\n")
    assert effects(folder) == ["one", "side", "two"]
    assert any((folder / ".woflo" / "logs").iterdir())
    (folder / "healed").touch()
    steps = json.loads(woflo(folder, "run", "job.yaml", "-r", "--dry-run", "--json")[0])
    assert {one["step"]: one["is_kept"] for one in steps} == {
        "first": True,
        "other": True,
        "second": False,
        "third": False,
    }
    assert effects(folder) == ["one", "side", "two"]
    shown = woflo(folder, "show", json.loads(woflo(folder, "list", "--json")[0])[0]["id"])[0]
    for step, word in (("first", "$VAR{word:one}"), ("other", "side")):  # the names of the steps, beside their task's
        assert f'─ {step}: note(word="{word}")  SUCCEEDED' in shown
    _, said, status = woflo(folder, "run", "-r", "--quiet")
    assert (said, status) == ("woflo: nightly: 4 steps succeeded\n", 0)
    assert effects(folder) == ["one", "side", "two", "two"]
    assert (folder / "made.txt").exists()


def test_parts_of_a_job(folder):
    """Steps are left out, variables filled in, and a dry run tells what would be called and calls nothing."""
    assert woflo(folder, "run", "job.yaml", "--run-to", "first", "--var", "word=mine", "-q")[2] == 0
    assert effects(folder) == ["mine"]
    output, said, status = woflo(folder, "run", "job.yaml", "--dry-run", "--skip", "other", "--run-from", "second")
    assert (said, status) == ("", 0)
    assert [line.split("  ")[0] for line in output.splitlines()] == ["STEP", "second", "third"]
    assert effects(folder) == ["mine"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["job.yaml", "--skip", "secnd"], "did you mean 'second'"),
        (["job.yaml", "--skip", "first", "other"], "say --skip other to leave it out as well"),
        (["job.yaml", "first", "--skip", "first"], "say --skip first"),
        (
            ["job.yaml", "--run-to", "first", "--run-from", "other"],
            "run_to first, run_from other: no step is left to be ex",
        ),
        (["job.yaml", "--var", "word"], "NAME=VALUE"),
        (["job.yaml", "frist"], "did you mean 'first'"),
        (["job.yaml", "first", "--run-to", "other"], "--run-to other cannot be meant beside first"),
        (["job.yaml", "--arg", "word=a"], "--arg cannot be meant: job.yaml is a job file"),
        (["job.yaml", "--key", "a"], "--key cannot be meant: job.yaml is a job file"),
        (["job.yaml", "--keep-going"], "there is no option --keep-going"),
        (["job.yaml", "-f", "secnd"], "did you mean 'second'"),
        (["job.yaml", "--jobs", "0"], "'--jobs'"),
        (["job.yaml", "-r", "--name", "a"], "leave --name out"),
        (["none.toml"], "none.toml"),
        (["wrong.yaml"], "there is no task 'nope'"),
        ([], "what is to be run?"),
        (["-r"], "what is to be run?"),
    ],
)
def test_what_cannot_be_meant(folder, words, text):
    """It is told without a traceback, status 2, nothing was called, and nothing is left behind."""
    (folder / "wrong.yaml").write_text("version: 0.1\ntasks:\n  first: {task: nope}\n")
    output, said, status = woflo(folder, "run", *words)
    assert (output, status) == ("", 2)
    assert text in said
    assert "Traceback" not in said
    assert sorted(path.name for path in folder.iterdir()) == ["job.yaml", "tasks", "woflo.toml", "wrong.yaml"]
    assert effects(folder) == []


@needs_proc
def test_ctrl_c(folder):
    """The job is stopped, its record says so, and the status is that of an interrupt."""
    (folder / "job.yaml").write_text(
        "version: 0.1\nconfig: {name: long}\ntasks:\n  wait: {run: \"sh -c 'touch begun; sleep 90'\"}\n"
    )
    with Program(folder, "", terminal=True, command=[sys.executable, "-m", "woflo", "run", "job.yaml"]) as program:
        program._wait_until((folder / "begun").exists, "begun", 30)
        program.press_ctrl_c()
        assert program.wait() == 130
        program.assert_all_gone()
        assert "go on with -r" in program.read()
    assert [one["state"] for one in json.loads(woflo(folder, "list", "--json")[0])] == ["STOPPED"]


GRACE = 5.0
SLACK = 5.0
"""Seconds beyond the grace time for a busy machine."""
DEAF = (
    RESISTING.format()
    + """
from pathlib import Path
from woflo import task

@task
def deaf(number: int) -> None:
    if not Path("healed").exists():
        resist(number)
"""
)
RESIST = """
config: {name: long}
tasks:
  first: {task: note, parameters: {word: one}}
  code: {task: deaf, parameters: {number: 1}, dependencies: [first]}
  command:
    run: [sh, -c, "test -e healed && exit; trap '' TERM INT; sh -c 'echo begun 2; sleep 90; sleep 90'"]
    dependencies: [first]
  last: {task: note, parameters: {word: two}, dependencies: [code, command]}
"""


@needs_proc
@pytest.mark.unmeasured
def test_ctrl_c_where_steps_resist(folder):
    """Steps and their children that ignore SIGTERM are gone after the grace time; it is STOPPED, and -r goes on."""
    (folder / "tasks" / "deaf.py").write_text(DEAF)
    (folder / "job.yaml").write_text(RESIST)
    command = [sys.executable, "-m", "woflo", "run", "job.yaml"]
    with Program(folder, "", terminal=True, command=command) as program:
        program.wait_for("begun 1")
        program._wait_until(lambda: says_begun(folder), "begun 2", 30)
        program.press_ctrl_c()
        pressed = time.monotonic()
        assert program.wait() == 130
        assert time.monotonic() - pressed < GRACE + SLACK
        program.assert_all_gone(timeout=3.0)
    assert [one["state"] for one in json.loads(woflo(folder, "list", "--json")[0])] == ["STOPPED"]
    assert effects(folder) == ["one"]
    (folder / "healed").touch()
    assert woflo(folder, "run", "-r", "-q")[1:] == ("woflo: long: 4 steps succeeded\n", 0)
    assert effects(folder) == ["one", "two"]


def says_begun(folder):
    """True where the output of the command is in its log."""
    return any("begun 2" in path.read_text() for path in (folder / ".woflo").rglob("*.log"))


SIDE_BY_SIDE = """
tasks:
  one: {task: look, parameters: {name: one}}
  two: {task: look, parameters: {name: two}}
  three: {run: [sh, -c, "test ! -e one -a ! -e two; touch $0; echo made >>effects", "{outputs}"], outputs: made.txt}
"""
LOOK = """
import os
import re
from woflo import task

@task
def look(name: str) -> None:
    open(name, "w").close()
    others = [one for one in ("one", "two") if one != name and os.path.exists(one)]
    os.unlink(name)
    if others or os.path.exists("wrong"):
        raise ValueError(f"beside {others}")
"""


def test_options_of_every_target(folder):
    """--jobs 1 lets nothing be executed at the same time, -f does what is up to date, --debug shows where it failed."""
    (folder / "tasks" / "look.py").write_text(LOOK)
    (folder / "job.yaml").write_text(SIDE_BY_SIDE)
    for words, made in ((["--jobs", "1"], 1), (["--jobs", "1"], 0), (["--max-concurrency", "1", "-f", "thr*"], 1)):
        output, said, status = woflo(folder, "run", "job.yaml", "-q", *words)
        assert (output, said, status) == ("", "woflo: job: 3 steps succeeded\n", 0)
        assert effects(folder) == ["made"] * made
        (folder / "effects").unlink(missing_ok=True)
    (folder / "wrong").touch()
    _, said, status = woflo(folder, "run", "job.yaml", "-q", "--debug")
    assert status == 1
    assert "Traceback (most recent call last):" in said
    assert 'tasks/look.py", line ' in said


NOTICING = """
from woflo.durable.choice import current_store
from woflo.durable.engine import engine_of

engine = engine_of(current_store())
engine.be_alive()
engine.membership.take_over(again=True)
"""


@needs_proc
def test_a_run_that_was_killed_is_shown_as_that(folder):
    """Its process is known to be dead, on this machine; when somebody has gone on with it, it is as any other."""
    (folder / "job.yaml").write_text(
        "config: {name: long}\ntasks: {a: {run: [sh, -c, 'echo x >>effects; sleep 60']}}\n"
    )
    with Program(folder, "", command=[sys.executable, "-m", "woflo", "run", "job.yaml", "-q"]) as program:
        program._wait_until(lambda: effects(folder), "step", 30)
        (living,) = json.loads(woflo(folder, "list", "--json")[0])
        assert (living["state"], living["crashed"]) == ("RUNNING", None)
        program.kill()
        program.assert_all_gone()
    (dead,) = json.loads(woflo(folder, "list", "--json")[0])
    assert dead["crashed"] == f"crashed: its process {program.process.pid} is dead; `woflo run job.yaml -r` goes on"
    assert "crashed: its process" in woflo(folder, "list")[0]
    assert (
        f"crashed    its process {program.process.pid} is dead; `woflo run job.yaml -r` goes on"
        in woflo(folder, "show", dead["id"])[0]
    )
    assert run(folder, NOTICING)[0] == 0
    (dead,) = json.loads(woflo(folder, "list", "--json")[0])
    assert (dead["state"], dead["crashed"]) == ("PENDING", "crashed; `woflo run job.yaml -r` goes on")
    (folder / "job.yaml").write_text("config: {name: long}\ntasks: {a: {run: [sh, -c, 'echo y >>effects']}}\n")
    assert woflo(folder, "run", "job.yaml", "-r", "-q")[2] == 0
    assert effects(folder) == ["x", "y"]
    assert [one["crashed"] for one in json.loads(woflo(folder, "list", "--json")[0])] == [None] * 2


LATE = """
import time
from woflo import task

@task
def late() -> None:
    time.sleep(1)  # how long it is under way, beyond the end of the job that asked for it
    raise ValueError("late")
"""


def test_calls_that_a_command_asks_for(folder):
    """They are waited for and told of, though they are no steps of the job."""
    (folder / "tasks" / "late.py").write_text(LATE)
    (folder / "ask.sh").write_text("""echo '{"task": "late"}' >$WOFLO_CALLS""")
    (folder / "job.yaml").write_text("tasks: {a: {run: sh ask.sh, may_call: [late]}}")
    _, said, status = woflo(folder, "run", "job.yaml")
    assert status == 0
    assert "late: failed" in said
    assert "3 runs in " in said


def test_a_file_of_the_same_name_elsewhere(folder):
    """-r goes on with the runs of this file: those of another one are another job, and that is told."""
    text = "tasks:\n  a: {run: [sh, -c, 'echo %s >>effects']}\n  b: {run: [test, -e, healed], dependencies: [a]}\n"
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "job.yaml").write_text(text % "made")
    assert woflo(folder, "run", "one/job.yaml", "-q")[2] == 1
    (folder / "healed").touch()
    said = f"woflo: nothing to go on with in sqlite:///{folder}/.woflo/woflo.db for job, {folder}/two/job.yaml: a new "
    assert woflo(folder, "run", "two/job.yaml", "-r", "--dry-run")[1] == f"{said}run begins\n"
    assert woflo(folder, "run", "two/job.yaml", "-q", "-r")[1:] == (
        f"{said}run begins\nwoflo: job: 2 steps succeeded\n",
        0,
    )
    assert effects(folder) == ["made", "made"]
    assert woflo(folder, "run", "one/job.yaml", "-q", "-r")[2] == 0
    assert effects(folder) == ["made", "made"]


def test_variables_of_the_run_that_goes_on(folder):
    """They are told, hold where none are given instead, and a secret one has to be given again."""
    (folder / "job.yaml").write_text(
        "tasks:\n  a: {run: [test, -e, healed]}\n"
        "  b: {run: [sh, -c, 'echo $VAR{cur:EUR}$VAR{token:} >>effects'], dependencies: [a]}\n"
    )
    assert woflo(folder, "run", "job.yaml", "-q", "--var", "cur=USD")[2] == 1
    (run_id,) = [one["id"] for one in json.loads(woflo(folder, "list", "--json")[0])]
    (folder / "healed").touch()
    said = f"woflo: with the variables of {run_id}: cur=USD\n"
    assert woflo(folder, "run", "job.yaml", "-r", "--dry-run")[1:] == (said, 0)
    assert woflo(folder, "run", "job.yaml", "-q", "-r")[1:] == (f"{said}woflo: job: 2 steps succeeded\n", 0)
    assert effects(folder) == ["USD"]
    (folder / "healed").unlink()
    assert woflo(folder, "run", "job.yaml", "-q", "--var", "token=swordfish")[2] == 1
    (folder / "healed").touch()
    _, said, status = woflo(folder, "run", "job.yaml", "-q", "-r")
    assert status == 2
    assert "give it again with --var token=…" in said
    assert woflo(folder, "run", "job.yaml", "-q", "-r", "--var", "token=swordfish")[2] == 0
    assert effects(folder) == ["EURswordfish", "USD"]


def test_r_in_another_store(folder):
    """Whose folder is another one, as under cron: it begins anew, and tells in which store there is nothing."""
    (folder / "job.yaml").write_text("config: {name: one}\ntasks:\n  a: {run: [test, -e, healed]}\n")
    assert woflo(folder, "run", "job.yaml", "-q")[2] == 1
    said = woflo(folder, "run", "job.yaml", "-q", "-r", "--store", "dir:other")[1]
    assert f"woflo: nothing to go on with in dir:{folder}/other for one, {folder}/job.yaml: a new run begins\n" in said
    (folder / "copy.yaml").write_bytes((folder / "job.yaml").read_bytes())
    _, said, status = woflo(folder, "run", "copy.yaml", "-q", "-r")
    assert status == 2
    assert said.startswith("error: the latest run of one that did not succeed, ")
    (folder / "healed").touch()
    assert woflo(folder, "run", "job.yaml", "-q", "-r")[1:] == ("woflo: one: 1 step succeeded\n", 0)
