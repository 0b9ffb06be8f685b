"""How the code of a workflow is ended where it waits for long, or may not go on."""

from __future__ import annotations

__all__ = ["Parked"]


class Parked(BaseException):
    """Ends the frames of a workflow whose wait is on disk; it is executed again, from its journal, when it is over.

    No `Exception`, so that code which catches those does not stop it. What swallows it all the same is told again
    at its next call, and whatever it then returns or raises is dropped.
    """
