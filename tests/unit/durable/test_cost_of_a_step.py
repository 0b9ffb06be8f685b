"""What a step costs, in counts that do not depend on the machine: statements, commits, calls of Python, wake-ups."""

import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from woflo import task, use_store, workflow
from woflo.durable.engine import engine_of
from woflo.kernel.state import RunState
from woflo.stores.operations import Record
from woflo.stores.rows import Claim, Row
from woflo.stores.sqlite import SQLiteStore

pytestmark = pytest.mark.unmeasured
STEPS = 20
MOST_CALLS = 112
"""Of functions written in Python, for each step. Before raising it, look which of them are needed."""


@task
def double(x: int) -> int:
    return 2 * x


@contextmanager
def counting_calls(counts):
    """Calls of Python functions by this thread."""

    def count(_frame, event, _arg):
        counts.calls += event == "call"

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)


@pytest.fixture
def counted(tmp_path):
    """A workflow of `STEPS` steps on SQLite, and what its steps cost."""
    store = SQLiteStore(tmp_path / "runs.db")
    counts = SimpleNamespace(calls=0, statements=[], heard=0)

    def hear():
        counts.heard += 1

    @workflow
    def steps(n: int) -> int:
        double(-1).get_result()  # what is made on first use
        end = store.listen(hear)
        store._writer.set_trace_callback(counts.statements.append)
        with counting_calls(counts):
            total = sum([double(x).get_result() for x in range(n)])
        store._writer.set_trace_callback(None)
        end()
        return total

    before = use_store(store)
    try:
        assert steps(STEPS).get_result() == STEPS * (STEPS - 1)
        yield counts
    finally:
        engine_of(store).close()
        use_store(before)
        store.close()


def test_statements_of_a_step(counted):
    """The claim is looked at, and the step is written, in one transaction: nothing else is asked of the database."""
    kinds = [text.split(None, 1)[0] for text in counted.statements]
    assert kinds == ["BEGIN", "SELECT", "INSERT", "COMMIT"] * STEPS


def test_calls_of_a_step(counted):
    """The way of a step through kernel, workflow and store stays short."""
    assert counted.calls / STEPS < MOST_CALLS


def test_a_step_wakes_nobody(counted):
    """Nobody but its workflow waits for a step: neither this process nor others look at the store for it."""
    assert counted.heard == 0


def test_what_is_news_of_a_record():
    """Calls are for others to execute, and so are steps that have not ended; those that have are the workflow's own."""

    def is_news(**changes):
        return Record(now=1.0, claim=Claim("p", "w", 1), **changes).is_news([])

    assert not is_news(steps=(Row(id="p:0", task="t", state=RunState.SUCCEEDED),))
    assert not is_news(notes=(Row(id="p:0", task="t", state=RunState.SUCCEEDED),))
    assert is_news(steps=(Row(id="p:0", task="t", state=RunState.WAITING),))
    assert is_news(calls=(Row(id="a", task="t"),))
