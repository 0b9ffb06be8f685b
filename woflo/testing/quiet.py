"""What woflo logs of crashes that are simulated, and of which nobody needs to hear."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from woflo.kernel import bus
from woflo.testing.crashing import SimulatedCrashError

__all__ = ["simulated_crashes_unlogged"]


@contextmanager
def simulated_crashes_unlogged() -> Iterator[None]:
    """Within this block the logger of woflo says nothing of them: a process that is killed logs nothing either."""
    logger = bus.logger()
    logger.addFilter(_is_real)
    try:
        yield
    finally:
        logger.removeFilter(_is_real)


def _is_real(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, SimulatedCrashError) and SimulatedCrashError.__name__ not in record.getMessage()
