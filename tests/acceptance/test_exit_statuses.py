"""Exit statuses, as `docs/reference/command-line.md` has them in a table: each command with each way to fail."""

import json
import shutil
import sqlite3
import subprocess
import sys
from importlib.util import find_spec

import pytest
from programs import PATIENCE, Program, environment, run
from programs import woflo_command as woflo
from systems import needs_proc

from woflo.cli import COMMANDS

pytestmark = pytest.mark.unmeasured

APP = """
from woflo import script, task, wait_signal, workflow

copy = script("cp {inputs} {outputs}", inputs="a.txt", outputs="b.txt", name="copy")

@task
def plain() -> int:
    return 1

@workflow
def flow(n: int = 1) -> float:
    return plain().get_result() / n

@workflow
def ask() -> str:
    return wait_signal("word")

def calls():
    copy()
"""
SETTINGS = """
from pydantic_settings import BaseSettings
from woflo import inject, task

class Mail(BaseSettings):
    host: str = "localhost"

@task
def post(mail: Mail = inject()) -> None: ...
"""
CALLS = """
from app import *
copy().wait()
flow(1).wait()
flow(0).wait()
asked = ask()
while asked.state != "WAITING":
    pass
"""
ASKING_A_STORE = {
    "list": [],
    "show": ["x"],
    "history": [],
    "report": ["b.txt"],
    "why": ["b.txt"],
    "touch": ["app.py", "b.txt"],
    "clean": ["--dry-run"],
    "logs": ["abcdef"],
    "stop": ["x"],
    "retry": ["x"],
    "resume": ["x"],
    "restart": ["x"],
    "fork": ["x", "1"],
    "send": ["x", "name"],
    "complete": ["x"],
    "pause": ["x"],
    "unpause": ["x"],
    "check": ["app.py"],
    "prune": ["--older-than", "1d"],
    "worker": ["app.py"],
    "run": ["app.py", "flow"],
}
"""Each command that does, with words that could be meant."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    (folder / "app.py").write_text(APP)
    (folder / "a.txt").write_text("a")
    (folder / "woflo.toml").touch()
    status, output = run(folder, CALLS)
    assert status == 0, output
    return folder


@pytest.fixture
def folder(made, tmp_path):
    shutil.copytree(made, tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    return tmp_path / "copy"


def failing(folder, *words, **variables):
    """What a command says on stderr that ends with a status, and that status."""
    output, said, status = woflo(folder, *words, **variables)
    assert output == ""
    assert "Traceback" not in said
    return said, status


def ids(folder):
    return {f"{one['task']} {one['state']}": one["id"] for one in json.loads(woflo(folder, "list", "--json")[0])}


# -- 2: wrong usage ------------------------------------------------------------------------------------


@pytest.mark.unmeasured
@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_that_there_is_not(made, name):
    """A line that names it, a line that tells where to look, status 2."""
    said, status = failing(made, name, "--nope")
    error, hint = said.splitlines()
    assert error.startswith("error: there is no option --nope")
    assert hint == f"hint: `woflo {name} --help` tells what there is"
    assert status == 2


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["lst"], "there is no command 'lst'; did you mean 'list'?"),
        (["show"], "missing argument 'RUN'"),
        (["list", "--stat", "FAILED"], "there is no option --stat; did you mean '--state'?"),
        (["list", "extra"], "unexpected extra argument"),
        (["list", "--limit", "0"], "--limit"),
        (["--store", "x", "list"], "there is no option --store"),
    ],
)
def test_words_that_there_are_not(made, words, text):
    said, status = failing(made, *words)
    error, hint = said.splitlines()
    assert error.startswith("error: ")
    assert text in error
    assert "--help` tells what there is" in hint
    assert status == 2


@pytest.mark.parametrize(
    "words",
    [
        ["run", "app.py", "flow", "--arg"],
        ["run", "app.py", "b.txt", "--arg"],
        ["why", "app.py", "copy", "--arg"],
        ["run", "job.yaml", "--var"],
        ["graph", "job.yaml", "--var"],
        ["list", "--tag"],
    ],
)
def test_names_and_values(folder, words):
    """Are read in one place: what is none, and what is given twice, is told in the same words by every option."""
    (folder / "job.yaml").write_text("version: 0.1\ntasks:\n  a: {run: 'true'}\n")
    option = words[-1]
    for text in ("x", "=1", " =1"):
        said, status = failing(folder, *words, text)
        assert (said, status) == (f"error: {option} {text!r} must be NAME=VALUE\n", 2)
    said, status = failing(folder, *words, "n=1", option, "n=2")
    assert said.startswith(f"error: {option} 'n=2': n is given twice; ")
    assert (len(said.splitlines()), status) == (1, 2)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["run", "ap.py", "flow"], "did you mean 'app.py'?"),
        (["prune", "--older-than", "x"], "error: --older-than 'x' must be a time such as '30d'"),
        (["prune", "--older-than", "1d", "--state", "x"], "error: --state 'x': only what has ended"),
        (["run", "app.py", "flow", "--dry-run", "--store", "new.db"], "write one as sqlite:///new.db"),
    ],
)
def test_values_that_cannot_be_meant(made, words, text):
    """They are told as they were written."""
    said, status = failing(made, *words)
    assert text in said
    assert (len(said.splitlines()), status) == (1, 2)


@pytest.mark.parametrize("name", [one for one, words in ASKING_A_STORE.items() if "x" in words and "pause" not in one])
def test_a_run_that_there_is_not(made, name):
    said, status = failing(made, name, *ASKING_A_STORE[name])
    assert said == "error: there is no run 'x' in this store; `woflo list` tells which there are\n"
    assert status == 2


@pytest.mark.parametrize(
    ("words", "run", "text"),
    [
        (["retry", "RUN"], "flow SUCCEEDED", "only what failed or was stopped is tried again"),
        (["resume", "RUN"], "flow SUCCEEDED", "SUCCEEDED"),
        (["restart", "RUN"], "ask WAITING", "stop it first"),
        (["fork", "RUN", "7"], "flow SUCCEEDED", "7"),
        (["send", "RUN", "word"], "flow FAILED", "cannot reach it"),
        (["complete", "RUN"], "flow FAILED", "FAILED"),
    ],
)
def test_a_run_that_is_not_as_it_must_be(made, words, run, text):
    """The store is as it should be, and so this is no failure of it: status 2."""
    before = ids(made)
    said, status = failing(made, *[before[run] if word == "RUN" else word for word in words])
    assert text in said
    assert (len(said.splitlines()), status) == (1, 2)
    assert ids(made) == before


def test_the_command_alone(made):
    """Its help, on stderr, and status 2: in a program a word is missing."""
    said, status = failing(made)
    assert said.startswith("Usage: woflo ")
    assert "Tell which runs a store has" in said
    assert status == 2


# -- 1: it could not be done ---------------------------------------------------------------------------


@pytest.mark.unmeasured
@pytest.mark.parametrize("name", [one for one in COMMANDS if one not in ("graph", "settings")])
def test_a_store_that_is_damaged(folder, name):
    """By each command that asks a store: a line that names it, and status 1."""
    (folder / "damaged.db").write_bytes(b"no database " * 1000)
    said, status = failing(folder, name, *ASKING_A_STORE[name], WOFLO_STORE="sqlite:///damaged.db")
    assert said.startswith("error: ")
    assert "damaged.db: the file is damaged" in said
    assert (len(said.splitlines()), status) == (1, 1)


@pytest.mark.parametrize(
    "words",
    [
        ["run", "app.py", "copy", "-q"],
        ["run", "app.py", "b.txt", "-q"],
        ["run", "app.py", "calls", "-q"],
        ["run", "app.py", "b.txt", "--dry-run"],
        ["run", "app.py", "calls", "--dry-run", "--json"],
        ["why", "app.py", "b.txt"],
    ],
)
def test_scripts_with_a_store_that_is_damaged(folder, words):
    """What cannot be known is not told as up to date."""
    (folder / "damaged.db").write_bytes(b"no database " * 1000)
    said, status = failing(folder, *words, WOFLO_STORE="sqlite:///damaged.db")
    assert "damaged.db: the file is damaged" in said
    assert status == 1


def test_a_store_of_a_newer_woflo(folder):
    """Is left as it is."""
    path = folder / ".woflo" / "woflo.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for words in (["list"], ["run", "app.py", "flow", "-q"]):
        said, status = failing(folder, *words)
        assert "install a newer woflo" in said
        assert (len(said.splitlines()), status) == (1, 1)


@pytest.mark.skipif(find_spec("psycopg") is None, reason="psycopg is not installed")
def test_a_store_that_cannot_be_reached(made):
    said, status = failing(made, "list", "--store", "postgresql://me:hidden@127.0.0.1:1/none")
    assert "the server cannot be reached" in said
    assert "hidden" not in said
    assert (len(said.splitlines()), status) == (1, 1)


def test_a_file_that_cannot_be_written(tmp_path):
    """Whatever the system says, it is a line."""
    (tmp_path / "app.py").write_text(SETTINGS)
    (tmp_path / "woflo.toml").mkdir()
    said, status = failing(tmp_path, "settings", "app.py", "--write")
    assert "Is a directory: 'woflo.toml'" in said
    assert (len(said.splitlines()), status) == (1, 2)


# -- interrupted, and read no further ------------------------------------------------------------------


@needs_proc
@pytest.mark.parametrize("words", [["logs", "RUN", "-f"], ["clean"]])
def test_interrupted(folder, words):
    """Ctrl-C ends what waits, with status 130 and without a traceback; what would have been removed is there."""
    asked = ids(folder)["ask WAITING"]
    command = [sys.executable, "-m", "woflo", *[asked if word == "RUN" else word for word in words]]
    with Program(folder, "", terminal=True, command=command) as program:
        if words == ["clean"]:
            program.wait_for("Remove 1 file?")
        else:
            program.watch(1)  # nothing is printed: there is nothing in its log
        program.press_ctrl_c()
        assert program.wait() == 130
        assert "Traceback" not in program.read()
    assert (folder / "b.txt").exists()


@pytest.mark.parametrize(
    "words", [["list"], ["list", "--json"], ["show", "RUN"], ["--help"], ["graph", "app.py", "b.txt"]]
)
def test_nobody_reads_any_more(folder, words):
    """As with `| head -1`: nothing is said about it."""
    asked = ids(folder)["ask WAITING"]
    command = [sys.executable, "-m", "woflo", *[asked if word == "RUN" else word for word in words]]
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@" | true', "sh", *command],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert done.stderr == ""
