"""What scripts have done is kept in every kind of store, found there, and taken away."""

from __future__ import annotations

import pytest
from fresh_helpers import ended

from woflo import RunState, find_runs, gather, get_run, prune, script, use_store
from woflo.durable.engine import engine_of
from woflo.scripts.ledger import ledger
from woflo.stores.opening import open_store
from woflo.testing.clock import FakeClock


@pytest.fixture(params=["memory:", "sqlite:///own.db", "dir:own", "postgresql"])
def url(request, project, monkeypatch):
    """A store of each kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres").url
    return request.param


@pytest.fixture
def own(url):
    """It, in use."""
    store = open_store(url)
    before = use_store(store)
    yield store
    ledger().flush(30)
    use_store(before)
    engine_of(store).close()
    store.close()


def test_what_is_kept_beside_the_project_is_private(own, project):
    """Logs may have anything in them."""
    script("echo secret", shell=True)().get_result()
    folder = project / ".woflo"
    assert [path.stat().st_mode & 0o077 for path in (folder, folder / "logs", *(folder / "logs").iterdir())] == [0] * 3


def test_records_and_runs(own):
    """Up to date for whoever opens the store; each run found with its result or its error, and taken away when old."""
    make = script("echo {i} > {outputs}", outputs="x_{i}.txt", shell=True, name="make_for_stores")
    bad = script("exit 3", shell=True, name="bad_for_stores")
    runs = [make(i=i) for i in range(12)]
    gather(*runs).get_result()
    failed = bad()
    failed.wait()
    ledger().flush()
    ledger()._known.clear()
    assert {ended(make(i=i)) for i in range(12)} == {RunState.SKIPPED}
    found = list(find_runs(task="make_for_stores"))
    assert sorted(run.id for run in found) == sorted(run.id for run in runs)
    assert get_run(runs[3].id).get_result() == ["x_3.txt"]
    assert "ended with status 3" in str(get_run(failed.id).exception())
    assert get_run(failed.id).state is RunState.FAILED
    with FakeClock() as time:
        time.advance(2 * 86400)
        assert set(prune(older_than=86400, task="make_for_stores")) == {run.id for run in runs}
    assert list(find_runs(task="make_for_stores")) == []
    assert ended(make(i=3)) is RunState.SKIPPED
