"""Which steps have begun to execute, though no event tells of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from woflo.durable.steps import StepRun
from woflo.kernel.attempt import Attempt

__all__ = ["Executed"]


class Executed:
    """Which steps have begun to execute in this process, and how often: as a context manager it looks over them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._undo = ExitStack()

    def _begins(self, step: Any) -> None:
        if isinstance(step, StepRun):
            with self._lock:
                self._counts[step.id] += 1

    def take(self) -> Counter[str]:
        """How often each has, by its id, since this was asked."""
        with self._lock:
            taken, self._counts = self._counts, Counter()
        return taken

    def __enter__(self) -> None:
        """No event tells of this: a step that was launched need not have begun when its process dies."""
        self._look_at(Attempt, "execute", lambda attempt: attempt.run)
        self._look_at(Attempt, "execute_async", lambda attempt: attempt.run)
        self._look_at(StepRun, "_start_inner", lambda step: step)

    def _look_at(self, kind: type, name: str, step_of: Callable[[Any], Any]) -> None:
        method = getattr(kind, name)

        def looked_at(self_: Any) -> Any:
            self._begins(step_of(self_))
            return method(self_)

        setattr(kind, name, looked_at)
        self._undo.callback(setattr, kind, name, method)

    def __exit__(self, *exc: object) -> None:
        self._undo.close()
