"""A run on its way to another store: how it is set aside, and how it was before.

    source                              target
    SetAside   executable nowhere
                                        Adopt      executable there alone
    Prune      gone

Whoever is cut off between two of these does them again: each finds what it did before, and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from woflo.kernel.state import RunState
from woflo.stores.operations import MOVED, SetAside
from woflo.stores.refusals import is_below, is_moved_elsewhere, under_way, unknown_run
from woflo.stores.rows import Row

__all__ = ["BEFORE", "as_before", "is_alive", "is_aside", "set_aside"]

BEFORE = "woflo.moving"
"""The name under which is published beside a run how it and all below it were."""
_CHANGED = ("state", "reason", "error", "waits_for", "run_after", "finished_at")


def is_alive(row: Row) -> bool:
    """True where it may still execute by itself; a step that its parent executes ends with that."""
    return not row.is_terminal and row.queue is not None


def is_aside(row: Row) -> bool:
    """True where it does not go on here because it is on its way."""
    return row.state is RunState.STOPPED and (row.reason or "").startswith(MOVED)


def set_aside(op: SetAside, tree: Sequence[Row]) -> tuple[list[Row], str | None]:
    """What the operation changes in a run and all below it (the run first), and what is kept beside it.

    None where nothing is to be changed. Raises what the operation is refused with.
    """
    if not tree:
        raise unknown_run(op.run_id)
    root = tree[0]
    reason = f"{MOVED}{op.to}"
    if root.parent_id is not None:
        raise is_below(root)
    if is_aside(root) and root.reason != reason:
        raise is_moved_elsewhere(root)
    for row in sorted(tree, key=lambda row: row.id):
        if row.worker is not None:
            raise under_way(row)
    moved = [row for row in sorted(tree, key=lambda row: row.id) if not row.is_terminal and not _is_intent(row)]
    if is_aside(root) or not moved:
        return [], None
    changes: dict[str, Any] = {"state": RunState.STOPPED, "reason": reason, "error": op.error, "finished_at": op.now}
    changes |= {"waits_for": (), "run_after": None}
    before = {row.id: {name: getattr(row, name) for name in _CHANGED} for row in moved}
    return [row.changed(**changes) for row in moved], json.dumps(before)


def _is_intent(row: Row) -> bool:
    return row.queue is None and row.state is RunState.RUNNING


def as_before(tree: Iterable[Row], kept: str | None) -> list[Row]:
    """The rows as they were before they were set aside."""
    before = json.loads(kept or "{}")
    return [row.changed(**_read(before[row.id])) if row.id in before else row for row in tree]


def _read(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "state": RunState(fields["state"]), "waits_for": tuple(fields["waits_for"])}
