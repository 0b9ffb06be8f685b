"""Waiting for the thing itself, and never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["PATIENCE", "wait_until"]

PATIENCE = 30.0
"""Seconds after which something that has not happened counts as never going to, on a slow machine too."""


def wait_until(holds: Callable[[], object], what: str = "", timeout: float = PATIENCE) -> None:
    """Return as soon as `holds()` is true; fails with `what` after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < end, f"not within {timeout:g} s: {what or holds}"
        time.sleep(0.002)
