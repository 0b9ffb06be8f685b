"""When the folder, the disk or a file in it fails the store: errors that say so, and writes that work afterwards."""

from __future__ import annotations

import errno
import os
import subprocess

import pytest
from process_helpers import submit

from woflo.errors import StoreError
from woflo.stores.directory import DirectoryStore, files, keeping
from woflo.stores.directory.files import Files
from woflo.stores.opening import open_store


def ids(store):
    return [row.id for row in store.select(limit=2000)]


@pytest.fixture
def store(folder):
    made = DirectoryStore(folder)
    yield made
    made.close()


def test_a_full_disk(small_disk):
    """The error names folder, cause and way out; what was kept is there, and with room again writes work."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 300_000)
    store = DirectoryStore(small_disk / "store")
    kept = []
    with pytest.raises(StoreError, match=r"store: the disk is full; make room"):
        for number in range(1000):
            store.write(submit(f"{number:04}", size=20_000))
            kept.append(f"{number:04}")
    assert ids(store) == kept
    ballast.unlink()
    store.write(submit("afterwards", size=20_000))
    store.close()
    again = DirectoryStore(small_disk / "store")
    assert ids(again) == [*kept, "afterwards"]
    for _ in range(2):
        again.look()
    assert len(os.listdir(small_disk / "store" / "queue")) == len(kept) + 1
    again.close()


def test_small_neighbours_of_a_large_write(store, monkeypatch):
    """They find room where it does not."""
    write = Files.write

    def full(files, name, data, **options):
        if len(data) > 10_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(files, name, data, **options)

    monkeypatch.setattr(Files, "write", full)
    first, large, last = store.apply([submit("a"), submit("large", size=20_000), submit("b")])
    assert first[0].is_new and isinstance(large, StoreError) and last[0].is_new
    assert ids(store) == ["a", "b"]


def test_a_folder_that_cannot_be_written(small_disk):
    """A store refuses writes and still reads, also one that is opened then; a new folder is refused."""
    store = DirectoryStore(small_disk / "store")
    store.write(submit("a"))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    reader = DirectoryStore(small_disk / "store")
    for one in (store, reader):
        with pytest.raises(StoreError, match="cannot be written"):
            one.write(submit("b"))
        assert ids(one) == ["a"]
        one.look()
        one.close()
    with pytest.raises(StoreError, match="new: it cannot be written"):
        DirectoryStore(small_disk / "new")


def test_files_that_cannot_be_shown(store, folder, monkeypatch):
    """Who writes is not told, for it is kept; whoever looks later shows them, though the folder did not change."""
    for _ in range(3):
        store.look()
    with monkeypatch.context() as patch:

        def rename(files, old, new):
            if new.startswith("queue"):
                raise PermissionError(13, "no")
            os.rename(files.path(old), files.path(new))

        patch.setattr(Files, "rename", rename)
        store.write(submit("a"))
    assert os.listdir(folder / "queue") == []
    for _ in range(2):
        store.look()
    assert os.listdir(folder / "queue") == ["a.json"]


def test_a_whole_that_cannot_be_written(store, folder, monkeypatch):
    """The same: writes go on, and the next one tries again."""
    monkeypatch.setattr(keeping, "AT_LEAST", 1)
    store._keeper._enough = 1
    with monkeypatch.context() as patch:
        patch.setattr(store._keeper.log, "last_whole", lambda: (_ for _ in ()).throw(PermissionError(13, "no")))
        store.write(submit("a"))
    assert len(os.listdir(folder / ".woflo/whole")) == 1
    store.write(submit("b"))
    assert len(os.listdir(folder / ".woflo/whole")) == 2


@pytest.mark.parametrize("operation", ["write", "sync", "rename"])
def test_a_disk_that_fails(store, monkeypatch, operation):
    """The write is refused; where it may have been kept all the same, that is said. The next one works."""

    def fail(*args, **options):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Files, operation, fail)
        with pytest.raises(StoreError, match=r"look at the disk" if operation != "rename" else "not known whether"):
            store.write(submit("a"))
    store.write(submit("b"))
    assert ids(store) == ["b"]


def test_a_disk_that_cannot_be_read(store, monkeypatch):
    """Reading is told so as well, and works when the disk does."""
    store.write(submit("a"))

    def fail(*args):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Files, "names", fail)
        with pytest.raises(StoreError, match="look at the disk"):
            store.get("a")
    assert store.get("a") is not None


def test_the_last_sync_fails(store, monkeypatch):
    """It was published, and perhaps not kept: the error says so, and the store shows what is there."""
    sync = Files.sync

    def fail(files, folder):
        if folder.endswith("head"):
            raise OSError(5, "Input/output error")
        sync(files, folder)

    with monkeypatch.context() as patch:
        patch.setattr(Files, "sync", fail)
        with pytest.raises(StoreError, match="not known whether this was kept"):
            store.write(submit("a"))
    assert not store.write(submit("a"))[0].is_new
    assert ids(store) == ["a"]


# -- what was damaged ------------------------------------------------------------------------------------


def last_commit(folder):
    return max((folder / ".woflo/log").iterdir())


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'["x",[]]', b'["%s",[["runs","a",{"b":1}]]]', b"\xff"])
def test_a_damaged_commit(store, folder, content):
    """Who needs it is told which, and nothing is written on top."""
    first = store._keeper.head()
    store.write(submit("a"))
    last_commit(folder).write_bytes(content.replace(b"%s", str(first).encode()))
    with pytest.raises(StoreError, match=r"\.woflo/log/.*damaged; put a copy"):
        DirectoryStore(folder)


def test_a_missing_commit(store, folder):
    """The same."""
    store.write(submit("a"))
    last_commit(folder).unlink()
    with pytest.raises(StoreError, match=r"\.woflo/log: commits are missing"):
        DirectoryStore(folder)


def test_a_damaged_whole(store, folder):
    """The same."""
    next((folder / ".woflo/whole").iterdir()).write_text("{")
    with pytest.raises(StoreError, match=r"\.woflo/whole/.*damaged"):
        DirectoryStore(folder)


def test_removed_while_it_was_read(store, folder, monkeypatch):
    """As a share tells it: the commits are read anew, here from a whole."""
    other = DirectoryStore(folder)
    monkeypatch.setattr(keeping, "AT_LEAST", 1)
    store._keeper._enough = 1
    for name in "abc":
        store.write(submit(name))

    def stale(path, *args):
        if ".woflo/log" in str(path) and not os.path.exists(path):
            raise OSError(errno.ESTALE, "Stale file handle")
        return open(path, *args)

    monkeypatch.setattr(files, "open", stale, raising=False)
    assert ids(other) == ["a", "b", "c"]
    other.close()


def test_no_head(store, folder):
    """The same for whoever has the store open."""
    next((folder / ".woflo/head").iterdir()).unlink()
    with pytest.raises(StoreError, match=r"\.woflo/head is empty"):
        store.get("a")
    with pytest.raises(StoreError, match=r"\.woflo/head is empty"):
        store.write(submit("a"))


def test_a_copy_is_put_back(store, folder):
    """A store that was open meanwhile shows what is there now, and goes on from it."""
    store.write(submit("a"))
    subprocess.run(["cp", "-a", folder / ".woflo", folder / "copy"], check=True)
    store.write(submit("b"))
    os.rename(folder / ".woflo", folder / "damaged")
    os.rename(folder / "copy", folder / ".woflo")
    assert ids(store) == ["a"]
    store.write(submit("c"))
    assert ids(store) == ["a", "c"]


def test_a_newer_format(store, folder):
    """It is refused by name."""
    (folder / ".woflo/format").write_text("2\n")
    with pytest.raises(StoreError, match="install a newer woflo"):
        DirectoryStore(folder)


# -- opening ---------------------------------------------------------------------------------------------


def test_a_file_in_place_of_the_folder(tmp_path):
    """It is told."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file: it is no folder"):
        DirectoryStore(tmp_path / "file")
    with pytest.raises(StoreError, match=r"file/below: it is no folder"):
        DirectoryStore(tmp_path / "file" / "below")


def test_by_a_url(tmp_path, monkeypatch):
    """Relative and absolute; other ways to write it are refused."""
    monkeypatch.chdir(tmp_path)
    for url, path in (("dir:a/b", "a/b"), (f"dir://{tmp_path}/c%20d", "c d"), (f"dir:///{tmp_path}/e", "e")):
        store = open_store(url)
        assert isinstance(store, DirectoryStore)
        assert store.path == str(tmp_path / path)
        store.close()
    for url in ("dir:", "dir://host/x", "dir:///", "dir:////"):
        with pytest.raises(StoreError, match="names no folder"):
            open_store(url)


def test_opened_by_several_at_once(tmp_path):
    """They make one store of a new folder."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: DirectoryStore(tmp_path / "store"), range(8)))
    for number, store in enumerate(stores):
        store.write(submit(f"{number}"))
    assert all(ids(store) == [f"{number}" for number in range(8)] for store in stores)
    assert [name for name in os.listdir(tmp_path / "store") if name.startswith(".woflo-")] == []
    for store in stores:
        store.close()


def test_no_transactions(store):
    """The error names the way out."""
    with pytest.raises(StoreError, match="use an SQL store"):
        store.transaction()
