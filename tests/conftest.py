"""For every test: what it started is gone when it ends."""

import sys
from pathlib import Path

import pytest

from woflo.testing import leftovers, wait_until

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No run, process or thread of a run outlives its test."""
    yield
    try:
        wait_until(lambda: not leftovers(), timeout=10)
    except AssertionError:
        pytest.fail(f"the test left something behind: {leftovers()}")
