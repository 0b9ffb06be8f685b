"""Runs that wait for somebody's decision, as whoever waits for them is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from woflo.durable.execution import NON_DETERMINISM, STEP_UNCERTAIN
from woflo.errors import NonDeterminismError, RunSuspectError, UncertainError, WofloError
from woflo.kernel.state import RunState
from woflo.stores.operations import SUSPECT, UNCERTAIN

if TYPE_CHECKING:
    from woflo.stores.rows import Row

__all__ = ["decision_about"]


def decision_about(row: Row) -> WofloError | None:
    """What has to be decided before this run goes on, or None where it does so by itself."""
    reason = row.reason or ""
    if row.state is not RunState.WAITING:
        return None
    who = f"{row.task} ({row.id})"
    if reason.startswith(NON_DETERMINISM):
        return NonDeterminismError(f"{who} waits for a decision; {reason}")
    if reason == SUSPECT:
        return RunSuspectError(f"{who} was under way when {row.deaths} workers died, and waits for a decision")
    if reason.removeprefix(STEP_UNCERTAIN).startswith(UNCERTAIN):
        return UncertainError(
            f"{who} waits for a decision: {reason}; tell how that ended with woflo.complete(id, value) or "
            f"woflo.complete(id, error=...), or have it executed again with woflo.resume(id)"
        )
    return None
