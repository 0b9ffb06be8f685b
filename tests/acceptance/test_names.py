"""`woflo run --name`: whatever is called is found by it, in the list and in the history."""

import json
import socket

import pytest
from programs import woflo_command as woflo

pytestmark = pytest.mark.unmeasured

APP = """
from woflo import gather, script, task, wait, workflow

copy = script("cp {inputs} {outputs}", inputs="a.txt", outputs="{i}.cp", name="copy")
broken = script("sh -c 'exit 3'", name="broken")

@task
def plain(n: int = 1) -> int:
    return n

@workflow
def flow(n: int = 1) -> int:
    return plain(n).get_result()

tagged = flow.with_options(name="tagged", tags={"who": "me"})

def calls():
    wait([copy(i=1), copy(i=2)], timeout=60)
    assert flow(3).get_result(timeout=60) == 3
    assert list(plain.map([4, 5])) is not None
    broken()

async def awaits():
    await gather(copy(i=1), copy(i=2))
    assert await flow(3) == 3
"""
JOB = """
version: 0.1
tasks:
  first: {run: "cp {inputs} {outputs}", inputs: a.txt, outputs: job.cp}
  second: {run: "sh -c 'exit 3'", dependencies: [first]}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "job.yaml").write_text(JOB)
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "woflo.toml").touch()
    return tmp_path


def found(folder, command, *words):
    output, said, status = woflo(folder, command, *words, "--json")
    assert (said, status) == ("", 0)
    return sorted(one["task"] for one in json.loads(output))


@pytest.mark.parametrize(
    ("words", "tasks", "ends"),
    [
        (["copy", "--arg", "i=1"], ["copy"], 0),
        (["1.cp", "2.cp"], ["copy", "copy"], 0),
        (["flow"], ["flow"], 0),
        (["calls"], ["broken", "copy", "copy", "flow"], 1),
        (["awaits"], ["copy", "copy", "flow"], 0),
        (["job.yaml"], ["job"], 1),
    ],
)
def test_found_by_its_name(folder, words, tasks, ends):
    """A script, files, a workflow, a job, and all that a function has called, as far as it is kept in a store."""
    target = [] if words == ["job.yaml"] else ["app.py"]
    assert woflo(folder, "run", *target, *words, "--name", "night", "-q")[2] == ends
    assert woflo(folder, "run", "app.py", "flow", "--arg", "n=7", "-q", "--name", "day")[2] == 0
    for command in ("list", "history"):
        assert found(folder, command, "--name", "night") == tasks
        assert found(folder, command, "--tag", "name=night") == tasks
        assert found(folder, command, "--name", "none") == []
    assert len(found(folder, "list")) == len(tasks) + 1
    (day,) = json.loads(woflo(folder, "history", "--name", "day", "--json")[0])
    assert day["tags"] == {"name": "day"}


def test_beside_other_tags(folder):
    """A name takes none of them away, and both may be asked for."""
    assert woflo(folder, "run", "app.py", "tagged", "--name", "night", "-q")[2] == 0
    assert found(folder, "list", "--name", "night", "--tag", "who=me") == ["tagged"]
    assert found(folder, "history", "--name", "night", "--tag", "who=you") == []
    said, status = woflo(folder, "list", "--name", "night", "--tag", "name=other")[1:]
    assert (said, status) == ("error: --tag 'name=other': name is given twice; a run has one value of it\n", 2)


def test_what_is_kept_nowhere(folder):
    """Has no name that could find it, and says so before anything is called."""
    output, said, status = woflo(folder, "run", "app.py", "plain", "--name", "night")
    assert (output, status) == ("", 2)
    assert said == "error: plain is no workflow and is not kept in a store, so it has no --name\n"


def test_how_steps_have_ended(folder):
    """The exit code and the host of each command of a job, in the tree, by itself, and as JSON."""
    assert woflo(folder, "run", "job.yaml", "-q")[2] == 1
    host = socket.gethostname()
    (run,) = json.loads(woflo(folder, "list", "--json")[0])
    output = woflo(folder, "show", run["id"])[0]
    first, second = output.splitlines()[-2:]
    assert first.endswith(f"exit code 0 on {host}")
    assert "ended with status 3" in second
    ((told),) = json.loads(woflo(folder, "show", run["id"], "--json")[0])
    steps = {one["task"]: one for one in told["calls"] if one["task"] in ("first", "second")}
    assert (steps["first"]["exit_code"], steps["first"]["host"]) == (0, host)
    assert steps["first"]["command"] == "cp a.txt job.cp"
    assert (steps["second"]["exit_code"], steps["second"]["command"]) == (3, "sh -c 'exit 3'")
    lines = woflo(folder, "show", steps["first"]["id"])[0].splitlines()
    assert "  exit code  0" in lines
    assert f"  host       {host}" in lines
    (executed,) = json.loads(woflo(folder, "history", "job.cp", "--json")[0])
    assert (executed["exit_code"], executed["host"]) == (0, host)
