"""SIGTERM and SIGHUP end `woflo run`, and a program of a job, as Ctrl-C does: in order, with earlier results back."""

import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from programs import PATIENCE, Program
from programs import woflo_command as woflo
from systems import needs_proc

pytestmark = [needs_proc, pytest.mark.unmeasured]

APP = """
from woflo import script, task, workflow

copy = script("sh -c 'cp $0 $1; test $(cat $0) = v1 || {{ touch begun; sleep 90; }}' {inputs} {outputs}",
              inputs="in.txt", outputs="out.txt", name="copy")

def flow():
    copy().get_result()

@workflow
def stored():
    flow()
"""
JOB = """
tasks:
  copy:
    run: ["sh", "-c", "cp $0 $1; test $(cat $0) = v1 || { touch begun; sleep 90; }", "{inputs}", "{outputs}"]
    inputs: in.txt
    outputs: out.txt
"""
MAIN = "import sys\nfrom woflo import Job\nsys.exit(Job.main())"
WOFLO = [sys.executable, "-m", "woflo", "run"]
WAYS = {
    "file": [*WOFLO, "app.py", "out.txt"],
    "function": [*WOFLO, "app.py", "flow"],
    "script": [*WOFLO, "app.py:copy"],
    "workflow": [*WOFLO, "app.py", "stored"],
    "job": [*WOFLO, "job.yaml"],
    "program of a job": [sys.executable, "main.py"],
}
IGNORING = "import os, signal, sys; signal.signal(signal.{}, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"


@pytest.fixture
def folder(tmp_path):
    """The second attempt to make out.txt, which was made before, goes on until it is ended."""
    for name, text in {"woflo.toml": "", "app.py": APP, "job.yaml": JOB, "main.py": MAIN, "in.txt": "v1\n"}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def begun(folder, way, number=None, **options):
    """The program, once its command has written a part of what it makes; a signal of this name is ignored in it."""
    (folder / "in.txt").write_text("v2\n")
    (folder / "begun").unlink(missing_ok=True)
    command = WAYS[way] if number is None else [sys.executable, "-c", IGNORING.format(number), *WAYS[way]]
    program = Program(folder, "", command=command, **options)
    program._wait_until((folder / "begun").exists, "begun", PATIENCE)
    return program


def states(folder):
    with closing(sqlite3.connect(folder / ".woflo" / "woflo.db")) as store:
        return {state for (state,) in store.execute("SELECT state FROM runs WHERE finished_at IS NOT NULL")}


@pytest.mark.parametrize("way", WAYS)
def test_what_was_made_before_comes_back(folder, way):
    """All ends, what was being made goes, the records say STOPPED, and the status is 128 and the number."""
    with Program(folder, "", command=WAYS[way]) as first:
        assert first.wait() == 0
    for number in (signal.SIGTERM, signal.SIGHUP):
        with begun(folder, way) as program:
            program.process.send_signal(number)
            assert program.wait() == 128 + number
            program.assert_all_gone()
            told = program.read()
            assert f"{number.name}: stopping " in told
            assert "a second signal leaves now" in told
            assert "Traceback" not in told
        assert (folder / "out.txt").read_text() == "v1\n"
        assert states(folder) == {"SUCCEEDED", "STOPPED"}


def test_a_job_goes_on(folder):
    """With -r, as after Ctrl-C."""
    with begun(folder, "job") as program:
        program.process.send_signal(signal.SIGTERM)
        assert program.wait() == 143
        assert "go on with -r" in program.read()
    (folder / "in.txt").write_text("v1\n")
    assert woflo(folder, "run", "-r", "-q")[2] == 0
    assert (folder / "out.txt").read_text() == "v1\n"


@pytest.mark.parametrize("way", ["file", "job"])
def test_where_ctrl_c_is_ignored(folder, way):
    """As in the background of a script: the others count all the same."""
    with begun(folder, way, "SIGINT") as program:
        program.process.send_signal(signal.SIGTERM)
        assert program.wait() == 143
        program.assert_all_gone()


def sleeping(program):
    return [pid for pid, command in program.processes().items() if command.startswith("sleep")]


def test_nohup(folder):
    """What was ignored before stays so, also in what is executed."""
    with begun(folder, "file", "SIGHUP") as program:
        program.process.send_signal(signal.SIGHUP)
        program._wait_until(lambda: sleeping(program), "sleep", PATIENCE)
        (status,) = (Path(f"/proc/{pid}/status").read_text() for pid in sleeping(program))
        ignored = next(line for line in status.splitlines() if line.startswith("SigIgn:"))
        assert int(ignored.split()[1], 16) & (1 << signal.SIGHUP - 1)
        program.process.send_signal(signal.SIGTERM)
        assert program.wait() == 143
        assert "SIGTERM: stopping" in program.read()


DEAF = """
import os, signal, sys, time
from pathlib import Path
from woflo import task

@task(runner="thread")
def deaf():
    Path("begun").touch()
    time.sleep(90)  # what nobody can end
"""


@pytest.mark.parametrize("words", [["app.py:deaf"], ["app.py", "flow"], ["job.yaml"]])
@pytest.mark.parametrize("second", ["SIGTERM", "SIGINT"])
def test_a_second_signal(folder, words, second):
    """Ends it at once, with its own status."""
    (folder / "app.py").write_text(DEAF + "\ndef flow():\n    deaf().get_result()\n")
    (folder / "job.yaml").write_text("tasks:\n  one: {task: deaf}\n")
    (folder / "tasks").mkdir()
    (folder / "tasks" / "mine.py").write_text(DEAF)
    with Program(folder, "", command=[*WOFLO, *words]) as program:
        program._wait_until((folder / "begun").exists, "begun", PATIENCE)
        program.process.send_signal(signal.SIGTERM)
        program.wait_for("a second signal leaves now")
        program.process.send_signal(getattr(signal, second))
        assert program.wait() == 128 + getattr(signal, second)


def test_a_terminal_that_is_closed(folder):
    """Nobody reads what it says: that is no reason to end otherwise."""
    with Program(folder, "", command=WAYS["job"]) as first:
        assert first.wait() == 0
    with begun(folder, "job", terminal=True) as program:
        os.close(program._ours)
        program._ours = os.open(os.devnull, os.O_RDONLY)
        assert program.process.wait(PATIENCE) == 129
        program.assert_all_gone()
    assert (folder / "out.txt").read_text() == "v1\n"
    assert states(folder) == {"SUCCEEDED", "STOPPED"}
