"""Taking runs away, and moving them to another store."""

from __future__ import annotations

from woflo.stores.memory.large import Large
from woflo.stores.memory.tables import GONE
from woflo.stores.moving import BEFORE, is_alive, is_aside, set_aside
from woflo.stores.operations import Adopt, Prune, SetAside
from woflo.stores.refusals import conflict, signal_there
from woflo.stores.rows import Row

__all__ = ["Keeping"]


class Keeping(Large):
    """Takes away and takes over."""

    def _prune(self, op: Prune) -> list[str]:
        gone = [run_id for run_id in dict.fromkeys(op.ids) if self._prune_one(run_id, op.before)]
        if gone:
            self._swept(op.now)
        return gone

    def _prune_one(self, run_id: str, before: float | None) -> bool:
        tree = self._tree(run_id)
        if not tree or tree[0].parent_id is not None or not tree[0].is_terminal or any(map(is_alive, tree)):
            return False
        if before is not None and (tree[0].finished_at or 0.0) >= before:
            return False
        for row in tree:
            self._drop(row.id)
        return True

    def _tree(self, run_id: str) -> list[Row]:
        """A run and all below it, the run first."""
        root = self._tables.runs.get(run_id)
        return [] if root is None else [root, *(row for step in self.steps(run_id) for row in self._tree(step.id))]

    def _drop(self, run_id: str) -> None:
        """A run, and what is kept beside it."""
        tables = self._tables
        for signal in self.signals(run_id):
            tables.set(tables.signals, signal.id, GONE)
        for name in self.published(run_id):
            tables.set(tables.published, (run_id, name), GONE)
        for name in self.tags(run_id):
            tables.set(tables.tags, (run_id, name), GONE)
        tables.set(tables.runs, run_id, GONE)

    def _set_aside(self, op: SetAside) -> None:
        rows, before = set_aside(op, self._tree(op.run_id))
        for row in rows:
            self._tables.set(self._tables.runs, row.id, row)
        if before is not None:
            self._tables.set(self._tables.published, (op.run_id, BEFORE), before)

    def _adopt(self, op: Adopt) -> bool:
        there = self._tree(op.runs[0].id)
        if there and not is_aside(there[0]):
            if (there[0].task, there[0].digest) != (op.runs[0].task, op.runs[0].digest):
                raise conflict(op.runs[0], there[0])
            return False
        for row in there:
            self._drop(row.id)
        for row in op.runs:
            self._check_new(row)
            self._tables.set(self._tables.runs, row.id, row)
        for signal in op.signals:
            if signal.id in self._tables.signals:
                raise signal_there(signal)
            self._tables.set(self._tables.signals, signal.id, signal)
        for run_id, name, value in op.published:
            self._tables.set(self._tables.published, (run_id, name), value)
        self._put_tags(op.tags)
        return True

    def _check_new(self, row: Row) -> None:
        there = self._tables.runs.get(row.id) or (row.key is not None and self.find(row.task, row.key))
        if there:
            raise conflict(row, there)
