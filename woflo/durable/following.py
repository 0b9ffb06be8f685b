"""Handles whose runs have not ended: they are told when that is so, in whatever process it happens.

Who waits for a run helps it on where its process died: it is executed here then, and so are the children that it waits
for.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from woflo.errors import TaskStoppedError
from woflo.kernel import clock
from woflo.kernel.outcome import Outcome
from woflo.kernel.state import RunState
from woflo.stores.operations import LOST, Wake

if TYPE_CHECKING:
    from woflo.durable.engine import Engine
    from woflo.stores.rows import Row

__all__ = ["Followed", "Following"]


class Followed(Protocol):
    """A handle of a run in the store."""

    @property
    def id(self) -> str:
        """Of the run."""

    def look(self, row: Row) -> object:
        """The run has not ended, and stands as `row` says."""

    def ended_as(self, row: Row) -> object:
        """It has ended, as `row` says."""

    def went_on(self, run_id: str) -> object:
        """Another run is in its place."""

    def ended(self, state: RunState, outcome: Outcome) -> object:
        """It has ended like this."""


def _gone(run: Followed) -> tuple[RunState, Outcome]:
    """How a run ended that is not there any more: of calls, those that had nothing to do leave no trace."""
    if not getattr(run, "executes_here", False):
        return RunState.SKIPPED, Outcome(None)
    told = TaskStoppedError(f"the run {run.id} is not in its store any more: it was moved, or taken away")
    return RunState.STOPPED, Outcome.failed(told)


class Following:
    """The handles of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._handles: dict[str, list[Followed]] = {}
        self._seen: dict[str, RunState] = {}
        """How runs stood when they were looked at last, where they have changed since the call."""
        self._lock = threading.Lock()
        self._revived: set[str] = set()
        """Children that nobody here could execute, and whose parents were woken for that."""
        self._attached: set[str] = set()
        """Runs that were there before they were called here: perhaps their code has never been executed here."""

    def ids(self) -> set[str]:
        """The runs of all handles."""
        return set(self._handles)

    def has(self, run_id: str) -> bool:
        """True where a handle of this process tells how the run ends."""
        return run_id in self._handles

    def follow(self, run: Followed, *, is_new: bool = True) -> None:
        """Tell this handle when its run has ended; `is_new` is False where the run was there before the call."""
        with self._lock:
            if not is_new:
                self._attached.add(run.id)
            self._handles.setdefault(run.id, []).append(run)

    def forget(self, run_id: str) -> list[Followed]:
        """The handles of a run, which are told by whoever asked for them."""
        with self._lock:
            self._attached.discard(run_id)
            self._seen.pop(run_id, None)
            return self._handles.pop(run_id, [])

    def look(self) -> None:
        """See how the runs stand that do not execute here: of many a few have changed since."""
        here = self._engine.executions
        known = {one: self._seen.get(one, RunState.PENDING) for one in list(self._handles) if one not in here}
        found = self._engine.store.changed_among(known)
        for run_id, row in found.items():
            if row is not None and run_id in self._handles:
                self._seen[run_id] = row.state
            if run_id not in here:
                self._look_at(run_id, row, found)

    def _look_at(self, run_id: str, row: Row | None, found: Mapping[str, Row | None]) -> None:
        if row is None:
            for run in self.forget(run_id):
                run.ended(*_gone(run))
        elif row.is_terminal:
            self._engine.disown(run_id)
            for run in self.forget(run_id):
                run.ended_as(row)
        else:
            for run in self._handles.get(run_id, ()):
                run.look(row)
            self._adopt_children(row, found)

    def _adopt_children(self, row: Row, found: Mapping[str, Row | None]) -> None:
        """What a run waits for may have been left behind by a process that died.

        Those `found` by the same look are looked at by themselves: else each run of a deep chain would be asked for as
        often as there are runs above it.
        """
        engine = self._engine
        for token in row.waits_for:
            kind, _, child_id = token.partition(":")
            is_elsewhere = kind == "run" and child_id not in engine.executions
            child = (found.get(child_id) or engine.store.get(child_id)) if is_elsewhere else None
            if child is None or child.worker is not None:
                continue
            if child.is_terminal:  # and was called by somebody else, or it would have woken this one
                engine.store.write(Wake(now=clock.now(), run_id=row.id, token=token))
                continue
            if engine.can_execute(child.task):
                engine.own(child.id)
                if child.id not in found:
                    self._adopt_children(child, found)
            elif (child.reason == LOST or row.id in self._attached) and child.id not in self._revived:
                self._revived.add(child.id)
                engine.store.write(Wake(now=clock.now(), run_id=row.id))  # its code calls the child, and so knows it
