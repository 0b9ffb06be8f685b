"""What several operations do to a run: find it, end it, and tell its parent, in named statements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from woflo.kernel.state import RunState
from woflo.stores.operations import Complete, Finish
from woflo.stores.refusals import unknown_run
from woflo.stores.rows import Row
from woflo.stores.sql.asking import Doing, Statement, asked
from woflo.stores.sql.rows import row_of

__all__ = ["end_run", "first", "known", "tell", "tell_of", "tell_of_stopped", "wake_for"]


def known(run_id: str) -> Doing[Row]:
    """The run of this id. Raises `UnknownRunError`."""
    return first(run_id, (yield from asked("run_by_id", {"id": run_id})))


def first(run_id: str, found: list[tuple[Any, ...]]) -> Row:
    """The same, of what was found."""
    if not found:
        raise unknown_run(run_id)
    return row_of(found[0])


def end_run(run_id: str, op: Finish | Complete, reason: str | None) -> Statement:
    """How a run ends, as the operation says."""
    return "end_run", (op.state._value_, op.result, op.error, reason, op.now, run_id)


def tell_of(run_id: str, parent_id: str | None) -> Doing[None]:
    """Ask what `tell` gives."""
    told = tell(run_id, parent_id)
    if told:
        yield told


def tell(run_id: str, parent_id: str | None) -> list[Statement]:
    """Wake the parent where it waits for the end of this run."""
    return [] if parent_id is None else [wake_for(parent_id, run_id)]


def tell_of_stopped(given_back: Iterable[tuple[Any, ...]]) -> Doing[None]:
    """Those of the runs that were asked to stop have ended by that: their parents are told."""
    ended = [one for run_id, parent, state in given_back if state == RunState.STOPPED for one in tell(run_id, parent)]
    if ended:
        yield ended


def wake_for(run_id: str, awaited: str) -> Statement:
    """Let a run go on that waits for the end of `awaited`."""
    return "wake_for", {"id": run_id, "token": f"run:{awaited}"}
