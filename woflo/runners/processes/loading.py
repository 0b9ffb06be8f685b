"""While a process that was started afresh loads what it is to execute: calls that would start further processes.

They are made by a module at its import. The process that such a call started would import the module as well, call
again, and so on without end.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from collections.abc import Callable
from types import FrameType
from typing import Any

from woflo.errors import LaunchError, SerializationError, WofloError
from woflo.runners.processes import shipping

__all__ = ["as_told", "be_fresh", "guarded", "loader", "refuse_call"]

loader: int = 0
"""The thread that loads at the moment, 0 for none."""
_is_fresh = False


def be_fresh() -> None:
    """To be called in a process that was started afresh, and imports what a forked one would have inherited."""
    global _is_fresh
    _is_fresh = True


def guarded(load: Callable[[Any], Any], what: Any) -> Any:
    """Load what a caller has sent, or import a module of its tasks: `load(what)`."""
    global loader
    if not _is_fresh:
        return load(what)
    loader = get_ident()
    try:
        return load(what)
    finally:
        loader = 0


def refuse_call(name: str) -> None:
    """Raise `LaunchError` for a call of the task `name` by the thread that loads."""
    if loader == get_ident():
        raise LaunchError(
            f"{name} was called while {_importing()} was imported by a process that was started to execute tasks of "
            f"it: that process would start another one, and so on without end; put the calls into a function, or "
            f"below if __name__ == '__main__'"
        )


def _importing() -> str:
    """The module whose code has led here."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            return str(frame.f_globals.get("__name__", "its module"))
        frame = frame.f_back
    return "its module"


def as_told(error: BaseException) -> WofloError:
    """What the caller is told where that which it has sent could not be loaded."""
    if isinstance(error, LaunchError | SerializationError):  # of a call that the code made while it was loaded
        return error
    return shipping.refusal(error, "argument", "a call", "loaded")
