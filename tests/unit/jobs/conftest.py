"""Fixtures of the tests of jobs."""

import pytest
from jobs_helpers import Folder

from woflo import use_store
from woflo.durable.engine import engine_of
from woflo.stores.memory import MemoryStore


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)


@pytest.fixture
def store():
    """The store of this process."""
    made = MemoryStore()
    before = use_store(made)
    yield made
    use_store(before)
    engine_of(made).close()
    made.close()
