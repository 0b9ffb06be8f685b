"""Fixtures of the tests of jobs."""

import pytest
from jobs_helpers import Folder

from woflo import use_store
from woflo.durable.engine import engine_of
from woflo.jobs import runners
from woflo.runners.pool import PoolTaskRun
from woflo.stores.memory import MemoryStore


@pytest.fixture(scope="module", autouse=True)
def pools():
    """Their workers are warm for all tests of a module, and gone after the last."""
    yield
    for pool in [PoolTaskRun, *runners._made.values()]:
        pool.shutdown()


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
