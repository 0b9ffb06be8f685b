"""Stores by their URLs: built in, or of an installed plug-in."""

from __future__ import annotations

import os
import sys

import pytest
from systems import needs_fork

from woflo.errors import StoreError, UnknownNameError
from woflo.stores.memory import MemoryStore
from woflo.stores.opening import open_store
from woflo.stores.sqlite import SQLiteStore


def opened(url):
    store = open_store(url)
    store.close()
    return store


def test_a_path_from_here(tmp_path, monkeypatch):
    """Three slashes: the file is looked for in the working directory."""
    monkeypatch.chdir(tmp_path)
    assert opened("sqlite:///folder/runs.db").path == str(tmp_path / "folder" / "runs.db")
    assert (tmp_path / "folder" / "runs.db").exists()


def test_a_path_from_the_root(tmp_path):
    """Four slashes; what is escaped in URLs is escaped here."""
    assert opened(f"sqlite:///{tmp_path}/a%20b.db").path == str(tmp_path / "a b.db")


def test_a_system_without_its_locks(tmp_path, monkeypatch):
    """A file in which processes could not write in turns is refused by name, before anything is made."""
    monkeypatch.delattr("woflo.stores.sqlite.turnstile.flock")
    with pytest.raises(StoreError, match="no POSIX locks"):
        open_store(f"sqlite:///{tmp_path}/folder/runs.db")
    assert list(tmp_path.iterdir()) == []


def test_in_memory():
    """A new one each time."""
    first, second = opened("memory:"), opened("memory:")
    assert isinstance(first, MemoryStore) and first is not second


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlit:///a.db", "'sqlite'"),
        ("memry:", "'memory'"),
        ("xyz://host", "Known: sqlite, postgresql, postgres, memory"),
    ],
)
def test_an_unknown_scheme(url, told):
    """The error names the nearest known one."""
    with pytest.raises(UnknownNameError, match=told):
        open_store(url)


@pytest.mark.parametrize(
    "url", ["runs.db", "", "sqlite:runs.db", "sqlite://host/runs.db", "sqlite:///", "sqlite:///a/"]
)
def test_what_names_no_store(url):
    """The error shows how to write it."""
    with pytest.raises(StoreError, match=r"sqlite:///|no file"):
        open_store(url)


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_what_names_no_file(path):
    """The same where a path is given."""
    with pytest.raises(StoreError, match="memory:"):
        SQLiteStore(path)


@pytest.fixture
def plug_ins(tmp_path, monkeypatch):
    """An installed distribution that brings stores."""
    info = tmp_path / "fancy_stores-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fancy-stores\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[woflo.stores]\nfancy = fancy_stores:FancyStore\nsqlite = fancy_stores:FancyStore\nlost = fancy_stores:Lost\n"
    )
    (tmp_path / "fancy_stores.py").write_text(
        "from woflo.stores.memory import MemoryStore\nclass FancyStore(MemoryStore): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("fancy_stores", None)


def test_a_plug_in(plug_ins, tmp_path):
    """It is found by its scheme, does not take the place of a built-in one, and a broken one is told."""
    assert type(opened("fancy://anything")).__name__ == "FancyStore"
    assert isinstance(opened(f"sqlite:///{tmp_path}/runs.db"), SQLiteStore)
    with pytest.raises(UnknownNameError, match="Lost"):
        open_store("lost:")


@needs_fork
def test_a_closed_store_leaves_forked_children_alone(tmp_path):
    """The numbers of its descriptors are those of others by then, which a child must find open."""
    store = open_store(f"sqlite:///{tmp_path}/woflo.db")
    store.close()
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(8)]
    child = os.fork()
    if child == 0:
        os._exit(sum(1 for file in files if not _is_open(file)))
    for file in files:
        os.close(file)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _is_open(file):
    try:
        os.fstat(file)
    except OSError:
        return False
    return True
