"""`python -m benchmarks.store_spread`: what medians do not show of the SQLite store.

How long a wake-up of another process takes, at the median and at the worst of a hundred; and how evenly processes that
write without a pause get their turns, beside the same processes with SQLite's own waiting.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.report import aligned, duration
from benchmarks.store import adding, by_hand, folder, row, store, url_of, waking

SECONDS = 3.0
WAKE_UPS = 1000


def worst_of_hundred(samples: Sequence[float]) -> float:
    """The 99th percentile."""
    return sorted(samples)[len(samples) * 99 // 100]


def told(name: str, samples: Sequence[float], *more: str) -> tuple[str, ...]:
    """A line of a table."""
    middle = sorted(samples)[len(samples) // 2]
    return (name, duration(middle), duration(worst_of_hundred(samples)), duration(max(samples)), *more)


# -- wake-ups ------------------------------------------------------------------------------------------


def times(act: Callable[[], object]) -> list[float]:
    """Seconds that it takes, each time."""
    found = []
    for _ in range(WAKE_UPS):
        begun = time.perf_counter()
        act()
        found.append(time.perf_counter() - begun)
    return found


def wake_ups() -> list[float]:
    """From the beginning of a write to the answer of the process that saw it."""
    with waking(store, url_of) as wake:
        return times(wake)


def bare_commits() -> list[float]:
    """A commit, and nobody is woken."""
    sql, values = adding()
    with by_hand() as connection:

        def commit() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(sql, values(row()))
            connection.execute("COMMIT")

        return times(commit)


# -- turns ---------------------------------------------------------------------------------------------


def write_as_store(path: str) -> Callable[[], object]:
    """Submits a run."""
    from woflo.stores.operations import Submit
    from woflo.stores.sqlite import SQLiteStore

    made = SQLiteStore(path)
    mark = os.getpid()
    return lambda: made.write(Submit(now=1.0, runs=(row(key=f"{mark}.{time.monotonic_ns()}"),)))


def write_by_hand(path: str) -> Callable[[], object]:
    """Adds a row, with the patience of SQLite's own busy handler."""
    import sqlite3

    sql, values = adding()
    connection = sqlite3.connect(path, isolation_level=None, timeout=60)
    connection.execute("PRAGMA synchronous = FULL")
    mark = os.getpid()

    def write() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(sql, values(row(key=f"{mark}.{time.monotonic_ns()}")))
        connection.execute("COMMIT")

    return write


WRITERS = {"woflo": write_as_store, "busy handler": write_by_hand}


def write_for_a_while(kind: str, path: str, seconds: str, number: str) -> None:
    """One of the processes: what it takes each time, as JSON."""
    import itertools

    from benchmarks import store as module

    module._numbers = itertools.count(int(number) * 100_000_000)
    write = WRITERS[kind](path)
    write()
    print("ready", flush=True)
    sys.stdin.readline()
    found, end = [], time.perf_counter() + float(seconds)
    while (begun := time.perf_counter()) < end:
        write()
        found.append(time.perf_counter() - begun)
    print(json.dumps(found), flush=True)


def turns(kind: str, processes: int, seconds: float = SECONDS) -> list[list[float]]:
    """What each of so many processes takes for each write, so many seconds long."""
    from woflo.stores.sqlite import SQLiteStore

    with folder() as where:
        path = str(where / "runs.db")
        SQLiteStore(path).close()
        command = [sys.executable, "-m", "benchmarks.store_spread", kind, path, str(seconds)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": Path(__file__).parents[1]}
        made = [subprocess.Popen([*command, str(number + 1)], **pipes) for number in range(processes)]
        for process in made:
            assert process.stdout.readline() == "ready\n"
        for process in made:
            print(file=process.stdin, flush=True)
        found = [json.loads(process.stdout.readline()) for process in made]
        for process in made:
            process.communicate()
        return found


def main() -> None:
    """Both tables."""
    rows = [("wake-ups", "half within", "99 % within", "longest")]
    rows += [told("woflo, commit included", wake_ups()), told("bare commit, nobody woken", bare_commits())]
    print("\n".join(aligned(rows)))
    rows = [("processes", "half within", "99 % within", "longest", "writes/s", "slowest / fastest")]
    for processes in (1, 2, 4):
        for kind in WRITERS:
            found = turns(kind, processes)
            counts = [len(samples) for samples in found]
            all_of_them = [sample for samples in found for sample in samples]
            evenly = f"{min(counts) / max(counts):.2f}"
            rows.append(told(f"{processes} x {kind}", all_of_them, f"{sum(counts) / SECONDS:.0f}", evenly))
    print("\n" + "\n".join(aligned(rows)))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write_for_a_while(*sys.argv[1:])
    else:
        main()
