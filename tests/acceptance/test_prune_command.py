"""`woflo prune`: what it shows, takes away and refuses."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from woflo import Worker, task
from woflo.cli import app
from woflo.durable.choice import use_store
from woflo.durable.engine import engine_of
from woflo.stores.sqlite import SQLiteStore
from woflo.testing.clock import FakeClock


@pytest.fixture
def store(tmp_path):
    made = SQLiteStore(tmp_path / "runs.db")
    before = use_store(made)
    yield made
    engine_of(made).close()
    use_store(before)
    made.close()


def prune(*words):
    """What the command says, and its status."""
    done = CliRunner().invoke(app, ["prune", *words])
    return done.output, done.exit_code


def test_shown_and_taken_away(store):
    """First the ids, on request; then they are gone. Nothing else is."""

    @task(runner="queue")
    def one(x: int) -> int:
        return 1 // x

    with Worker([one]):
        runs = [one(1), one(0)]
        for run in runs:
            run.wait()
    with FakeClock() as time:
        time.advance(3 * 86400)
        words = ("--older-than", "2d", "--store", f"sqlite:///{store.path}")
        output, status = prune(*words, "--dry-run")
        assert (output.splitlines()[0], status) == (runs[0].id, 0)
        assert store.get(runs[0].id) is not None
        output, status = prune(*words, "--state", "SUCCEEDED", "--state", "FAILED", "--task", "one")
        assert ("2 runs were taken away" in output, status) == (True, 0)
    assert store.snapshot().runs == []


@pytest.mark.parametrize("words", [("--older-than", "soon"), ("--older-than", "1d", "--state", "RUNNING")])
def test_what_cannot_be_meant(store, words):
    """It is told in a line, and nothing is done."""
    output, status = prune(*words, "--store", f"sqlite:///{store.path}")
    assert ("error:" in output, status) == (True, 2)
    assert "there is no store" not in output
