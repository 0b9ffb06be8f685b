"""The public names are typed: what is right passes the checkers, what is wrong does not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import woflo

HERE = Path(__file__).parent
ROOT = Path(woflo.__file__).parent.parent
CHECKED = HERE / "checked_tasks.py"


def test_the_file_holds_assertions():
    """It cannot pass because it is empty."""
    text = CHECKED.read_text(encoding="utf-8")
    assert text.count("assert_type(") > 30
    assert text.count("# type: ignore[") > 10


def test_mypy_agrees(tmp_path):
    """`mypy --strict` finds every type as asserted and every ignored error where it is expected."""
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", "--cache-dir", tmp_path, CHECKED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_pyright_agrees(tmp_path):
    """Pyright finds the same."""
    pyright = shutil.which("pyright", path=str(Path(sys.executable).parent)) or shutil.which("pyright")
    if pyright is None:
        pytest.fail("pyright is not installed; the extra `test` brings it")
    shutil.copy(CHECKED, tmp_path)
    settings = {
        "include": [CHECKED.name],
        "extraPaths": [str(ROOT)],
        "pythonVersion": "3.11",
        "typeCheckingMode": "strict",
        "enableTypeIgnoreComments": False,
        "reportUnnecessaryTypeIgnoreComment": "error",
        "reportUnknownMemberType": "none",  # `retry_sleep_time` takes strategies of any kind
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    ended = subprocess.run(
        [pyright, "--pythonpath", sys.executable, "--outputjson"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(ended.stdout)
    assert told["summary"]["filesAnalyzed"] == 1, ended.stdout
    errors = [f"{one['range']['start']['line'] + 1}: {one['message']}" for one in told["generalDiagnostics"]]
    assert errors == []
