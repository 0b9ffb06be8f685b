"""Fixtures of the observers' tests."""

from __future__ import annotations

import pytest
from observer_helpers import events_of_one

from woflo import use_store
from woflo.durable.engine import engine_of
from woflo.stores.memory import MemoryStore


@pytest.fixture
def story():
    """The events of a run that prints, fails, is tried again and succeeds."""
    return events_of_one()


@pytest.fixture
def store():
    """What keeps the runs of workflows and jobs: a store in memory."""
    made = MemoryStore()
    before = use_store(made)
    yield made
    use_store(before)
    engine_of(made).close()
    made.close()
