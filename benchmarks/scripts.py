"""Scripts: many short commands, and looking whether there is anything to do; whole programs, started one after another.

The folder is one of files in memory where there is such a one: what is measured is the program and not the disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.elsewhere import DOIT
from benchmarks.model import Body, Figure, Opener, at_most, beside, floor, lives_in, ours, peer

MEMORY = "/dev/shm"
TRUE = """
import sys
from woflo import gather, script

true = script("true", max_concurrency=2)
print(len(gather(*[true() for _ in range(int(sys.argv[1]))]).get_result()))
"""
COPIES = """
import sys
from woflo import gather, script, touch

copy = script("cp {inputs} {outputs}", inputs="in_{i}.txt", outputs="out_{i}.txt", name="copy")
numbers = range(int(sys.argv[1]))
if len(sys.argv) > 2:
    for i in numbers:
        touch(copy, i=i)
else:
    runs = [copy(i=i) for i in numbers]
    gather(*runs).get_result()
    print(sum(run.state == "SKIPPED" for run in runs))
"""


CALLED = """
from woflo import gather, script, touch

copy = script("cp {inputs} {outputs}", inputs="in_{i}.txt", outputs="out_{i}.txt", name="copy")

def copies(n: int):
    gather(*[copy(i=i) for i in range(n)]).get_result()

def accept(n: int):
    for i in range(n):
        touch(copy, i=i)
"""


@contextmanager
def project() -> Iterator[Path]:
    """An empty folder."""
    where = MEMORY if os.path.isdir(MEMORY) else None
    with tempfile.TemporaryDirectory(prefix="woflo-bench-", dir=where, ignore_cleanup_errors=True) as name:
        (Path(name) / "woflo.toml").touch()
        yield Path(name)


def told(folder: Path, *command: str) -> tuple[str, float]:
    """What a program says, and the seconds that it takes."""
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout, time.perf_counter() - begun


def at_terminal(folder: Path, *command: str) -> tuple[str, float]:
    """What a program writes to a terminal, and the seconds that it takes."""
    ours, its = os.openpty()
    begun = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"TERM": "xterm"}
    with subprocess.Popen(command, cwd=folder, stdin=its, stdout=its, stderr=its, env=environment):
        os.close(its)
        output = b""
        with suppress(OSError):  # which is how its end is told
            while part := os.read(ours, 65536):
                output += part
        os.close(ours)
    return output.decode(), time.perf_counter() - begun


def write_copies(folder: Path, n: int) -> None:
    """Inputs and outputs that are up to date by their times."""
    for i in range(n):
        (folder / f"in_{i}.txt").write_text(str(i))
    for i in range(n):
        (folder / f"out_{i}.txt").write_text(str(i))


def program(text: str, *, with_copies: bool = False) -> Opener:
    """A program of ours, whose answer is what it prints."""

    @contextmanager
    def opened() -> Iterator[Body]:
        with project() as folder:
            (folder / "program.py").write_text(text)
            prepared: set[int] = set()

            def body(n: int) -> tuple[int, list[float]]:
                if with_copies and n not in prepared:
                    write_copies(folder, n)
                    told(folder, sys.executable, "program.py", str(n), "prepare")
                    prepared.add(n)
                output, seconds = told(folder, sys.executable, "program.py", str(n))
                return int(output), [seconds / n]

            yield body

    return opened


def command(*, terminal: bool) -> Opener:
    """The same function of a file, called by `woflo run`, which writes to a pipe or to a terminal."""

    @contextmanager
    def opened() -> Iterator[Body]:
        with project() as folder:
            (folder / "app.py").write_text(CALLED)
            prepared: set[int] = set()

            def body(n: int) -> tuple[int, list[float]]:
                if n not in prepared:
                    write_copies(folder, n)
                    told(folder, sys.executable, "-m", "woflo", "run", "app.py:accept", "--arg", f"n={n}", "-q")
                    prepared.add(n)
                words = [sys.executable, "-m", "woflo", "run", "app.py:copies", "--arg", f"n={n}"]
                output, seconds = (at_terminal if terminal else told)(folder, *words)
                assert f"{n:,} skipped" in output, output
                return n, [seconds / n]

            yield body

    return opened


def make(rules: str, *, with_copies: bool = False) -> Opener:
    """The same rules, n times, for `make -j2`."""

    @contextmanager
    def opened() -> Iterator[Body]:
        with project() as folder:
            prepared: set[int] = set()

            def body(n: int) -> tuple[int, list[float]]:
                if n not in prepared:
                    names = " ".join(f"out_{i}.txt" for i in range(n))
                    text = f"all: {names}\n" + "".join(rules.replace("NUMBER", str(i)) for i in range(n))
                    (folder / f"Makefile{n}").write_text(text)
                    if with_copies:
                        write_copies(folder, n)
                    prepared.add(n)
                _, seconds = told(folder, "make", "-srR", "-j2", "-f", f"Makefile{n}")
                return n, [seconds / n]

            yield body

    return opened


@contextmanager
def spawned() -> Iterator[Body]:
    """A program that spawns the commands, one after another, in one thread."""

    def body(n: int) -> int:
        for _ in range(n):
            os.waitpid(os.posix_spawnp("true", ["true"], os.environ), 0)
        return n

    yield body


FIGURES = [
    Figure(
        name="script-true",
        title="scripts of `true`, two at a time, every run recorded; whole program",
        unit="script",
        n=1000,
        quick=100,
        expected=lambda n: n,
        rivals=[
            ours(program(TRUE)),
            floor("posix_spawn, one thread", spawned),
            peer("make -j2", make("out_NUMBER.txt:\n\t@true\n")),
        ],
        targets=[at_most(2.0, "make -j2")],
        pins=False,
    ),
    Figure(
        name="script-fresh",
        title="re-check of fresh scripts; whole program",
        unit="script",
        n=10_000,
        quick=1000,
        expected=lambda n: n,
        rivals=[
            ours(program(COPIES, with_copies=True)),
            floor("make", make("out_NUMBER.txt: in_NUMBER.txt\n\tcp $< $@\n", with_copies=True)),
            lives_in(DOIT, "doit", "fresh"),
        ],
        targets=[at_most(0.65, "doit")],
        pins=False,
    ),
    Figure(
        name="script-fresh-command",
        title="the same by `woflo run`, as it is typed; whole command",
        unit="script",
        n=10_000,
        quick=1000,
        expected=lambda n: n,
        rivals=[
            ours(command(terminal=False)),
            beside("at a terminal", command(terminal=True)),
            beside("a program", program(COPIES, with_copies=True)),
            lives_in(DOIT, "doit", "fresh"),
        ],
        targets=[at_most(0.65, "doit")],
        pins=False,
    ),
]
