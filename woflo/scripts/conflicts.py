"""Two calls under way that would make one file in different ways: the second one is told, before it begins.

Calls that do the same are no conflict: one of them makes it, and the others find it made. Nor are calls one after the
other: the file is then that of the last one, and `why` tells by whom it was made.
"""

from __future__ import annotations

import os
import threading
from typing import Any
from weakref import WeakValueDictionary

from woflo.errors import OutputConflictError
from woflo.kernel.state import TERMINAL
from woflo.kernel.texts import short
from woflo.scripts.plan import Plan

__all__ = ["claim", "is_claimed"]

_lock = threading.Lock()
_makers: WeakValueDictionary[str, Any] = WeakValueDictionary()
"""By the path of an output, the run that was launched last to make it."""


def claim(run: Any, plan: Plan) -> None:
    """This run begins to make the outputs of its plan. Raises `OutputConflictError`."""
    paths = [os.path.abspath(plan.path(output.path)) for output in plan.outputs]
    with _lock:
        for path in paths:
            other = _makers.get(path)
            if other is not None and other is not run and other._state not in TERMINAL and not _is_same(other, plan):
                raise OutputConflictError(
                    f"{os.path.relpath(path)} would be made by two calls at once: by {_told(other, other._plan)}, "
                    f"which is under way, and by {_told(run, plan)}; give each an output of its own, as by a parameter "
                    f"in its name, or let one wait for the other"
                )
        for path in paths:
            _makers[path] = run


def is_claimed(plan: Plan) -> bool:
    """True where a call is under way here that makes one of these outputs, or records that it has."""
    with _lock:
        others = [_makers.get(os.path.abspath(plan.path(output.path))) for output in plan.outputs]
    return any(other is not None and other._state not in TERMINAL for other in others)


def _is_same(other: Any, plan: Plan) -> bool:
    """True where both do the same."""
    there: Plan | None = getattr(other, "_plan", None)
    if there is None:  # it has ended at this moment
        return True
    if plan.codec is not None and there.name != plan.name:
        return False
    parts = ("command", "base", "inputs", "environment", "extra", "code")
    return all(getattr(there, part) == getattr(plan, part) for part in parts)


def _told(run: Any, plan: Plan) -> str:
    text = plan.as_text()
    return f"{run.task.name} ({run.id})" + (f", `{short(text)}`" if text else "")


def _forget() -> None:
    """In a child: what is under way is the parent's, and goes on there."""
    global _lock, _makers
    _lock, _makers = threading.Lock(), WeakValueDictionary()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
