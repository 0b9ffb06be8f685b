"""The virtual environment of upstream woflo 0.8.2, made on first use and kept in the cache folder.

python -m benchmarks.upstream      # make it and print its interpreter
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

VERSION = "0.8.2"
CALLS = Path(__file__).with_name("upstream_calls.py")


class UpstreamMissingError(Exception):
    """Upstream woflo cannot be measured here; the message says why."""


@cache
def upstream_python(given: str | None = None) -> str:
    """The interpreter that has upstream woflo: the `given` one, or that of the kept environment."""
    python = given or str(_interpreter(_folder()))
    if not _has_upstream(python):
        if given:
            raise UpstreamMissingError(f"{given} cannot import woflo {VERSION}")
        _make(_folder())
    if not _has_upstream(python):
        raise UpstreamMissingError(f"the environment {_folder()} cannot import woflo {VERSION}")
    return python


def _folder() -> Path:
    """One environment per Python version, since packages are compiled for it."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    python = f"py{sys.version_info.major}.{sys.version_info.minor}"
    return cache_home / "woflo-bench" / f"upstream-{VERSION}-{python}"


def _interpreter(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _has_upstream(python: str) -> bool:
    """Asked with -P, so that a `woflo` in the current folder is not taken for it."""
    code = f"import woflo, importlib.metadata as m; assert m.version('woflo') == '{VERSION}'"
    try:
        return subprocess.run([python, "-P", "-c", code], capture_output=True).returncode == 0
    except OSError:
        return False


def _make(folder: Path) -> None:
    print(f"making an environment for woflo {VERSION} in {folder}", file=sys.stderr)
    _run(sys.executable, "-m", "venv", "--clear", str(folder))
    _run(str(_interpreter(folder)), "-m", "pip", "install", "--quiet", f"woflo=={VERSION}")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise UpstreamMissingError(f"{Path(command[0]).name} {command[2]} failed: {last}")


if __name__ == "__main__":
    print(upstream_python())
