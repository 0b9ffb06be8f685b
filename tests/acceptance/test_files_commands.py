"""`woflo history`, `report`, `why`, `touch`, `clean`, `graph` and `logs`: real commands on files that scripts made."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from programs import Program, environment
from programs import woflo_command as woflo
from systems import needs_graphviz, needs_proc

FLOW = """
from woflo import protected, script, task

split = script("cp {inputs} {outputs}", inputs="text.txt", outputs="part_{i}.txt", name="split")
upper = script("tr a-z A-Z < {inputs} > {outputs}; echo 'up \\x1b[2J' $password",
               inputs=["part_{i}.txt", "text.txt"], outputs="up/{i}.txt", shell=True, name="upper",
               env={"password": "hid" + "den"})
login = script("sh -c 'echo password=$0; touch $1' {token} {outputs}", outputs="login.txt", name="login")
keep = script("cp text.txt {outputs}", outputs=protected("kept.txt"), name="keep")
lazy = script("true", outputs="by_hand.txt", name="lazy")
broken = script("sh -c 'exit 3'", outputs="broken.txt", name="broken")
long = script("sh -c 'echo begun; touch begun; sleep 90'", name="long")

@task(inputs="up/{i}.txt", outputs="{i}.count", runner="thread")
def count(i: int) -> int:
    open(f"{i}.count", "w").write(str(helper(i)))
    return i

def helper(i):
    return len(open(f"up/{i}.txt").read())
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project in which some files are made."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "woflo.toml").touch()
    (folder / "flow.py").write_text(FLOW)
    (folder / "text.txt").write_text("abc\n")
    (folder / "by_hand.txt").write_text("precious")
    os.utime(folder / "by_hand.txt", (1e9, 1e9))
    (folder / "calls.py").write_text(
        "from flow import *\nfrom woflo import forcing\nforcing('lazy')\n"
        "for run in [split(i=1), split(i=2), keep(), login(token='hidden'), lazy()]:\n    run.wait()\n"
        "for i in (1, 2):\n    upper(i=i).wait()\ncount(1).wait()\nbroken().wait()\n"
    )
    subprocess.run([sys.executable, "calls.py"], cwd=folder, env=environment(), check=True, timeout=60)
    (folder / "flow.py").rename(folder / "tasks.py")
    (folder / "flow.py").write_text("open('executed', 'w')\n" + FLOW)
    (folder / ".env").write_text("WOFLO_STORE=sqlite:///elsewhere.db\n")
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy of it, with the times of its files."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


def told(folder, *words):
    output, said, status = woflo(folder, *words, "--json")
    assert (said, status) == ("", 0)
    assert "hidden" not in output
    return json.loads(output)


# -- history -------------------------------------------------------------------------------------------


def test_what_was_executed(made):
    """Each run with its command, exit code and host, functions and failures as well, the newest first."""
    runs = told(made, "history")
    assert [run["task"] for run in runs[:4]] == ["broken", "count", "upper", "upper"]
    assert sorted(run["task"] for run in runs[4:]) == ["keep", "lazy", "login", "split", "split"]
    by_task = {run["task"]: run for run in runs}
    assert by_task["split"]["command"].startswith("cp text.txt part_")
    assert by_task["split"]["exit_code"] == 0
    assert by_task["split"]["host"]
    assert by_task["split"]["files"][0] in ("part_1.txt", "part_2.txt")
    assert by_task["broken"]["state"] == "FAILED"
    assert by_task["broken"]["exit_code"] == 3
    assert by_task["broken"]["command"] == "sh -c 'exit 3'"
    assert by_task["count"]["state"] == "SUCCEEDED"
    lines = woflo(made, "history", "--limit", "1")[0].splitlines()
    assert lines[0].split() == ["ID", "WHEN", "TASK", "STATE", "TOOK", "EXIT", "HOST", "COMMAND"]
    assert len(lines) == 2


def test_of_a_file_or_a_task(made):
    """Only what made it, or might have; nothing for what nothing made."""
    assert [run["command"] for run in told(made, "history", "part_2.txt")] == ["cp text.txt part_2.txt"]
    assert [run["task"] for run in told(made, "history", "./1.count")] == ["count"]
    assert {run["task"] for run in told(made, "history", "--task", "upper", "--task", "keep")} == {"upper", "keep"}
    assert "nothing that this store knows has made text.txt" in woflo(made, "history", "text.txt")[1]


# -- report --------------------------------------------------------------------------------------------


def test_how_a_file_was_made(made):
    """A tree down to what nothing made, each file told once, with command, host and exit code."""
    lines = woflo(made, "report", "1.count")[0].splitlines()
    assert lines[0] == "1.count  as it was made"
    assert "helper" in lines[1]
    assert "└─ up/1.txt  as it was made" in lines
    assert any("upper: tr a-z A-Z < part_1.txt" in line for line in lines)
    assert any("exit code 0" in line for line in lines)
    assert "   │  └─ text.txt  nothing made it; as it was read" in lines
    assert "   └─ text.txt  nothing made it; as it was read" in lines


def test_a_report_for_programs(made):
    """All files by name, with digests, and what each was made of."""
    files = told(made, "report", "up/1.txt")["files"]
    assert set(files) == {"up/1.txt", "part_1.txt", "text.txt"}
    assert files["up/1.txt"]["inputs"] == ["part_1.txt", "text.txt"]
    assert files["part_1.txt"]["made_by"]["command"] == ["cp", "text.txt", "part_1.txt"]
    assert files["part_1.txt"]["made_by"]["outputs"]["part_1.txt"]["digest"]
    assert files["text.txt"]["made_by"] is None


def test_a_file_that_was_changed(folder):
    """It is told, of the file itself and of what it was made of."""
    (folder / "part_1.txt").write_text("other")
    (folder / "text.txt").unlink()
    output = woflo(folder, "report", "up/1.txt")[0]
    assert "part_1.txt  changed since" in output
    assert "text.txt  nothing made it; not there" in output
    assert "part_1.txt: changed since" in woflo(folder, "why", "up/1.txt")[0]


def test_pictures(folder):
    """As Mermaid text."""
    chart = woflo(folder, "report", "1.count", "--mermaid")[0]
    assert chart.startswith("flowchart TD\n")
    assert '["up/1.txt"]' in chart
    assert woflo(folder, "graph", "tasks.py", "2.count")[0].count("-->") == 7


JOB = "version: 0.1\ntasks:\n  a: {run: 'touch x'}\n  b: {run: 'touch y', dependencies: [a]}\n"
PICTURES = [
    (["report", "1.count"], "part_1.txt"),
    (["graph", "tasks.py", "1.count"], "count(i=1)"),
    (["graph", "job.yaml"], "b"),
]


@needs_graphviz
@pytest.mark.parametrize(("words", "text"), PICTURES)
def test_pictures_by_graphviz(folder, words, text):
    """SVG in the file that is named; nothing is said, and nothing else is made."""
    (folder / "job.yaml").write_text(JOB)
    assert woflo(folder, *words, "--svg", "a.svg") == ("", "", 0)
    picture = (folder / "a.svg").read_text()
    assert "<svg" in picture
    assert f">{text}</text>" in picture
    assert not (folder / "a.mmd").exists()


@pytest.mark.parametrize(("words", "text"), PICTURES)
def test_pictures_without_graphviz(folder, words, text, monkeypatch):
    """Mermaid beside the file that is named, a line that says so, and status 0: the work goes on."""
    (folder / "job.yaml").write_text(JOB)
    monkeypatch.setenv("PATH", str(folder))
    output, said, status = woflo(folder, *words, "--svg", "a.svg")
    assert (output, len(said.splitlines()), status) == ("", 1, 0)
    assert "no Graphviz" in said
    assert "a.mmd" in said
    assert (folder / "a.mmd").read_text() == woflo(folder, *words, "--mermaid")[0]
    assert text in (folder / "a.mmd").read_text().replace("#40;", "(").replace("#41;", ")").replace("#61;", "=")
    assert not (folder / "a.svg").exists()


@pytest.mark.parametrize("program", [pytest.param(None, marks=needs_graphviz), "exit 3"])
def test_pictures_that_cannot_be_kept(folder, monkeypatch, program):
    """Where there is no such folder, or where Graphviz fails: a line that says so."""
    if program is None:
        _, said, status = woflo(folder, "report", "1.count", "--svg", "none/a.svg")
        assert (said, status) == ("error: --svg none/a.svg: No such file or directory\n", 2)
    else:
        (folder / "dot").write_text(f"#!/bin/sh\n{program}\n")
        (folder / "dot").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        _, said, status = woflo(folder, "report", "1.count", "--svg", "a.svg")
        assert (said, status) == ("error: `dot` ended with status 3: it said nothing\n", 1)
    assert not (folder / "a.svg").exists()


def test_the_graph_of_a_job(folder):
    """Its steps and what they need; nothing is executed."""
    (folder / "job.yaml").write_text(JOB)
    assert "s0 --> s1" in woflo(folder, "graph", "job.yaml")[0]
    assert not (folder / "x").exists()


# -- why, touch ----------------------------------------------------------------------------------------


def test_why_and_touch(folder):
    """What makes it stale is told, by the code and by the record; accepting it ends that."""
    assert woflo(folder, "why", "tasks.py", "up/1.txt")[1] == "nothing to be done: all is up to date\n"
    (folder / "text.txt").write_text("changed\n")
    assert told(folder, "why", "tasks.py", "part_1.txt") == [
        {"task": "split", "command": "cp text.txt part_1.txt", "reasons": ["text.txt has changed"]}
    ]
    output = woflo(folder, "why", "tasks.py", "split", "--arg", "i=1")[0]
    assert output == "split: cp text.txt part_1.txt\n    text.txt has changed\n"
    assert woflo(folder, "touch", "tasks.py", "part_1.txt") == ("part_1.txt\n", "", 0)
    assert told(folder, "why", "tasks.py", "part_1.txt") == []
    assert told(folder, "history", "part_1.txt")[0]["state"] == "ACCEPTED"
    assert woflo(folder, "touch", "tasks.py", "split", "--arg", "i=2") == ("part_2.txt\n", "", 0)
    assert told(folder, "why", "part_2.txt") == []
    assert "MissingOutputError" not in woflo(folder, "touch", "tasks.py", "part_7.txt")[1]
    assert woflo(folder, "touch", "tasks.py", "part_7.txt")[2] == 2


# -- clean ---------------------------------------------------------------------------------------------


def test_only_what_woflo_made_goes(folder):
    """Not what was changed since, was there before, is protected, was accepted, or nobody knows; inputs stay."""
    (folder / "part_2.txt").write_text("mine")
    assert woflo(folder, "touch", "tasks.py", "upper", "--arg", "i=2")[2] == 0
    before = {path.name for path in folder.iterdir()}
    found = {one["file"]: one["reason"] for one in told(folder, "clean", "--dry-run")}
    assert {path.name for path in folder.iterdir()} == before
    assert {name for name, why in found.items() if why is None} == {"part_1.txt", "up/1.txt", "login.txt", "1.count"}
    assert "changed since" in found["part_2.txt"]
    assert "accepted" in found["up/2.txt"]
    assert "protected" in found["kept.txt"]
    assert "older than the run" in found["by_hand.txt"]
    output, said, status = woflo(folder, "clean", "--yes")
    assert status == 0
    assert "by_hand.txt stays: it is older than the run that should have made it" in said
    assert sorted(output.split()) == ["1.count", "login.txt", "part_1.txt", "up/1.txt"]
    assert before - {path.name for path in folder.iterdir()} == {"part_1.txt", "login.txt", "1.count"}
    assert told(folder, "why", "tasks.py", "up/1.txt")[0]["task"] == "split"
    assert woflo(folder, "clean", "--yes")[0] == ""


def test_it_asks_before(folder):
    """Without an answer, or with no, nothing goes; globs and tasks say what is meant."""
    assert woflo(folder, "clean")[2] == 2
    for answer, is_there in (("n\n", True), ("y\n", False)):
        command = [sys.executable, "-m", "woflo", "clean", "part_*.txt"]
        with Program(folder, "", terminal=True, command=command) as program:
            program.wait_for("Remove 2 files?")
            program.type(answer)
            program.wait()
        assert (folder / "part_1.txt").exists() == is_there
    assert (folder / "login.txt").exists()
    assert woflo(folder, "clean", "--task", "login", "--yes")[0] == "login.txt\n"


def test_nothing_outside_goes(folder, tmp_path):
    """Not through a link to another folder either."""
    (tmp_path / "elsewhere").mkdir()
    (folder / "up" / "1.txt").rename(tmp_path / "elsewhere" / "1.txt")
    (folder / "up" / "2.txt").unlink()
    (folder / "up").rmdir()
    (folder / "up").symlink_to(tmp_path / "elsewhere")
    found = {one["file"]: one["reason"] for one in told(folder, "clean", "--yes")}
    assert "outside of the project" in found["up/1.txt"]
    assert (tmp_path / "elsewhere" / "1.txt").exists()


# -- logs ----------------------------------------------------------------------------------------------


def test_the_output_of_a_run(made):
    """By the id or its beginning; escapes are spelled out, secrets hidden."""
    runs = {run["task"]: run["id"] for run in told(made, "history")}
    output, said, status = woflo(made, "logs", runs["upper"])
    assert (said, status) == ("", 0)
    assert output.splitlines()[0] == f"==> {runs['upper']}.1.log <=="
    assert "up \\x1b[2J" in output
    assert "password=***" in woflo(made, "logs", runs["login"])[0]
    assert "there are no logs of 'ffffffffffff'" in woflo(made, "logs", "ffffffffffff")[1]
    assert woflo(made, "logs", "f")[2] == 2


@needs_proc
def test_followed_to_the_end(folder):
    """What comes is shown as it comes, that of steps as well, until the run has ended."""
    (folder / "job.yaml").write_text(
        "version: 0.1\nconfig: {name: night}\ntasks:\n"
        "  first: {run: \"sh -c 'echo one; touch begun; until test -e go; do sleep 0.02; done; echo two'\"}\n"
    )
    command = [sys.executable, "-m", "woflo"]
    with Program(folder, "", command=[*command, "run", "job.yaml", "-q"]) as job:
        job._wait_until((folder / "begun").exists, "begun", 30)
        run = told(folder, "list", "--task", "night")[0]["id"]
        with Program(folder, "", command=[*command, "logs", run, "-f"]) as logs:
            logs.wait_for("one")
            assert "two" not in logs.read()
            (folder / "go").touch()
            assert logs.wait() == 0
            assert "two" in logs.output
            assert f"{run} is SUCCEEDED" in logs.output
        assert job.wait() == 0


# -- all of them ---------------------------------------------------------------------------------------


def test_looking_executes_nothing(made):
    """In a folder that is not trusted: neither its code nor its .env is read."""
    (made / "executed").unlink(missing_ok=True)
    for words in (["history"], ["report", "1.count"], ["why", "1.count"], ["clean", "--dry-run"]):
        assert woflo(made, *words)[2] == 0
    assert not (made / "executed").exists()
    assert not (made / "elsewhere.db").exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["report", "text.txt"], "nothing that this store knows has made text.txt"),
        (["why", "text.txt"], "woflo why app.py"),
        (["why", "tasks.py", "nothing.x"], "nothing makes 'nothing.x'"),
        (["touch", "tasks.py", "helper", "--arg", "i=1"], "is a function that calls others"),
        (["graph", "tasks.py"], "which files?"),
        (["history", "--store", "sqlite:///none.db"], "there is no store"),
    ],
)
def test_what_cannot_be_meant(made, words, text):
    """A line that says so, and status 2."""
    output, said, status = woflo(made, *words)
    assert (output, status, len(said.splitlines())) == ("", 2, 1)
    assert text in said
