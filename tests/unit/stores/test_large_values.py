"""Values over a megabyte: where they stand, what a crash leaves, and how much memory they take."""

from __future__ import annotations

import gc
import json
import os
import sqlite3
import tracemalloc
from typing import Any

import pytest
from process_helpers import submit
from store_programs import Program

from woflo.errors import SerializationError, StoreError
from woflo.stores import blobs, codec
from woflo.stores.blobs import REST
from woflo.stores.directory import DirectoryStore
from woflo.stores.operations import Beat, ClaimReady, Forget, Submit, Sweep
from woflo.stores.rows import Row, WorkerRow
from woflo.stores.sqlite import SQLiteStore

MEGABYTE = 1024 * 1024


def values(folder):
    return sorted(os.listdir(folder / ".woflo/values"))


def test_a_directory_has_them_as_files(folder):
    """One file for each content, readable as it is; the log and the file of the run have its name only."""
    store = DirectoryStore(folder)
    text = json.dumps({"x": "y" * 2 * MEGABYTE})
    store.write(Submit(now=1.0, runs=(Row(id="a", task="t", args=text), Row(id="b", task="t", args=text))))
    (name,) = values(folder)
    assert (folder / ".woflo/values" / name).read_text() == text
    assert (folder / "queue/a.json").stat().st_size < 1000
    assert sum(path.stat().st_size for path in (folder / ".woflo/log").rglob("*") if path.is_file()) < 5000
    store.close()
    again = DirectoryStore(folder)
    assert again.whole(again.get("a").args) == text
    again.close()


def test_a_file_that_is_missing(folder):
    """The value is told as missing, by name; the row itself can be read."""
    store = DirectoryStore(folder)
    store.write(submit("a", size=2 * MEGABYTE))
    for name in values(folder):
        (folder / ".woflo/values" / name).unlink()
    row = store.get("a")
    with pytest.raises(StoreError, match=r"blob:.*missing"):
        store.whole(row.args)
    store.close()


def test_files_without_a_commit(folder):
    """Those of a process that died before its commit go with a sweep, a day later; others stay."""
    store = DirectoryStore(folder)
    store.write(submit("a", size=2 * MEGABYTE))
    (named,) = values(folder)
    for name, age in (("old", 2 * REST), ("new", 0.0)):
        path = folder / ".woflo/values" / f"{name}.json"
        path.write_text("{}")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    store.write(Sweep(now=2.0))
    assert values(folder) == sorted([named, "new.json"])
    store.close()


def test_a_refused_write_leaves_no_file(folder, monkeypatch):
    """Also where the commit failed, unless it was kept after all."""
    store = DirectoryStore(folder)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store._keeper.log, "publish", fail)
        with pytest.raises(StoreError, match="disk is full"):
            store.write(submit("a", size=2 * MEGABYTE))
    assert values(folder) == []
    store.write(submit("a", size=2 * MEGABYTE))
    assert len(store.whole(store.get("a").args)) == 2 * MEGABYTE
    store.close()


def test_removed_late(folder):
    """Who sweeps and is held up before it removes the file takes nothing from who kept the same value meanwhile."""
    store, other = DirectoryStore(folder), DirectoryStore(folder)
    store.write(submit("a", size=2 * MEGABYTE))
    (old,) = values(folder)
    store._keeper.values.remove = lambda places: None
    row = store.get("a")
    claimed = store.write(Submit(now=1.0, runs=(Row(id="w", task="t"),)))
    assert claimed
    other._keeper.model.tables
    forget(store, row)
    other.write(submit("b", size=2 * MEGABYTE))
    (folder / ".woflo/values" / old).unlink()
    assert len(other.whole(other.get("b").args)) == 2 * MEGABYTE
    store.close()
    other.close()


def forget(store, row):
    """Take a run away, and its value with it, because that is a day old."""
    now = 5.0 + REST
    store.write(Beat(now=now, worker=WorkerRow(id="v", host="h", pid=1, lease_until=1e12), is_first=True))
    store.write(ClaimReady(now=now, worker="v", limit=1, tasks=("t",), ids=(row.id,)))
    store.write(Forget(now=now, claim=store.get(row.id).claim))


KILLED = """
blobs.INLINE = 1000
number = 0
while True:
    text = f"{number:06}" * 2000
    store.write(Submit(now=1.0, runs=(Row(id=f"{sys.argv[2]}.{number}", task="t", args=text),)))
    say(number)
    number += 1
"""


@pytest.mark.parametrize("kind", ["SQLiteStore", "DirectoryStore"])
def test_killed_while_writing(tmp_path, kind):
    """Whenever the writer is killed: each row that names a large value can read it."""
    where = tmp_path / "store"
    opening = f"""
from woflo.stores import blobs
from woflo.stores.directory import DirectoryStore
store = {kind}(path)
"""
    for turn in range(5):
        with Program(opening + KILLED, where, str(turn)) as writer:
            for _ in range(3 + 4 * turn):
                writer.hear()
            writer.process.kill()
    store = {"SQLiteStore": SQLiteStore, "DirectoryStore": DirectoryStore}[kind](where)
    rows = store.select(limit=10_000)
    assert len(rows) >= 50
    for row in rows:
        assert store.whole(row.args) == f"{int(row.id.partition('.')[2]):06}" * 2000
    store.close()


def test_in_parts(path):
    """An SQLite file has them in parts of a megabyte, each value once."""
    store = SQLiteStore(path)
    store.write(submit("a", "b", size=5 * MEGABYTE // 2))
    with sqlite3.connect(path) as file:
        parts = file.execute("SELECT number, length(text) FROM chunks ORDER BY number").fetchall()
    assert parts == [(0, MEGABYTE), (1, MEGABYTE), (2, MEGABYTE // 2)]
    store.close()


def test_a_small_value_is_left_alone():
    """The operation is the very same one; nothing is made for it."""
    operation = submit("a", size=blobs.INLINE)
    assert blobs.lightened(operation) is operation
    assert blobs.lightened(submit("a", size=blobs.INLINE + 1)).blobs


@pytest.mark.parametrize("annotation", [str, list[str], Any])
def test_memory(path, annotation):
    """Storing a value takes at most four times its size on top of it, reading it three times on top of what it is."""

    def f(x: annotation) -> None:
        """Takes what is large."""

    store, size = SQLiteStore(path), 20 * MEGABYTE
    value = "x" * size if annotation is str else ["x" * size]

    def keep():
        args = codec.Codec(f).dump_call((value,), {})
        store.write(Submit(now=1.0, runs=(Row(id="a", task="t", args=args),)))

    assert peak(keep) < 4.2 * size
    assert peak(lambda: codec.Codec(f).load_call(store.whole(store.get("a").args))) < 4.2 * size
    store.close()


def peak(do):
    """Bytes that Python objects take while this is done, beside those that were there."""
    gc.collect()
    tracemalloc.start()
    try:
        do()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_too_large(monkeypatch):
    """It is refused at the call, by the name of the parameter and with the way out."""
    monkeypatch.setattr(codec, "MOST", 1000)

    def f(x: str, y: list) -> None:
        """Takes what is too large."""

    for args, name in ((("x" * 1000, []), "x"), (("", ["y" * 1000]), "y")):
        with pytest.raises(SerializationError, match=rf"{name}.*pass the path"):
            codec.Codec(f).dump_call(args, {})
