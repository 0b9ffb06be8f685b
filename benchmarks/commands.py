"""What the command line costs before it does anything: whole programs, beside one of typer's with nothing in it.

Help is compared with help, and a command with a command: typer needs pydantic for the values of options, and imports it
when the first command is executed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.model import Body, Figure, Opener, at_most, floor, ours

BARE = "typer, nothing in it"
PROGRAM = """
import typer

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def one(times: int = 1) -> None:
    "Do nothing."


@app.command()
def other(times: int = 1) -> None:
    "Do nothing else."


app()
"""
RUNS = 100


@contextmanager
def folder() -> Iterator[Path]:
    """A folder with that program, and a store with some runs."""
    from woflo.stores.operations import Submit
    from woflo.stores.rows import Row
    from woflo.stores.sqlite import SQLiteStore

    with tempfile.TemporaryDirectory(prefix="woflo-bench-", ignore_cleanup_errors=True) as name:
        where = Path(name)
        (where / "bare.py").write_text(PROGRAM)
        with closing(SQLiteStore(where / ".woflo" / "woflo.db")) as store:
            rows = tuple(Row(id=f"{number:028x}", task="task", created_at=1.7e9) for number in range(RUNS))
            store.write(Submit(now=1.7e9, runs=rows))
        yield where


def command(*words: str) -> Opener:
    """An interpreter that executes this, n times."""

    @contextmanager
    def opened() -> Iterator[Body]:
        with folder() as where:

            def body(n: int) -> int:
                done = [
                    subprocess.run([sys.executable, *words], cwd=where, check=True, stdout=subprocess.DEVNULL)
                    for _ in range(n)
                ]
                return len(done)

            yield body

    return opened


def _figure(name: str, title: str, word: str, *bare: str) -> Figure:
    return Figure(
        name=name,
        title=title,
        unit="command",
        n=10,
        quick=2,
        expected=lambda n: n,
        rivals=[ours(command("-m", "woflo", word)), floor(BARE, command("bare.py", *bare))],
        targets=[at_most(1.3, BARE)],
    )


FIGURES = [
    _figure("command-help", "woflo --help", "--help", "--help"),
    _figure("command-list", f"woflo list, in a folder with {RUNS} runs", "list", "one", "--times", "2"),
]
