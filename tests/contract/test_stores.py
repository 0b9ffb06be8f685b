"""Every store keeps every promise."""

import itertools

import pytest
from systems import needs_postgres

from woflo.stores.memory import MemoryStore
from woflo.stores.opening import open_store
from woflo.stores.sqlite import SQLiteStore
from woflo.testing import store_checks

_numbers = itertools.count()


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=needs_postgres)])
def make(request, tmp_path):
    """Makes new stores of a kind."""
    if request.param == "memory":
        return MemoryStore
    if request.param == "sqlite":
        return lambda: SQLiteStore(tmp_path / f"{next(_numbers)}.db")
    cluster = request.getfixturevalue("postgres")
    return lambda: open_store(cluster.new_url())


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
