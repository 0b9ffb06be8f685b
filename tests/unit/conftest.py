"""Fixtures of the unit tests."""

from __future__ import annotations

import threading

import pytest
from unit_helpers import CooperativeRun, MemoryRun

from woflo.kernel import runtime
from woflo.testing.clock import FakeClock


@pytest.fixture
def clock():
    """The clock of woflo, held by the test."""
    with FakeClock() as fake:
        yield fake


@pytest.fixture
def memory():
    """A runner of its own whose attempts the test ends; what is left open is stopped."""
    yield from _runner(MemoryRun)


@pytest.fixture
def cooperative():
    """The same, with attempts that cannot be ended from outside."""
    yield from _runner(CooperativeRun)


def _runner(base):
    kind = base.configured()
    yield kind
    for run in list(runtime.current.live):
        if isinstance(run, kind):
            run._ask_to_stop(0.0)
            run.fail()


@pytest.fixture
def fresh_limits(monkeypatch):
    """Places and amounts of the machine counted anew."""
    monkeypatch.setattr(runtime.current, "_limits", None)


@pytest.fixture
def gate():
    """An event for tasks in threads to wait for; set at the latest when the test is over."""
    event = threading.Event()
    yield event
    event.set()
