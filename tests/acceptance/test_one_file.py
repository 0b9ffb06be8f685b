"""`woflo.pyz`: one file that unpacks itself, for hosts where nothing can be installed."""

import json
import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from systems import needs_fork

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/locked-down-hosts.md"
APP = """
import os
from woflo import task

@task(runner="queue")
def double(x: int) -> int:
    return 2 * x

@task(runner="multiprocess")
def apart() -> int:
    return os.getppid()
"""

pytestmark = [
    needs_fork,
    pytest.mark.unmeasured,
    pytest.mark.timeout(400),
    pytest.mark.skipif(find_spec("shiv") is None, reason="shiv makes the file, and is not installed (extra `test`)"),
]


def command():
    """The one that the documentation tells."""
    (found,) = re.findall(r"^shiv .*$", PAGE.read_text(), re.MULTILINE)
    return shlex.split(found)


@pytest.fixture(scope="module")
def pyz(tmp_path_factory):
    """The file, made from this tree by that command."""
    made = tmp_path_factory.mktemp("made") / "woflo.pyz"
    _, *options = command()
    words = [str(made) if word == "woflo.pyz" else word for word in options]
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    build = [sys.executable, "-m", "shiv", *words]
    subprocess.run(build, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=300)
    return made


def run(pyz, folder, *words):
    """A program that knows nothing of this environment, in a folder of its own."""
    python = getattr(sys, "_base_executable", sys.executable)
    environment = {"PATH": os.defpath, "HOME": str(folder), "SHIV_ROOT": str(folder / "unpacked"), "LC_ALL": "C.UTF-8"}
    ended = subprocess.run(
        [python, "-I", pyz, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended


def test_a_worker_of_a_folder(pyz, tmp_path):
    """Calls that others put into the folder are executed, in processes too, by an interpreter that has nothing else."""
    (tmp_path / "app.py").write_text(APP)
    work = tmp_path / "work"
    (work / "queue").mkdir(parents=True)
    (work / "queue/a.json").write_text('{"task": "double", "args": {"x": 21}}')
    (work / "queue/b.json").write_text('{"task": "apart"}')
    run(pyz, tmp_path, "worker", "app.py", "--store", f"dir:///{work}", "--once")
    results = {path.stem: json.loads(path.read_text()).get("result") for path in (work / "done").glob("*.json")}
    assert results["a"] == 42
    assert results["b"] > 0
    assert not list((work / "rejected").iterdir())


def test_it_is_all_that_is_needed(pyz, tmp_path):
    """What it imports comes out of the file, and not from where it was made."""
    ended = run(pyz, tmp_path, "--help")
    assert "worker" in ended.stdout
    unpacked = [path for path in (tmp_path / "unpacked").iterdir() if path.is_dir()]
    assert any((path / "site-packages/woflo/__init__.py").is_file() for path in unpacked)
    assert any(list(path.glob("site-packages/pydantic_core/*.so")) for path in unpacked)
