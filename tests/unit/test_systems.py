"""That nothing is left out where everything is there."""

import sys

import systems


def test_linux_has_all_that_tests_need():
    if sys.platform == "linux":
        assert systems.HAS_FORK
        assert systems.HAS_PIDFD
        assert systems.HAS_PROCESSES
        assert systems.HAS_PROC
