"""What the reasons of runs begin with, and what that means."""

from __future__ import annotations

from woflo.kernel.state import RunState
from woflo.stores.rows import Row

__all__ = [
    "CONTINUED",
    "HANDED_OVER",
    "LOST",
    "MANUAL",
    "MOVED",
    "SUSPECT",
    "SUSPECT_DEATHS",
    "UNCERTAIN",
    "goes_on_as",
    "is_asked",
]

SUSPECT_DEATHS = 3
"""A run under way at so many deaths of workers, without coming further, waits for a decision: else it ends the next."""
SUSPECT, LOST, MANUAL = "suspect", "worker lost", "manual"
"""Reasons: of a run that waits for that decision, of one whose worker died, of one that waits for `Complete`."""
UNCERTAIN = "uncertain"
"""How the reason of a step or call begins that may have happened when its process died: for `Complete` or `Wake`."""

CONTINUED, HANDED_OVER = "continued as ", "handed over to "
"""How the reason of a run that has ended begins which another one goes on from; the id of that one follows. What the
first kind would have given, the other one gives; the second kind has ended by itself."""

MOVED = "moved to "
"""How the reason of a STOPPED run begins that is on its way to another store."""


def goes_on_as(row: Row) -> str | None:
    """The id of the run that tells how this one, which has ended, went on."""
    reason = row.reason or ""
    return reason.removeprefix(CONTINUED) if row.is_terminal and reason.startswith(CONTINUED) else None


def is_asked(row: Row) -> bool:
    """True for a run that waits for somebody outside to tell how it ends."""
    reason = row.reason or ""
    return row.state is RunState.WAITING and (reason == MANUAL or reason.startswith(UNCERTAIN))
