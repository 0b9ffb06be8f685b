"""Running programs with the package under test."""

import os
import subprocess
import sys
from pathlib import Path

import woflo

ROOT = Path(__file__).parents[2]


def environment():
    """An environment in which a program finds the package under test, and writes UTF-8."""
    path = [str(Path(woflo.__file__).parents[1]), os.environ.get("PYTHONPATH")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), "PYTHONIOENCODING": "utf-8"}


def run_program(*arguments, folder, timeout):
    """Execute a program in a Python of its own, in `folder`, with warnings as errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", *map(str, arguments)],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
