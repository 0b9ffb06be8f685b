"""The flow of the scriptflow README, in woflo's words, does what it did there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import woflo

EXAMPLE = Path(__file__).parents[2] / "examples" / "sflow.py"
LINES = 38
"""Of the original, its comments and blank lines included."""
RUN = "import asyncio, sflow; asyncio.run(sflow.sleepit())"


def test_the_flow_in_woflos_words(tmp_path):
    """It is no longer than the original, makes what that made, and has nothing to do the second time."""
    text = EXAMPLE.read_text()
    assert len(text.splitlines()) <= LINES
    (tmp_path / "sflow.py").write_text(text)
    env = {**os.environ, "PYTHONPATH": str(Path(woflo.__file__).parents[1])}
    for _ in range(2):
        subprocess.run([sys.executable, "-W", "error", "-c", RUN], cwd=tmp_path, env=env, check=True, timeout=60)
        times = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.txt")}
        assert (tmp_path / "final.txt").read_text() == "9\n"
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.txt")} == times
    assert len(list((tmp_path / ".woflo" / "logs").iterdir())) == 3
