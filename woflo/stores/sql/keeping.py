"""Taking runs away, and moving them to another store, in named statements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from woflo.stores.moving import BEFORE, is_alive, is_aside, set_aside
from woflo.stores.operations import Adopt, Prune, SetAside
from woflo.stores.refusals import conflict, signal_there
from woflo.stores.rows import Row
from woflo.stores.sql.asking import Doing, Statement, asked
from woflo.stores.sql.large import swept
from woflo.stores.sql.rows import row_of, rows_of, values_of

__all__ = ["adopt", "dropping", "prune", "put_aside"]


def dropping(ids: Iterable[str]) -> list[Statement]:
    """What takes these runs away, and what is kept beside them."""
    values = {"ids": json.dumps(list(ids))}
    return [(name, values) for name in ("drop_runs", "drop_signals", "drop_published", "drop_tags")]


def _trees(ids: Sequence[str]) -> Doing[dict[str, list[Row]]]:
    """Each of these runs that is there, with all below it."""
    found = yield from asked("trees", {"ids": json.dumps(ids)})
    return {root: rows_of(one[2:] for one in some) for root, some in groupby(found, key=lambda one: str(one[0]))}


def prune(op: Prune) -> Doing[list[str]]:
    """See `Prune`."""
    trees = yield from _trees(op.ids)
    gone = [run_id for run_id in dict.fromkeys(op.ids) if run_id in trees and _may_go(trees[run_id], op.before)]
    if gone:
        yield dropping(row.id for run_id in gone for row in trees[run_id])
        yield from swept(op.now)
    return gone


def _may_go(tree: list[Row], before: float | None) -> bool:
    root = tree[0]
    is_old = before is None or (root.finished_at or 0.0) < before
    return root.parent_id is None and root.is_terminal and is_old and not any(map(is_alive, tree))


def put_aside(op: SetAside) -> Doing[None]:
    """See `SetAside`."""
    trees = yield from _trees([op.run_id])
    rows, before = set_aside(op, trees.get(op.run_id, []))
    if before is None:
        return
    changed: list[Statement] = [("drop_runs", {"ids": json.dumps([row.id for row in rows])})]
    changed += [("add_run", values_of(row)) for row in rows]
    yield [*changed, ("publish", {"run_id": op.run_id, "name": BEFORE, "value": before})]


def adopt(op: Adopt) -> Doing[bool]:
    """See `Adopt`."""
    root = op.runs[0]
    there = (yield from _trees([root.id])).get(root.id, [])
    if there and not is_aside(there[0]):
        if (there[0].task, there[0].digest) != (root.task, root.digest):
            raise conflict(root, there[0])
        return False
    if there:
        yield dropping(row.id for row in there)
    answers = yield [("add_run", values_of(row)) for row in op.runs]
    for row, answer in zip(op.runs, answers, strict=True):
        if not answer.changed:
            yield from _refuse(row)
    yield from _beside(op)
    return True


def _refuse(row: Row) -> Doing[None]:
    by_id = yield from asked("run_by_id", {"id": row.id})
    by_key = yield from asked("run_by_key", {"task": row.task, "key": row.key})
    raise conflict(row, row_of((by_id or by_key)[0]))


def _beside(op: Adopt) -> Doing[None]:
    published = ({"run_id": run_id, "name": name, "value": value} for run_id, name, value in op.published)
    added: list[Statement] = [("add_signal", _signal(signal)) for signal in op.signals]
    added += [*(("publish", values) for values in published), *(("add_tag", tag) for tag in op.tags)]
    answers = (yield added) if added else []
    for signal, answer in zip(op.signals, answers, strict=False):
        if not answer.changed:
            raise signal_there(signal)


def _signal(signal: Any) -> tuple[Any, ...]:
    return signal.id, signal.run_id, signal.name, signal.value, signal.sent_at, signal.taken_by
