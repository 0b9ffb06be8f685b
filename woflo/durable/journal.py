"""What a workflow has done so far, found by the place of each call.

A place is a branch (its scope) and the number of the call in it. The code of a workflow comes to the same places
in the same order whenever it is executed, so a record belongs to the call at its place and to no other: one that
differs in task or arguments is non-determinism, never another call's result.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple

from woflo.errors import NonDeterminismError, SerializationError
from woflo.kernel.hiding import hide
from woflo.kernel.masking import mask_text
from woflo.kernel.texts import short
from woflo.stores.rows import Row

__all__ = ["Journal", "Place", "unreadable"]


class Place(NamedTuple):
    """Where in a workflow something is called."""

    scope: str
    """The numbers of the branches down to this one, with dots; empty for the trunk."""
    position: int
    """Among the calls of the branch, from 0."""

    def __str__(self) -> str:
        return f"call {self.position + 1}" + (f" of branch {self.scope}" if self.scope else "")


class Journal:
    """The records of one workflow run. Read once, when its code begins; then it only grows."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._records: dict[tuple[str, int], Row] = {}
        self._inherited: dict[tuple[str, int], Row] = {}
        """What a run before this one has recorded: it holds where the same is called again."""
        for row in rows:
            if row.position is not None:
                of_before = row.scope.startswith("~")
                (self._inherited if of_before else self._records)[row.scope.removeprefix("~"), row.position] = row
        self.has_inherited: bool = bool(self._inherited)
        """True where a run before this one has left records."""
        self._last: dict[str, int] = {}
        """The highest position that is recorded in each branch."""
        for scope, position in (*self._records, *self._inherited):
            self._last[scope] = max(position, self._last.get(scope, -1))
        self._unvisited = {position for scope, position in self._records if not scope}
        """Of the trunk alone: how far a branch gets before another one's failure ends all may differ."""

    def find(self, row: Row) -> Row | None:
        """The record at the place where `row` was called, or None where there is none yet.

        An empty digest is one that is not known yet. Raises `NonDeterminismError` where another call is recorded there.
        """
        assert row.position is not None
        record = self._records.get((row.scope, row.position))
        if record is None:
            return None
        if not row.scope:
            self._unvisited.discard(row.position)
        if record.task != row.task or (row.digest and record.digest != row.digest):
            raise NonDeterminismError(
                f"{Place(row.scope, row.position)} is recorded as {record.task}{record.args}, and now "
                f"{row.task}{row.args} was called there: "
                f"the code of the workflow has changed, or depends on what differs from one execution to the next"
            )
        return record

    def inherit(self, row: Row) -> Row | None:
        """What a run before this one has recorded for this call, where it was the same one."""
        assert row.position is not None
        record = self._inherited.get((row.scope, row.position))
        return record if record is not None and (record.task, record.digest) == (row.task, row.digest) else None

    def look(self, place: Place) -> Row | None:
        """What is recorded at a place, whatever it is."""
        return self._records.get(place) or self._inherited.get(place)

    def has_passed(self, place: Place) -> bool:
        """True where the branch had gone beyond this place before."""
        return self._last.get(place.scope, -1) >= place.position

    def check_all_visited(self, error: BaseException | None) -> None:
        """To be called when the code has ended, with what it has raised.

        Raises `NonDeterminismError` where records are left over, from that.
        """
        if self._unvisited:
            missed = self._records["", min(self._unvisited)]
            ended = "ended" if error is None else f"raised {_told(error)}"
            raise NonDeterminismError(
                f"{missed.task}{missed.args}, recorded as call {min(self._unvisited) + 1}, was not called again before "
                f"the workflow {ended}: its code has changed, or depends on what differs from one execution to the next"
            ) from error


def unreadable(record: Row, error: SerializationError) -> NonDeterminismError:
    """A record has a result that the code cannot read any more."""
    assert record.position is not None
    place = Place(record.scope, record.position)
    return NonDeterminismError(f"{place} is recorded as {record.task}{record.args}, and {error}: its code has changed")


def _told(error: BaseException) -> str:
    """An exception, and the line of the workflow that it comes from, if it comes from one."""
    trace = error.__traceback__
    is_of_code = trace is not None and not str(trace.tb_frame.f_globals.get("__name__")).startswith("woflo.")
    return f"{short(mask_text(hide(repr(error))))}{_line(trace) if trace is not None and is_of_code else ''}"


def _line(trace: TracebackType) -> str:
    return f" ({os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno})"
