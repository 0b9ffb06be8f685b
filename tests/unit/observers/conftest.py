"""Fixtures of the observers' tests."""

from __future__ import annotations

import pytest
from observer_helpers import events_of_one


@pytest.fixture
def story():
    """The events of a run that prints, fails, is tried again and succeeds."""
    return events_of_one()
