"""`woflo list`, `show`, `stop`, `retry`, `send` and the others: from programs of their own, on a real store."""

import json
import subprocess
import sys

import pytest
from programs import Program, environment
from programs import woflo_command as woflo

from woflo.stores.sqlite import SQLiteStore

APP = """
from pathlib import Path
from woflo import current_run, manual, task, wait_signal, workflow

TOKEN = "hid" + "den"  # a traceback shows lines of code as they are

@task
def fetch(n: int, token: str = "") -> int:
    with open("effects", "a") as file:
        file.write(f"{n}\\n")
    if n == 3 and not Path("three").exists():
        raise ValueError("no three\\x1b[2J\\u202e" + 2_000 * "long " + "\\npassword=hidden")
    return n

@workflow
def flow(k: int, password: str = "") -> int:
    current_run().publish("k", k)
    return sum(fetch(n, token=TOKEN).get_result() for n in range(k))

@manual
def approve(what: str) -> bool: ...

@workflow
def ask() -> str:
    return f"{approve('it').get_result()} {wait_signal('word')}"
"""
CALLS = """
from app import *
one = flow.with_options(key="one", tags={"who": "me"})(2, "hidden")
one.wait()
two = flow(5)
two.wait()
"""


def python(folder, code):
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def listed(folder, *words):
    output, said, status = woflo(folder, "list", "--json", *words)
    assert (said, status) == ("", 0)
    return json.loads(output)


@pytest.fixture
def folder(tmp_path):
    """A folder with two runs: one that succeeded, then one that failed."""
    (tmp_path / "app.py").write_text(APP)
    python(tmp_path, CALLS)
    return tmp_path


def test_the_newest_first(folder):
    """As a table for people, and as JSON for programs; less of them by what is asked for."""
    output, said, status = woflo(folder, "list")
    head, *rows = output.splitlines()
    assert (head.split(), said, status) == (["ID", "TASK", "STATE", "CALLED", "TOOK", "NOTE"], "", 0)
    assert [row.split()[2] for row in rows] == ["FAILED", "SUCCEEDED"]
    assert "ValueError: no three\\x1b[2J\\u202e" in rows[0]
    assert [run["key"] for run in listed(folder)] == [None, "one"]
    for words in (["--state", "failed"], ["--limit", "1"]):
        assert [run["state"] for run in listed(folder, *words)] == ["FAILED"]
    for words in (["--tag", "who=me"], ["--key", "one"], ["--after", rows[0].split()[0]]):
        assert [run["state"] for run in listed(folder, *words)] == ["SUCCEEDED"]
    assert listed(folder, "--task", "other") == []


def test_after_a_run_that_there_is_not(folder):
    """Is no empty page, but a mistake that is told."""
    output, said, status = woflo(folder, "list", "--after", "zzz")
    assert (output, status) == ("", 2)
    assert "there is no run 'zzz'" in said


def test_more_than_are_shown(folder):
    """It says so, and how to see them."""
    output, said, _ = woflo(folder, "list", "--limit", "1")
    assert len(output.splitlines()) == 2
    assert f"--after {output.splitlines()[1].split()[0]}" in said


def test_all_about_a_run(folder):
    """The call, what it showed, and its calls as a tree; by the beginning of its id."""
    failed, succeeded = listed(folder)
    output, _, status = woflo(folder, "show", failed["id"])
    lines = output.splitlines()
    assert (lines[0], status) == ("flow(k=5)", 0)
    assert "  state      FAILED" in lines
    assert "  shows      k = 5" in lines
    assert any(line.startswith("  └─ fetch(n=3, ") and "FAILED" in line for line in lines)
    told = json.loads(woflo(folder, "show", "--json", succeeded["id"])[0])[0]
    assert told["tags"] == {"who": "me"}
    assert [call["task"] for call in told["calls"]] == ["woflo.publish", "fetch", "fetch"]
    assert told["result"] == 1


def test_for_programs_nothing_is_cut(folder):
    """Neither long lists nor long texts nor what lies deep; secrets are hidden all the same."""
    python(
        folder,
        "from woflo import workflow\n"
        "@workflow\n"
        "def big(values: list, text: str, deep: dict) -> list: return [values, text]\n"
        "big(list(range(100)), 'x' * 30_000 + '://me:hidden@', {'a': {'b': {'c': {'d': {'e': [{'password': 'hidden'}]}"
        "}}}}).get_result()\n",
    )
    (listed_run,) = listed(folder, "--task", "big")
    output = woflo(folder, "show", "--json", listed_run["id"])[0]
    for run in (listed_run, json.loads(output)[0]):
        assert run["args"]["values"] == list(range(100))
        assert run["result"] == [list(range(100)), "x" * 30_000 + "://me:***@"]
        assert run["args"]["deep"]["a"]["b"]["c"]["d"]["e"] == [{"password": "***"}]
    assert "hidden" not in output


def test_what_cannot_forge_the_screen(folder):
    """No escape sequence of a program reaches the terminal, and no secret does."""
    failed, succeeded = listed(folder)
    for words in (["list"], ["show", failed["id"], succeeded["id"]], ["show", "--json", failed["id"]]):
        output = woflo(folder, *words)[0]
        assert "\x1b" not in output
        assert "\u202e" not in output
        assert "hidden" not in output


def test_states_have_colours_on_a_terminal(folder):
    """A person sees at once what failed; the table fits into the terminal."""
    with Program(folder, "", terminal=True, command=[sys.executable, "-m", "woflo", "list"]) as program:
        assert program.wait() == 0
        assert "\x1b[31mFAILED" in program.read()
        assert "\x1b[32mSUCCEEDED" in program.output


def test_looking_executes_nothing(folder):
    """In a folder that is not trusted: neither its code nor its .env is read."""
    (folder / "app.py").write_text("open('executed', 'w')")
    for name in ("sitecustomize", "usercustomize", "woflo_plugin"):
        (folder / f"{name}.py").write_text("open('executed', 'w')")
    (folder / ".env").write_text("WOFLO_STORE=sqlite:///elsewhere.db\n")
    executable = [sys.executable, "-P", "-m", "woflo"]
    for words in (["list"], ["list", "--json"], ["show", listed(folder)[0]["id"]]):
        done = subprocess.run([*executable, *words], cwd=folder, env=environment(), timeout=60, check=True)
        assert done.returncode == 0
    assert not (folder / "executed").exists()
    assert not (folder / "elsewhere.db").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["show", "x"],
        ["stop", "x"],
        ["list", "--store", "dir:none"],
        ["prune", "--older-than", "1d"],
        ["pause", "mail"],
        ["unpause", "--schedule", "tidy"],
    ],
)
def test_no_store_is_made_by_looking(tmp_path, words):
    """Where nothing was stored, that is what it says."""
    output, said, status = woflo(tmp_path, *words)
    assert (output, status) == ("", 2)
    assert "error: there is no store" in said
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_meant(folder):
    """An unknown id, the beginning of several, a state that is none: a line, status 2."""
    first, second = (run["id"] for run in listed(folder))
    begin = first[: next(at for at in range(len(first)) if first[at] != second[at])]
    for words, text in (
        (["show", "xyz"], "there is no run 'xyz'"),
        (["show", begin], "several ids"),
        (["list", "--state", "LOST"], "the states of runs are PENDING"),
        (["list", "--tag", "x"], "NAME=VALUE"),
        (["list", "--store", "runs.db"], "no URL"),
        (["retry", second], "only what failed"),
    ):
        output, said, status = woflo(folder, *words)
        assert (output, status, len(said.splitlines())) == ("", 2, 1)
        assert text in said


def test_tried_again(folder):
    """What succeeded is not done again; the new id is printed, and that nobody is there who would execute it."""
    failed = listed(folder, "--state", "FAILED")[0]["id"]
    (folder / "effects").unlink()
    (folder / "three").touch()
    output, said, status = woflo(folder, "retry", failed)
    assert (status, "no worker is alive" in said) == (0, True)
    assert woflo(folder, "worker", "app.py", "--once")[2] == 0
    (run,) = json.loads(woflo(folder, "show", "--json", output.strip())[0])
    assert (run["state"], run["result"], run["continues"]) == ("SUCCEEDED", 10, failed)
    assert (folder / "effects").read_text() == "3\n4\n"


def test_restarted_and_forked(folder):
    """From the beginning, or from a step on."""
    succeeded = listed(folder, "--state", "SUCCEEDED")[0]["id"]
    (folder / "effects").unlink()
    again = woflo(folder, "restart", succeeded)[0].strip()
    forked = woflo(folder, "fork", succeeded, "2", "--key", "beside")[0].strip()
    assert woflo(folder, "worker", "app.py", "--once")[2] == 0
    runs = {run["id"]: run for run in listed(folder)}
    assert runs[again]["state"] == runs[forked]["state"] == "SUCCEEDED"
    assert runs[forked]["key"] == "beside"
    assert sorted((folder / "effects").read_text().split()) == ["0", "1", "1"]


def test_answered_from_the_terminal(folder):
    """A manual step gets its value, a workflow its signal; neither asks for the code."""
    store = SQLiteStore(folder / ".woflo" / "woflo.db")
    try:
        run = python(folder, "from app import ask; run = ask(); print(run.id)").strip()
        with Program(folder, "", command=[sys.executable, "-m", "woflo", "worker", "app.py"]) as worker:
            assert woflo(folder, "send", run, "word", "not JSON", "--id", "1")[2] == 0
            assert "was already" in woflo(folder, "send", run, "word", "2", "--id", "1")[1]
            worker._wait_until(lambda: store.steps(run), "question", 30)
            assert woflo(folder, "complete", store.steps(run)[0].id, "true")[2] == 0
            worker._wait_until(lambda: store.get(run).is_terminal, "end", 30)
            assert store.get(run).result == '"True not JSON"'
    finally:
        store.close()


def test_stopped_from_the_terminal(folder):
    """One that nobody executes has ended at once; one that has ended stays as it is."""
    run = python(folder, "from app import ask; run = ask(); print(run.id)").strip()
    assert f"{run} is STOPPED" in woflo(folder, "stop", run)[1]
    assert "has ended, STOPPED" in woflo(folder, "stop", run)[1]
    assert "stopped by `woflo stop`" in woflo(folder, "list", "--limit", "1")[0]


def test_the_version(tmp_path):
    """On a line."""
    from woflo import __version__

    assert woflo(tmp_path, "--version") == (f"woflo {__version__}\n", "", 0)
    assert "did you mean 'settings'?" in woflo(tmp_path, "setings")[1]
