"""For every test: what it started is gone when it ends."""

import signal
import sys
from pathlib import Path

import pytest
from postgres_cluster import FAST, Cluster

from woflo.kernel import hiding
from woflo.testing import leftovers, wait_until

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))


MEASURED = ("unit", "contract", "acceptance", "crash/test_killed_workflow.py")
"""Where coverage comes from; what other tests start would be measured once more, and slowly."""


def pytest_collection_modifyitems(items):
    """Every test that is not to be measured says so by its mark, also where its whole folder is not."""
    here = Path(__file__).parent
    measured = tuple(here / part for part in MEASURED)
    for item in items:
        if not any(item.path.is_relative_to(part) for part in measured):
            item.add_marker(pytest.mark.unmeasured)


def pytest_configure():
    _hear_ctrl_c()
    _measure_without_a_lock()


def _hear_ctrl_c():
    """A script's background commands ignore it, and so would every program that a test starts to press it in."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _measure_without_a_lock():
    """Where coverage is measured it takes a lock at each call: a child that is forked meanwhile would stand still.

    The lock is for threads that go on while data are saved, which happens at the end.
    """
    measuring = sys.modules["coverage"].Coverage.current() if "coverage" in sys.modules else None
    if measuring is not None:
        measuring._collector.data_lock = None


def _since(before):
    """What is left now and was not there before: one bad test is not to spoil those that follow it."""
    now = leftovers()
    known = {_name(one) for found in before for one in found}
    return [one for found in now for one in found if _name(one) not in known]


def _name(told):
    """What stays the same of it: a run's state and the time it took do not."""
    return tuple(told.split()[:2])


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL for all tests that harm it in no way. It may lose what was written when it crashes."""
    cluster = Cluster(*FAST)
    yield cluster
    cluster.stop()


@pytest.fixture(autouse=True)
def nothing_is_secret():
    """What a test has given as a secret is a word like others to those that follow it."""
    yield
    hiding.forget_all()


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No run, process or thread of a run outlives its test."""
    before = leftovers()
    yield
    try:
        wait_until(lambda: not _since(before), timeout=10)
    except AssertionError:
        pytest.fail(f"the test left something behind: {_since(before)}")
