"""Every store keeps every promise."""

import itertools

import pytest

from woflo.stores.directory import DirectoryStore
from woflo.stores.memory import MemoryStore
from woflo.stores.sqlite import SQLiteStore
from woflo.testing import store_checks

_numbers = itertools.count()
STORES = {
    "memory": lambda folder: MemoryStore,
    "directory": lambda folder: lambda: DirectoryStore(folder / f"{next(_numbers)}"),
    "sqlite": lambda folder: lambda: SQLiteStore(folder / f"{next(_numbers)}.db"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("check", store_checks(), ids=str)
@pytest.mark.parametrize("name", STORES)
def test_promise(name, check, tmp_path):
    """What the check's docstring says."""
    check(STORES[name](tmp_path))


def test_every_promise_is_put_in_words():
    """Each check has a docstring, and a name of its own within its subject."""
    checks = store_checks()
    assert checks
    assert all(check.promise for check in checks)
    assert len({str(check) for check in checks}) == len(checks)
