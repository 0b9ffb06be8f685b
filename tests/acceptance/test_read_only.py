"""Commands that only look, in folders that nobody can write."""

import json
import subprocess
import sys

import pytest
from programs import environment
from programs import woflo_command as woflo

APP = """
from woflo import script, workflow

make = script("cp {inputs} {outputs}", inputs="in.txt", outputs="out.txt", name="make")

@workflow
def flow() -> int:
    return 7
"""
PROTECTED = 'mount --bind . . && mount -o remount,bind,ro . && cd "$PWD" && exec "$@"'


def looking(folder, *words):
    """A command in this folder while it is read-only, also for root."""
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", PROTECTED, "sh", sys.executable, "-m", "woflo", *words],
        cwd=folder,
        env={**environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout, done.stderr, done.returncode


@pytest.fixture
def folder(tmp_path):
    try:
        works = ["unshare", "-rm", "sh", "-c", PROTECTED, "sh", "sh", "-c", "! touch x 2>/dev/null"]
        subprocess.run(works, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no folder can be made read-only here")
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "in.txt").touch()
    return tmp_path


def test_a_store_that_cannot_be_written(folder):
    """Is looked at all the same; what would write says so."""
    assert woflo(folder, "run", "app.py", "out.txt", "-q")[2] == 0
    assert woflo(folder, "run", "app.py", "flow", "-q")[2] == 0
    run_id = json.loads(woflo(folder, "list", "--json")[0])[0]["id"]
    there = sorted(folder.rglob("*"))
    for words in (
        ["list"],
        ["show", run_id],
        ["history"],
        ["report", "out.txt"],
        ["why", "out.txt"],
        ["why", "app.py", "out.txt"],
        ["run", "app.py", "out.txt", "--dry-run"],
        ["run", "app.py", "out.txt", "--dry-run", "--store", "sqlite:///.woflo/woflo.db"],
    ):
        output, said, status = looking(folder, *words)
        assert (status, "error" in said) == (0, False), (words, said)
        assert output or "up to date" in said or "as they were" in said
    output, said, status = looking(folder, "restart", run_id)
    assert (output, len(said.splitlines()), status) == ("", 1, 1)
    assert "cannot be written" in said
    assert sorted(folder.rglob("*")) == there


def test_without_a_store(folder):
    """What hinders the look is told, and not that all is up to date."""
    for words in (["why", "app.py", "out.txt"], ["run", "app.py", "out.txt", "--dry-run"]):
        output, said, status = looking(folder, *words)
        assert (output, len(said.splitlines()), status) == ("", 1, 1)
        assert said.startswith("error: ")
        assert "up to date" not in said
