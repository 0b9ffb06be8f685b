"""How the code of a workflow is ended where it waits for long, or may not go on."""

from __future__ import annotations

import asyncio

__all__ = ["Continued", "Parked", "was_cancelled"]


class Parked(BaseException):
    """Ends the frames of a workflow whose wait is on disk; it is executed again, from its journal, when it is over.

    No `Exception`, so that code which catches those does not stop it. What swallows it all the same is told again
    at its next call, and whatever it then returns or raises is dropped.
    """


class Continued(BaseException):
    """Ends the code of a workflow that has said with which arguments another run is to go on."""


def was_cancelled() -> bool:
    """True in a task of asyncio's that somebody has cancelled; False where its code has raised that by itself.

    Where nobody has stopped the workflow, it is the loop that ends, as at the end of `asyncio.run`.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
