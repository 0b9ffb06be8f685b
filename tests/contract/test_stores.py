"""Every store keeps every promise."""

import itertools

import pytest
from systems import needs_postgres

from woflo.stores.directory import DirectoryStore
from woflo.stores.memory import MemoryStore
from woflo.stores.opening import open_store
from woflo.stores.sqlite import SQLiteStore
from woflo.testing import store_checks

_numbers = itertools.count()


@pytest.fixture(params=["memory", "directory", "sqlite", pytest.param("postgres", marks=needs_postgres)])
def make(request, tmp_path):
    """Makes new stores of a kind."""
    makers = {
        "memory": MemoryStore,
        "directory": lambda: DirectoryStore(tmp_path / f"{next(_numbers)}"),
        "sqlite": lambda: SQLiteStore(tmp_path / f"{next(_numbers)}.db"),
        "postgres": lambda: open_store(request.getfixturevalue("postgres").new_url()),
    }
    return makers[request.param]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("check", store_checks(), ids=str)
def test_promise(make, check):
    """What the check's docstring says."""
    check(make)


def test_every_promise_is_put_in_words():
    """Each check has a docstring, and a name of its own within its subject."""
    checks = store_checks()
    assert checks
    assert all(check.promise for check in checks)
    assert len({str(check) for check in checks}) == len(checks)
