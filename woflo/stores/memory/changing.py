"""What several operations do to a run: find it, put another row in its place, end it, and tell its parent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from woflo.kernel.state import RunState
from woflo.stores.memory.tables import TableReader
from woflo.stores.refusals import unknown_run
from woflo.stores.rows import Row, Tag

__all__ = ["Changing"]

_PENDING = RunState.PENDING
_WAITING = RunState.WAITING


class Changing(TableReader):
    """Changes rows; what each operation does is above."""

    def _known(self, run_id: str) -> Row:
        row = self._tables.runs.get(run_id)
        if row is None:
            raise unknown_run(run_id)
        return row

    def _put(self, row: Row, **changes: Any) -> Row:
        new = row.changed(**changes)
        self._tables.set(self._tables.runs, new.id, new)
        return new

    def _end(self, row: Row, now: float, **changes: Any) -> Row:
        ended = self._close(row, now, **changes)
        self._tell(row)
        return ended

    def _close(self, row: Row, now: float, **changes: Any) -> Row:
        """The end of a run, of which nobody is told yet."""
        return self._put(row, worker=None, run_after=None, waits_for=(), finished_at=now, **changes)

    def _tell(self, row: Row) -> None:
        """Wake the parent where it waits for this run."""
        parent = self._tables.runs.get(row.parent_id or "")
        if parent is not None:
            self._wake_for(parent, f"run:{row.id}")

    def _wake_for(self, row: Row, token: str) -> None:
        if row.state is _WAITING and token in row.waits_for:
            self._put(row, state=_PENDING, waits_for=(), run_after=None, reason=None)

    def _put_tags(self, tags: Iterable[Tag]) -> None:
        for tag in tags:
            self._tables.set(self._tables.tags, (tag.run_id, tag.name), tag.value)
