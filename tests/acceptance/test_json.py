"""`--json`: one document of one shape on stdout, by every command that has something to tell."""

import json
import re
import shutil
import sys

import pytest
from programs import PATIENCE, Program, run
from programs import woflo_command as woflo
from systems import needs_proc

from woflo.cli import COMMANDS

pytestmark = pytest.mark.unmeasured

APP = """
import os
from woflo import manual, script, task, use_settings, wait_signal, workflow
from pydantic_settings import BaseSettings

print("imported")
os.system("echo started")

class Mail(BaseSettings):
    host: str = "localhost"
    port: int

@task
def loud(n: int) -> float:
    print("printed")
    os.system("echo printed by a child")
    return 1 / n

@task(runner="queue")
def post(mail: Mail = inject()) -> None: ...

@workflow
def flow(n: int) -> float:
    print("printed")
    return loud(n).get_result()

@manual
def approve(what: str) -> bool: ...

@workflow
def ask() -> str:
    return f"{approve('it').get_result()} {wait_signal('word')}"

@task
def odd() -> list:
    return [float("nan"), {1, 2}, "\\x1b[2J", {(1, 2): 3}]

@task
def endless():
    within = []
    within.append(within)
    return within

copy = script("sh -c 'echo said; cp a.txt b.txt'", inputs="a.txt", outputs="b.txt", name="copy")

def calls():
    print("printed")
    loud(0)
    loud(1)
""".replace("use_settings", "inject")
CALLS = """
from app import *
copy().wait()
flow(1).wait()
flow(0).wait()
asked = ask()
while asked.state != "WAITING":
    pass
"""
JOB = "version: 0.1\ntasks:\n  a: {run: 'true'}\n  b: {run: 'false', dependencies: [a]}\n"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with what each command can tell of, as it is copied for each test."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "app.py").write_text(APP)
    (folder / "job.yaml").write_text(JOB)
    (folder / "woflo.toml").touch()
    (folder / "a.txt").write_text("a")
    status, output = run(folder, CALLS)
    assert status == 0, output
    return folder


@pytest.fixture
def folder(made, tmp_path):
    shutil.copytree(made, tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    return tmp_path / "copy"


def answer(folder, *words, status=0):
    """The one document on stdout. What code of the user prints is elsewhere."""
    output, said, found = woflo(folder, *words, "--json")
    assert found == status, said
    assert output.isascii()
    value = json.loads(output, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    check_shape(value)
    return value


def check_shape(value):
    """An object, or a list of objects; keys of its own are words with underscores, and times are in UTC."""
    for one in value if isinstance(value, list) else [value]:
        assert isinstance(one, dict)
        for name, item in one.items():
            assert re.fullmatch(r"[a-z_]+", name)
            if name in ("at", "run_after") or name.endswith("_at"):
                assert item is None or TIME.fullmatch(item)


def ids(folder):
    return {f"{one['task']} {one['state']}": one["id"] for one in json.loads(woflo(folder, "list", "--json")[0])}


def of_list(folder):
    assert {f"{one['task']} {one['state']}" for one in answer(folder, "list")} >= {"flow FAILED", "ask WAITING"}
    assert answer(folder, "list", "--task", "none") == []


def of_show(folder):
    (one,) = answer(folder, "show", ids(folder)["flow FAILED"])
    assert [call["task"] for call in one["calls"]] == ["loud"]


def of_history(folder):
    assert {one["task"] for one in answer(folder, "history")} >= {"copy", "flow", "ask"}


def of_report(folder):
    assert answer(folder, "report", "b.txt")["files"]["b.txt"]["made_by"]["task"] == "copy"


def of_why(folder):
    assert answer(folder, "why", "b.txt") == answer(folder, "why", "app.py", "b.txt") == []
    (folder / "a.txt").write_text("other")
    assert answer(folder, "why", "b.txt")[0]["file"] == "a.txt"
    assert answer(folder, "why", "app.py", "b.txt")[0]["reasons"] == ["a.txt has changed"]


def of_touch(folder):
    assert answer(folder, "touch", "app.py", "b.txt") == [{"file": "b.txt", "is_accepted": True}]
    (folder / "made.yaml").write_text("version: 0.1\ntasks:\n  a: {run: 'touch {outputs}', outputs: a.txt}\n")
    assert answer(folder, "touch", "made.yaml", "a") == [{"file": "a.txt", "is_accepted": True}]
    assert answer(folder, "why", "made.yaml") == []


def of_clean(folder):
    assert answer(folder, "clean", "--yes") == [{"file": "b.txt", "is_removed": True, "reason": None}]


def of_graph(folder):
    assert [one["label"] for one in answer(folder, "graph", "job.yaml")] == ["a", "b"]
    assert [one["kind"] for one in answer(folder, "graph", "app.py", "b.txt")] == ["file", "run", "file"]


def of_logs(folder):
    (script,) = [one for one in answer(folder, "history") if one["task"] == "copy"]
    assert [one["lines"] for one in answer(folder, "logs", script["id"])] == [["said"]]


def of_stop(folder):
    asked, failed = ids(folder)["ask WAITING"], ids(folder)["flow FAILED"]
    assert answer(folder, "stop", asked, failed) == [
        {"id": asked, "state": "STOPPED", "stop_requested": False},
        {"id": failed, "state": "FAILED", "stop_requested": False},
    ]


def of_retry(folder):
    failed = ids(folder)["flow FAILED"]
    ((begun),) = answer(folder, "retry", failed)
    assert begun["from"] == failed
    assert {one["id"]: one["continues"] for one in answer(folder, "list")}[begun["id"]] == failed


def of_resume(folder):
    asked = ids(folder)["ask WAITING"]
    assert answer(folder, "resume", asked) == [{"id": asked, "from": asked}]


def of_restart(folder):
    runs = [ids(folder)["flow FAILED"], ids(folder)["flow SUCCEEDED"]]
    assert [one["from"] for one in answer(folder, "restart", *runs)] == runs


def of_fork(folder):
    succeeded = ids(folder)["flow SUCCEEDED"]
    assert answer(folder, "fork", succeeded, "1")[0]["from"] == succeeded


def of_send(folder):
    asked = ids(folder)["ask WAITING"]
    words = ["send", asked, "word", "1", "--id", "x"]
    assert answer(folder, *words) == {"id": asked, "signal": "word", "was_sent_before": False}
    assert answer(folder, *words)["was_sent_before"] is True


def of_complete(folder):
    (asked,) = answer(folder, "show", ids(folder)["ask WAITING"])
    step = asked["calls"][0]["id"]
    assert answer(folder, "complete", step, "true") == {"id": step, "state": "SUCCEEDED"}


def of_pause(folder):
    assert answer(folder, "pause", "mail") == [{"queue": "mail", "is_paused": True}]
    assert answer(folder, "pause", "tidy", "--schedule") == [{"schedule": "tidy", "is_paused": True}]


def of_unpause(folder):
    assert answer(folder, "unpause", "mail") == [{"queue": "mail", "is_paused": False}]


def of_check(folder):
    assert answer(folder, "check", "app.py") == {"fitting": 1, "misfits": [], "unknown": {}}
    (folder / "app.py").write_text(APP.replace("approve('it')", "loud(1)"))
    asked = ids(folder)["ask WAITING"]
    assert [one["id"] for one in answer(folder, "check", "app.py", status=1)["misfits"]] == [asked]


def of_prune(folder):
    succeeded = ids(folder)["flow SUCCEEDED"]
    words = ["prune", "--older-than", "0s", "--task", "flow"]
    assert answer(folder, *words, "--dry-run") == [{"id": succeeded, "is_removed": False}]
    assert answer(folder, *words) == [{"id": succeeded, "is_removed": True}]


def of_settings(folder):
    mail, *observers = answer(folder, "settings", "app.py")
    assert [one["table"] for one in (mail, *observers)][:2] == ["settings.Mail", "observers.progress"]
    assert {one["name"] for one in observers} == {"jsonl", "logs", "notify", "progress", "spans"}
    assert (mail["name"], [one["name"] for one in mail["fields"]]) == ("Mail", ["host", "port"])
    assert [one["default"] for one in mail["fields"]] == ["localhost", None]
    assert answer(folder, "settings", "app.py", "--write")["added"] == ["Mail", "observers"]


def of_run(folder):
    run = answer(folder, "run", "app.py", "flow", "--arg", "n=2")
    assert run == {"id": run["id"], "name": "flow", "state": "SUCCEEDED", "result": 0.5, "error": None, "calls": []}
    assert answer(folder, "run", "app.py", "odd")["result"] == [None, "{1, 2}", "\x1b[2J", {"(1, 2)": 3}]
    assert answer(folder, "run", "app.py", "endless")["state"] == "SUCCEEDED"
    failed = answer(folder, "run", "app.py", "loud", "--arg", "n=0", status=1)
    assert (failed["state"], failed["error"]["type"]) == ("FAILED", "builtins:ZeroDivisionError")
    several = answer(folder, "run", "app.py", "calls", "-q", status=1)
    assert [(one["name"], one["state"]) for one in several["calls"]] == [("loud", "FAILED")]
    assert answer(folder, "run", "app.py", "b.txt")["state"] == "SUCCEEDED"
    job = answer(folder, "run", "job.yaml", status=1)
    assert [(one["name"], one["state"]) for one in job["calls"]] == [("a", "SUCCEEDED"), ("b", "FAILED")]
    assert [one["is_kept"] for one in answer(folder, "run", "job.yaml", "-r", "--dry-run")] == [True, False]
    again = answer(folder, "run", "job.yaml", "-r", status=1)
    assert (again["id"] not in (None, job["id"]), again["name"], again["state"]) == (True, "job", "FAILED")
    assert [(one["name"], one["state"]) for one in again["calls"]] == [("a", "SUCCEEDED"), ("b", "FAILED")]
    assert answer(folder, "run", "app.py", "b.txt", "--dry-run", "-f", "*")[0]["task"] == "copy"


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "worker"])
def test_one_document(folder, name):
    """On stdout alone, though code of the user and what it has started print; every command has a check here."""
    globals()[f"of_{name}"](folder)


@pytest.mark.parametrize(
    "words",
    [["show", "xyz"], ["list", "--state", "x"], ["run", "app.py", "flow"], ["run", "none.yaml"], ["logs", "ffffffff"]],
)
def test_an_error(folder, words):
    """Leaves stdout empty: its line is on stderr, and the status is what tells programs."""
    output, said, status = woflo(folder, *words, "--json")
    assert (output, status) == ("", 2)
    assert "error: " in said


@pytest.mark.parametrize(
    "words", [["report", "b.txt", "--mermaid"], ["graph", "job.yaml", "--svg", "x.svg"], ["logs", "abcdef", "-f"]]
)
def test_two_forms_at_once(folder, words):
    """Cannot be meant."""
    output, said, status = woflo(folder, *words, "--json")
    assert (output, status, len(said.splitlines())) == ("", 2, 1)
    assert "take one of them" in said
    assert not (folder / "x.svg").exists()


@needs_proc
def test_interrupted(folder):
    """How it ended is told then as well."""
    (folder / "long.py").write_text(
        "from woflo import script\nlong = script(\"sh -c 'touch begun; sleep 90'\", name='long')\n"
        "def calls():\n    long().get_result()\n"
    )
    for name in ("long", "calls"):
        (folder / "begun").unlink(missing_ok=True)
        words = [sys.executable, "-m", "woflo", "run", "long.py", name, "--json", "-q"]
        command = ["/bin/sh", "-c", 'exec "$@" 2>said', "sh", *words]
        with Program(folder, "", terminal=True, command=command) as program:
            program._wait_until((folder / "begun").exists, "begun", PATIENCE)
            program.press_ctrl_c()
            assert program.wait() == 130
            assert json.loads(program.read().replace("^C", ""))["state"] == "STOPPED"
