"""Handles whose runs have not ended: they are told when that is so, in whatever process it happens.

Who waits for a run helps it on where its process died: it is executed here then, and so are the children that it waits
for.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from woflo.errors import TaskStoppedError
from woflo.kernel import clock
from woflo.kernel.outcome import Outcome
from woflo.kernel.state import RunState
from woflo.stores.operations import LOST, Wake

if TYPE_CHECKING:
    from woflo.durable.engine import Engine
    from woflo.durable.stored import StoredTaskRun
    from woflo.stores.rows import Row

__all__ = ["Following"]


def _gone(run: StoredTaskRun[Any]) -> tuple[RunState, Outcome]:
    """How a run ended that is not there any more: of calls, those that had nothing to do leave no trace."""
    if not run.executes_here:
        return RunState.SKIPPED, Outcome(None)
    told = TaskStoppedError(f"{run.task.name} ({run.id}) is not in its store any more: it was moved, or taken away")
    return RunState.STOPPED, Outcome.failed(told)


class Following:
    """The handles of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._handles: dict[str, list[StoredTaskRun[Any]]] = {}
        self._lock = threading.Lock()
        self._revived: set[str] = set()
        """Children that were lost, and whose parents were woken for that."""

    def ids(self) -> set[str]:
        """The runs of all handles."""
        return set(self._handles)

    def follow(self, run: StoredTaskRun[Any]) -> None:
        """Tell this handle when its run has ended."""
        with self._lock:
            self._handles.setdefault(run.id, []).append(run)

    def forget(self, run_id: str) -> list[StoredTaskRun[Any]]:
        """The handles of a run, which are told by whoever asked for them."""
        with self._lock:
            return self._handles.pop(run_id, [])

    def look(self) -> None:
        """See how the runs stand that do not execute here."""
        for run_id in list(self._handles):
            if run_id not in self._engine.executions:
                self._look_at(run_id, self._engine.store.get(run_id))

    def _look_at(self, run_id: str, row: Row | None) -> None:
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
            self._adopt_children(row)

    def _adopt_children(self, row: Row) -> None:
        """What a run waits for may have been left behind by a process that died."""
        engine = self._engine
        for token in row.waits_for:
            kind, _, child_id = token.partition(":")
            child = engine.store.get(child_id) if kind == "run" and child_id not in engine.executions else None
            if child is None or child.worker is not None or child.is_terminal:
                continue
            if engine.can_execute(child.task):
                engine.own(child.id)
                self._adopt_children(child)
            elif child.reason == LOST and child.id not in self._revived:
                self._revived.add(child.id)
                engine.store.write(Wake(now=clock.now(), run_id=row.id))  # its code calls the child, and so knows it
