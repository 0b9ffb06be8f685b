"""A process that writes to an SQLite store is killed: what was acknowledged is there, whole, and nothing is damaged."""

from __future__ import annotations

import random
import sqlite3
from contextlib import ExitStack

import pytest
from store_programs import Program

from woflo.stores.sqlite import SQLiteStore

WRITER = """
store = SQLiteStore(path)
store.write(Beat(now=1.0, worker=WorkerRow(id="w", host="h", pid=1, lease_until=1e12), is_first=True))

def write(thread):
    name = f"{sys.argv[2]}.{thread}"
    (accepted,) = store.write(Submit(now=1.0, runs=(Row(id=name, task="t", worker="w"),)))
    number = 0
    while True:
        step = [Row(id=f"{name}:{number}.{part}", task="s", queue=None, parent_id=name, state="SUCCEEDED",
                    args="x" * 500) for part in "ab"]
        step = tuple(one.changed(state=accepted.row.state.SUCCEEDED) for one in step)
        store.write(Record(now=2.0, claim=accepted.row.claim, steps=step))
        say(f"{name}:{number}")
        number += 1

for thread in range(4):
    threading.Thread(target=write, args=(thread,)).start()
"""
"""Four threads, each of which records pairs of steps and tells it when they are kept."""


@pytest.mark.parametrize("processes", [1, 3])
def test_what_was_acknowledged_is_there(tmp_path, processes):
    """After `kill -9` at random moments of processes that write without a pause."""
    path = tmp_path / "runs.db"
    acknowledged = set()
    for turn in range(3):
        with ExitStack() as stack:
            writers = [stack.enter_context(Program(WRITER, path, f"{turn}.{number}")) for number in range(processes)]
            for writer in writers:
                for _ in range(random.randrange(1, 200)):
                    acknowledged.add(writer.hear())
            for writer in writers:
                writer.process.kill()
            for writer in writers:
                acknowledged.update(writer.rest())
    acknowledged = {name for name in acknowledged if name and name.count(":") == 1}
    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store = SQLiteStore(path)
    there = {row.id for row in store.snapshot().runs}
    store.close()
    assert acknowledged
    assert {f"{name}.{part}" for name in acknowledged for part in "ab"} <= there
    steps = {name for name in there if ":" in name}
    assert steps == {f"{name[:-2]}.{part}" for name in steps for part in "ab"}
