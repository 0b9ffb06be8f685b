"""A process that writes to an SQLite store is killed: what was acknowledged is there, whole, and nothing is damaged."""

from __future__ import annotations

import sqlite3

import pytest
from process_helpers import assert_kept_whole, told_by_killed_writers

from woflo.stores.sqlite import SQLiteStore

OPEN = "store = SQLiteStore(path)"


@pytest.mark.parametrize("processes", [1, 3])
def test_what_was_acknowledged_is_there(tmp_path, processes):
    """After `kill -9` at random moments of processes that write without a pause."""
    path = tmp_path / "runs.db"
    acknowledged = told_by_killed_writers(OPEN, path, processes=processes, most=200)
    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store = SQLiteStore(path)
    assert_kept_whole(store, acknowledged)
    store.close()
