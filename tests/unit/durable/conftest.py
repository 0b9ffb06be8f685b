"""Fixtures of the tests of durable runs."""

import pytest
from durable_helpers import Log, World


@pytest.fixture
def world():
    """A store in memory, and processes on it."""
    made = World()
    yield made
    made.close()


@pytest.fixture
def process(world):
    """The first of these processes."""
    return world.process()


@pytest.fixture
def log():
    """What code has done."""
    return Log()
