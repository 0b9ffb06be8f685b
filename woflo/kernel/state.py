"""The states of a run and the one table of what may follow what."""

from __future__ import annotations

from enum import StrEnum

from woflo.errors import InvalidTransitionError

__all__ = ["ALLOWED", "SUCCESSES", "TERMINAL", "RunState", "check_transition"]


class RunState(StrEnum):
    """Where a run stands. A terminal state never changes."""

    PENDING = "PENDING"
    """Called; waits for its dependencies, for a place, or for its turn."""
    RUNNING = "RUNNING"
    """An attempt is under way."""
    RETRYING = "RETRYING"
    """An attempt failed; the next one waits for its time."""
    WAITING = "WAITING"
    """Durable runs only: waits for a timer, a signal, a person or a decision."""
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    """No attempt is left, or none is worth it; or it could not be launched; or its deadline passed."""
    STOPPED = "STOPPED"
    SKIPPED = "SKIPPED"
    """Not executed because its result was there already: a success with its value."""
    UPSTREAM_FAILED = "UPSTREAM_FAILED"
    """Not executed because something that it depends on did not succeed."""

    @property
    def is_terminal(self) -> bool:
        """True for states that never change."""
        return self in TERMINAL

    @property
    def is_success(self) -> bool:
        """True where the run has a value."""
        return self in SUCCESSES


_S = RunState
_PARKED_NEXT = {_S.RUNNING, _S.PENDING, _S.SUCCEEDED, _S.FAILED, _S.STOPPED}

ALLOWED: dict[RunState, frozenset[RunState]] = {
    _S.PENDING: frozenset({_S.RUNNING, _S.SKIPPED, _S.UPSTREAM_FAILED, _S.FAILED, _S.STOPPED}),
    _S.RUNNING: frozenset({_S.SUCCEEDED, _S.FAILED, _S.STOPPED, _S.SKIPPED, _S.RETRYING, _S.WAITING, _S.PENDING}),
    _S.RETRYING: frozenset({_S.RUNNING, _S.STOPPED, _S.FAILED}),
    _S.WAITING: frozenset(_PARKED_NEXT),
    _S.SUCCEEDED: frozenset(),
    _S.FAILED: frozenset(),
    _S.STOPPED: frozenset(),
    _S.SKIPPED: frozenset(),
    _S.UPSTREAM_FAILED: frozenset(),
}
TERMINAL: frozenset[RunState] = frozenset(state for state, after in ALLOWED.items() if not after)
SUCCESSES: frozenset[RunState] = frozenset({_S.SUCCEEDED, _S.SKIPPED})


def check_transition(old: RunState, new: RunState) -> None:
    """Raise `InvalidTransitionError` unless `new` may follow `old`."""
    if new not in ALLOWED[old]:
        allowed = ", ".join(sorted(ALLOWED[old])) or "nothing, it is terminal"
        raise InvalidTransitionError(f"a run cannot go from {old} to {new}; {old} may be followed by: {allowed}")
