"""The rivals of doit; runs in the environment that `elsewhere.py` makes for it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rival

DODO = """
def task_copy():
    for i in range({n}):
        yield {{
            "name": str(i),
            "actions": [f"cp in_{{i}}.txt out_{{i}}.txt"],
            "file_dep": [f"in_{{i}}.txt"],
            "targets": [f"out_{{i}}.txt"],
        }}
"""
RESET = "reset-dep"
"""Its command that takes what is there for up to date."""


@contextmanager
def fresh() -> Iterator[rival.Body]:
    """Copies that are up to date, looked at once more by its whole command."""
    where = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="doit-bench-", dir=where, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        prepared: set[int] = set()

        def doit(n: int, word: str) -> float:
            command = [sys.executable, "-m", "doit", word, "-f", f"dodo_{n}.py"]
            begun = time.perf_counter()
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            return time.perf_counter() - begun

        def body(n: int) -> tuple[int, list[float]]:
            if n not in prepared:
                (folder / f"dodo_{n}.py").write_text(DODO.format(n=n))
                for kind in ("in", "out"):
                    for i in range(n):
                        (folder / f"{kind}_{i}.txt").write_text(str(i))
                doit(n, RESET)
                prepared.add(n)
            return n, [doit(n, "run") / n]

        yield body


if __name__ == "__main__":
    rival.serve_calls({"fresh": fresh})
