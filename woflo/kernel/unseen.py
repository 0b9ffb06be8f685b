"""Failures that nobody looked at: told once, at the end of the handle or of the program.

A run that fails gets a `Failure` beside its outcome. Whoever is told of the end (asks the handle, waits for it, gets
its event, depends on it) marks it as seen. It goes with its handle, and tells what was not seen.
"""

from __future__ import annotations

from typing import Any

from woflo.errors import UpstreamFailedError
from woflo.kernel import bus, runtime

__all__ = ["Failure", "tell_at_exit"]

MOST_TOLD = 10
"""How many runs are named at the end of the program; the others are counted."""


class Failure:
    """The end of a run that failed, as long as nobody has seen it."""

    __slots__ = ("__weakref__", "_error", "_runtime", "_untold", "_what")

    def __init__(self, run: Any, error: BaseException) -> None:
        self._untold = [True]
        """A list, because to take from it is one step: two threads may be about to tell."""
        self._runtime = run._runtime
        self._what = f"{run.task.name} ({run.id})"
        self._error = error
        self._runtime.failures.add(self)

    def see(self) -> None:
        """Somebody has been told of it."""
        self._untold.clear()

    def claim(self) -> bool:
        """True for who has to tell of it, once. A copy that was inherited through a fork is its owner's to tell."""
        try:
            return self._runtime is runtime.current and self._untold.pop()
        except IndexError:
            return False

    def __str__(self) -> str:
        root = self._error.__cause__ if isinstance(self._error, UpstreamFailedError) else None
        return f"{self._what}: {_in_words(self._error)}" + ("" if root is None else f", because of {_in_words(root)}")

    def __del__(self) -> None:
        if self._untold:
            telling = self._runtime.telling
            telling.add(id(self))
            try:
                if self.claim():
                    text = f"{self._what} failed, and nobody looked"
                    self._runtime.away_from_reactor(bus.tell_aloud, text, self._error)
            finally:
                telling.discard(id(self))


def _in_words(error: BaseException) -> str:
    import traceback

    from woflo.kernel.masking import mask_text

    return mask_text(traceback.format_exception_only(error)[0].strip())


def tell_at_exit() -> None:
    """Tell of all that are left, in one line each."""
    left = [failure for failure in list(runtime.current.failures) if failure.claim()]
    if left:
        lines = sorted(map(str, left))
        lines[MOST_TOLD:] = [f"and {len(left) - MOST_TOLD} more"] if len(left) > MOST_TOLD else []
        bus.tell_aloud("\n  ".join(["runs that failed, and nobody looked:", *lines]))
