"""That nothing is left out where everything is there."""

import sys

import pytest
import systems


def test_linux_has_all_that_tests_need():
    if sys.platform == "linux":
        assert systems.HAS_FORK
        assert systems.HAS_PIDFD
        assert systems.HAS_PROCESSES
        assert systems.HAS_PROC


@pytest.mark.skipif(not systems.MUST_HAVE_POSTGRES, reason="PostgreSQL need not be there")
def test_postgres_is_there():
    """Where it must be, a missing one is told here, and not by its absence."""
    assert systems.HAS_POSTGRES


@pytest.mark.skipif(not systems.MUST_HAVE_GRAPHVIZ, reason="Graphviz need not be there")
def test_graphviz_is_there():
    """The same."""
    assert systems.HAS_GRAPHVIZ
