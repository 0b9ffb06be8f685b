"""`woflo retry`, `restart`, `resume`, `fork`, `stop` and `logs -f` of runs with which no worker goes on."""

import json
import sys

import pytest
from programs import Program
from programs import woflo_command as woflo
from systems import needs_proc

pytestmark = pytest.mark.unmeasured

JOB = """
config: {name: nightly}
tasks:
  one: {run: "true"}
  two: {run: "false", dependencies: [one]}
"""
APP = """
import time
from woflo import script, task, workflow

broken = script("false", outputs="out.txt", name="broken")

@task
def wait() -> None:
    print("begun", flush=True)
    time.sleep(60)  # not for anything: it is under way until the test ends it

@workflow
def flow() -> None:
    wait().get_result()

@task(runner="queue")
def later() -> int:
    return 5
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "job.yaml").write_text(JOB)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def only_run(folder):
    (row,) = json.loads(woflo(folder, "list", "--json")[0])
    return row


@pytest.fixture
def killed(folder):
    """The id of a run whose process was killed, which nobody has noticed, and the number of that process."""
    with Program(folder, "", command=[sys.executable, "-m", "woflo", "run", "app.py", "flow", "-q"]) as program:
        program.wait_for("begun")
        program.kill()
    row = only_run(folder)
    assert row["state"] == "RUNNING"
    return row["id"], program.process.pid


def test_of_a_job(folder):
    """Nothing is begun that nobody would execute: what goes on with it is told, and does."""
    assert woflo(folder, "run", "job.yaml", "-q")[2] == 1
    for command, *behind in (["retry"], ["restart"], ["resume"], ["fork", "1"]):
        output, said, status = woflo(folder, command, only_run(folder)["id"], *behind)
        assert (output, len(said.splitlines()), status) == ("", 1, 2)
        assert "`woflo run job.yaml" in said
        assert "calls" not in said
    assert only_run(folder)["state"] == "FAILED"
    (folder / "job.yaml").write_text(JOB.replace("false", "true"))
    assert woflo(folder, "run", "job.yaml", "-r", "-q")[2] == 0


def test_of_a_script(folder):
    """It is no step of anything: whoever made the call makes it again."""
    assert woflo(folder, "run", "app.py", "broken", "-q")[2] == 1
    for command in ("retry", "restart", "resume"):
        output, said, status = woflo(folder, command, only_run(folder)["id"])
        assert (output, len(said.splitlines()), status) == ("", 1, 2)
        assert "`woflo run FILE broken`" in said
        assert "None" not in said


@needs_proc
def test_of_a_run_whose_process_is_dead(folder, killed):
    """That it is, and what goes on with it, and not that it is RUNNING. It is stopped at once: nobody would heed it."""
    run_id, pid = killed
    told = f"{run_id} crashed: its process {pid} is dead; a worker, or whoever calls it again, goes on\n"
    for command in ("retry", "restart", "resume"):
        assert woflo(folder, command, run_id) == ("", f"error: {told}", 2)
    assert woflo(folder, "logs", "-f", run_id)[1:] == (f"woflo logs: {told}", 0)
    assert woflo(folder, "stop", run_id) == ("", f"woflo stop: {run_id} is STOPPED\n", 0)
    output, _, status = woflo(folder, "retry", run_id)
    assert (output.strip() != run_id, status) == (True, 0)


def test_of_a_call_that_no_worker_takes(folder):
    """It is told what is waited for, and where a worker comes, it ends."""
    command = [sys.executable, "-m", "woflo", "run", "app.py", "later"]
    with Program(folder, "", command=command) as program:
        program.wait_for("waits for a worker that serves the queue 'default'")
        assert woflo(folder, "worker", "app.py", "--once")[2] == 0
        assert program.wait() == 0
