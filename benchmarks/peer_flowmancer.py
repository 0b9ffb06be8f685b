"""The rival of flowmancer; runs in the environment that `elsewhere.py` makes for it.

Without its progress bar and its log file, which cost it more than the job. It starts a process for each task.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import rival

TASKS = """
from flowmancer.task import Task, task

@task
class Noop(Task):
    def run(self):
        pass
"""
MAIN = """
import sys
from flowmancer import Flowmancer

if __name__ == "__main__":
    sys.exit(Flowmancer().start())
"""


@contextmanager
def program() -> Iterator[Callable[[int], int]]:
    """A driver for a job of so many tasks without work."""
    with tempfile.TemporaryDirectory(prefix="flowmancer-") as name:
        folder = Path(name)
        (folder / "tasks").mkdir()
        (folder / "tasks" / "__init__.py").touch()
        (folder / "tasks" / "noops.py").write_text(TASKS)
        (folder / "main.py").write_text(MAIN)

        def body(n: int) -> int:
            steps = "".join(f"  t{number}: {{task: Noop}}\n" for number in range(n))
            (folder / "job.yaml").write_text(
                f"version: 0.1\nconfig: {{name: noops}}\nloggers: {{}}\nextensions: {{}}\ntasks:\n{steps}"
            )
            command = [sys.executable, "main.py", "-j", "./job.yaml"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            return n

        yield body


rival.serve_calls({"program": program})
