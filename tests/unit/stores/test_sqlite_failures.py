"""When the file, the disk or another program fails the store: errors that say so, and writes that work afterwards."""

from __future__ import annotations

import os
import sqlite3
import subprocess

import pytest
from process_helpers import submit

from woflo.errors import StoreError, WofloError
from woflo.stores.operations import Submit
from woflo.stores.rows import Row
from woflo.stores.sqlite import SQLiteStore, mounts


@pytest.fixture
def store(path):
    made = SQLiteStore(path)
    yield made
    made.close()


def fill(store):
    """Write until it is refused; what was kept, and the error."""
    kept = []
    for number in range(1000):
        try:
            store.write(submit(f"{number:04}", size=20_000))
        except StoreError as error:
            return kept, error
        kept.append(f"{number:04}")
    raise AssertionError("the disk did not become full")


def test_a_full_disk(small_disk):
    """The error names file, cause and way out; what was kept is there, and with room again writes work."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 300_000)
    store = SQLiteStore(small_disk / "runs.db")
    kept, error = fill(store)
    assert "runs.db" in str(error) and "disk is full" in str(error) and "make room" in str(error)
    assert [row.id for row in store.select(limit=1000)] == kept
    ballast.unlink()
    store.write(submit("afterwards"))
    store.close()
    again = SQLiteStore(small_disk / "runs.db")
    assert [row.id for row in again.select(limit=1000)] == [*kept, "afterwards"]
    again.close()


def test_no_more_pages(store):
    """The same where SQLite itself sets the limit; small neighbours in the same commit are kept."""
    (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
    store._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    small, large, other = store.apply([submit("small"), submit("large", size=100_000), submit("other")])
    assert isinstance(large, StoreError) and "disk is full" in str(large)
    assert small[0].is_new and other[0].is_new
    assert [row.id for row in store.select()] == ["other", "small"]


@pytest.mark.parametrize("text", [b"this is no database, but a text of some length" * 100, b"SQLite format 3\0" * 500])
def test_no_database(path, text):
    """A file of something else is refused by name."""
    path.write_bytes(text)
    with pytest.raises(StoreError, match=r"runs\.db.*damaged"):
        SQLiteStore(path)
    assert path.read_bytes() == text


def big(path):
    """A closed store with something in it."""
    store = SQLiteStore(path)
    for number in range(50):
        store.write(submit(f"{number:04}", size=3000))
    store.close()


def test_a_truncated_file(path):
    """It is refused when it is opened, by name and with the way out."""
    big(path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(StoreError, match=r"runs\.db.*damaged.*copy"):
        SQLiteStore(path)


def test_damaged_pages(path):
    """What reads or writes them fails by name."""
    big(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(StoreError, match=r"runs\.db.*damaged"):
        store = SQLiteStore(path)
        try:
            store.select()
        finally:
            store.close()


def test_a_folder_in_place_of_the_file(tmp_path):
    """It cannot be opened, and the error says which."""
    (tmp_path / "runs.db").mkdir()
    with pytest.raises(StoreError, match=r"runs\.db.*cannot be opened"):
        SQLiteStore(tmp_path / "runs.db")


def test_a_file_in_place_of_the_folder(tmp_path):
    """The same for what leads there."""
    (tmp_path / "folder").write_text("")
    with pytest.raises(StoreError, match=r"runs\.db"):
        SQLiteStore(tmp_path / "folder" / "runs.db")


def test_a_disk_that_cannot_be_written(small_disk):
    """A store that was open refuses writes and still reads; a new one is refused."""
    store = SQLiteStore(small_disk / "runs.db")
    store.write(submit("a"))
    store._writer.execute("PRAGMA query_only = 1")
    with pytest.raises(StoreError, match=r"runs\.db.*cannot be written"):
        store.write(submit("b"))
    store._writer.execute("PRAGMA query_only = 0")
    assert store.get("a") is not None
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StoreError, match=r"runs\.db"):
        SQLiteStore(small_disk / "runs.db")


def test_locked_for_longer_than_patience(path):
    """A program that never ends its transaction: the error says so, and the next write works."""
    store = SQLiteStore(path, patience=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"runs\.db.*locked.*end its transaction"):
        store.write(submit("a"))
    other.execute("ROLLBACK")
    other.close()
    store.write(submit("a"))
    store.close()


def test_readers_do_not_wait_for_writers(store):
    """What is kept is seen while another transaction is open."""
    store.write(submit("a"))
    with store.transaction():
        assert store.get("a") is not None
        assert len(store.snapshot().runs) == 1


LINE = "36 35 0:32 / {point} rw,noatime shared:1 - {kind} server:/share rw\n"


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"])
def test_a_network_file_system_is_refused(tmp_path, monkeypatch, kind):
    """With the reason, before anything is made there."""
    told = tmp_path / "mountinfo"
    point = str(tmp_path / "share with spaces").replace(" ", r"\040")
    text = (
        LINE.format(point="/", kind="ext4") + LINE.format(point=point, kind=kind) + LINE.format(point="/x", kind="nfs")
    )
    told.write_text(text)
    monkeypatch.setattr(mounts, "MOUNTS", told)
    with pytest.raises(StoreError, match=rf"share with spaces.*{kind}"):
        SQLiteStore(tmp_path / "share with spaces" / "folder" / "runs.db")
    assert not (tmp_path / "share with spaces").exists()
    SQLiteStore(tmp_path / "share with" / "runs.db").close()


def test_of_mounts_in_one_place_the_last_one_shows(tmp_path, monkeypatch):
    """A local disk over a share is a local disk."""
    told = tmp_path / "mountinfo"
    told.write_text(LINE.format(point=tmp_path, kind="nfs") + LINE.format(point=tmp_path, kind="xfs"))
    monkeypatch.setattr(mounts, "MOUNTS", told)
    SQLiteStore(tmp_path / "runs.db").close()


def test_where_mounts_are_not_told(tmp_path, monkeypatch):
    """Elsewhere than on Linux the store is opened."""
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "not there")
    SQLiteStore(tmp_path / "runs.db").close()


def test_the_errors_are_ours(store):
    """Also for values that SQLite cannot take, and the writer's neighbours are kept."""
    bad = Submit(now=1.0, runs=(Row(id="bad", task="t", priority=1 << 70),))
    first, error, second = store.apply([submit("a"), bad, submit("b")])
    assert isinstance(error, WofloError)
    assert first[0].is_new and second[0].is_new


def test_after_it_was_closed(path):
    """Reading is refused by name."""
    store = SQLiteStore(path)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.get("a")
