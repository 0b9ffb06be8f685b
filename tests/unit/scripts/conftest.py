"""A project of its own for each test of scripts."""

from __future__ import annotations

import pytest

from woflo import use_store
from woflo.durable.engine import engine_of
from woflo.kernel import runtime
from woflo.scripts.ledger import ledger
from woflo.stores.sqlite import SQLiteStore


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty folder, which is the current one, with a store of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "woflo.toml").touch()
    monkeypatch.chdir(folder)
    store = SQLiteStore(folder / ".woflo" / "woflo.db")
    before = use_store(store)
    yield folder
    for run in list(runtime.current.live):  # of a test that has failed
        run.stop(0.0)
    ledger().flush(30)
    use_store(before)
    engine_of(store).close()
    store.close()


@pytest.fixture
def store(project):
    """The store of the project."""
    return ledger().store
