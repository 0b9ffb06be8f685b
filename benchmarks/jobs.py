"""Jobs from files: what it takes to read and check many steps, and a whole program that executes steps without work."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks import elsewhere
from benchmarks.model import Body, Figure, at_least, lives_in, ours, within

FLOWMANCER = "flowmancer, process"
TASKS = """
from woflo import task

@task
def noop(n: int = 0) -> None:
    pass
"""
MAIN = """
import sys
from woflo import Job

if __name__ == "__main__":
    sys.exit(Job.main())
"""


@contextmanager
def project() -> Iterator[Path]:
    """A folder with a driver and tasks."""
    with tempfile.TemporaryDirectory(prefix="job-", dir=Path(__file__).parent, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "tasks").mkdir()
        (folder / "tasks" / "noops.py").write_text(TASKS)
        (folder / "main.py").write_text(MAIN)
        yield folder


@contextmanager
def planning() -> Iterator[Body]:
    """Load a job of `n` steps with arguments, in chains of ten: read, check, plan."""
    from woflo import Job

    with project() as folder:
        path = folder / "job.yaml"

        def body(n: int) -> int:
            steps = "".join(
                f"  t{number}:\n    task: noop\n    parameters: {{n: {number}}}\n"
                f"    dependencies: [{f't{number - 1}' if number % 10 else ''}]\n"
                for number in range(n)
            )
            path.write_text(f"version: 0.1\ntasks:\n{steps}")
            return len(Job.load(path).steps)

        yield body


@contextmanager
def program() -> Iterator[Body]:
    """Execute a job of `n` steps without work, each kept in the SQLite store, in a program of its own."""
    with project() as folder:

        def body(n: int) -> int:
            steps = "".join(f"  t{number}: {{task: noop}}\n" for number in range(n))
            (folder / "job.yaml").write_text(f"version: 0.1\ntasks:\n{steps}")
            (folder / ".woflo" / "woflo.db").unlink(missing_ok=True)
            subprocess.run([sys.executable, "main.py"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
            with closing(sqlite3.connect(folder / ".woflo" / "woflo.db")) as store:
                ((count,),) = store.execute("SELECT count(*) FROM runs WHERE scope != '' AND state = 'SUCCEEDED'")
            return int(count)

        yield body


FIGURES = [
    Figure(
        name="job-plan",
        title="a job file of 10,000 steps: load, check, plan",
        unit="step",
        n=10_000,
        quick=1_000,
        expected=lambda n: n,
        rivals=[ours(planning)],
        targets=[within(150e-6)],
        pins=False,
    ),
    Figure(
        name="job-run",
        title="a job of 1,000 steps without work, the whole program, each step kept on disk",
        unit="step",
        n=1_000,
        quick=100,
        expected=lambda n: n,
        rivals=[ours(program), lives_in(elsewhere.FLOWMANCER, FLOWMANCER, "program")],
        targets=[at_least(10, FLOWMANCER), within(0.8e-3)],
        pins=False,
    ),
]
