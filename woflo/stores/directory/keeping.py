"""From operations to commits, and from commits to rows and files."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

from woflo.errors import StoreError
from woflo.stores.directory.files import Files
from woflo.stores.directory.history import History
from woflo.stores.directory.log import LOOKS, Commit, Log, OutdatedError, Position, damaged
from woflo.stores.directory.model import Model
from woflo.stores.directory.showing import Place, Showing
from woflo.stores.directory.texts import Change, changes_of, dump_changes
from woflo.stores.directory.values import Values
from woflo.stores.operations import Operation, Sweep
from woflo.stores.rows import Row

__all__ = ["Keeper"]

AT_LEAST = 256 * 1024
"""Bytes of commits after which all is written as a whole; more where the whole has more: so it stays a part of the
work, however many runs there are."""
NOWHERE = Position(-1, "")


class Keeper:
    """The rows as a commit left them, and the way to the next one."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.log: Log = Log(files)
        self.values: Values = Values(files, self._place_of_value)
        self.model: Model = Model(self.values.place)
        self.showing: Showing = Showing(files)
        self.history: History = History(files, self.showing.place)
        self.lock: AbstractContextManager[Any] = threading.RLock()
        """Held while the model is read or changed; not while the disk is waited for."""
        self._position = NOWHERE
        """The commit that the model shows."""
        self._weight = self._enough = 0
        """Bytes of commits since all was written as a whole, and how many are enough to do so again."""
        self._counted_from = NOWHERE

    def open(self) -> None:
        """Know what is kept."""
        with self.lock:
            self._read_whole()
            self.refresh()

    def head(self) -> Position:
        """The last commit of anybody."""
        return self.log.head()

    # -- following the others --------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what is kept now."""
        with self.lock:
            for _ in range(LOOKS):
                if self.log.head() == self._position:
                    return
                try:
                    for commit in self.log.since(self._position):
                        self._follow(commit)
                except OutdatedError:
                    self._read_whole()
        raise StoreError(f"{self._files.root}/.woflo/log: commits are missing; put a copy of the folder back")

    def _read_whole(self) -> None:
        position, changes, size = self.log.whole()
        self.model.clear()
        self.showing.clear()
        with damaged(self._files.path(f".woflo/whole/{position}")):
            self._put(changes_of(changes))
        self._position, self._counted_from = position, position
        self._weight, self._enough = 0, max(AT_LEAST, size)

    def _follow(self, commit: Commit) -> None:
        with damaged(self._files.path(f".woflo/log/{commit.position}")):
            changes = changes_of(commit.changes)
        self._put(changes)
        self._advance(commit.position, commit.size)

    def _advance(self, position: Position, size: int) -> None:
        self._position = position
        self._weight += size

    def _put(self, changes: list[Change]) -> None:
        self.model.tables.put(changes)
        for run_id, row in _runs(changes):
            self.showing.expect(run_id, row)

    def _place_of_value(self, name: str) -> str | None:
        found = self.model.tables.blobs.get(name)
        return found and found[1]

    # -- writing ---------------------------------------------------------------------------------------

    def apply(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        """See `Store.apply`. Decides again until no commit of others came between."""
        blobs = [blob for one in operations for blob in one.blobs]
        if not blobs:
            results = self._apply(operations)
            if any(isinstance(one, Sweep) for one in operations):
                self.values.remove_left_over({place for _, place in self.model.tables.blobs.values()})
            return results
        try:
            self.values.write(blobs)
            return self._apply(operations)
        finally:
            self._settle_values()

    def _settle_values(self) -> None:
        with self.lock, suppress(OSError, StoreError):  # where it cannot be told, they stay: `Sweep` finds them
            self.refresh()
            self.values.settle()

    def _apply(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        while True:
            decision = self._decide(operations)
            if not decision.changes:
                self.log.ensure(decision.before)
                return decision.results
            published = self.log.publish(decision.before, f"[{','.join(decision.texts)}]")
            if published is not None:
                self._kept(decision, *published)
                return decision.results

    def _decide(self, operations: Sequence[Operation[Any]]) -> Decision:
        """What the operations return and change on what is kept now; nothing is changed by that yet."""
        with self.lock:
            self.refresh()
            decision = Decision(self._position)
            try:
                for operation in operations:
                    self._decide_one(operation, decision)
            finally:
                self.model.tables.go_back()
            decision.gone = [
                self.model.tables.blobs[change.key][1]
                for change in decision.changes
                if change.table == "blobs" and change.value is None
            ]
            decision.places = {run_id: self.showing.place(run_id) for run_id, _ in _runs(decision.changes)}
        return decision

    def _decide_one(self, operation: Operation[Any], decision: Decision) -> None:
        start = self.model.tables.changes
        result, changes = self.model.attempt(operation)
        try:
            text = dump_changes(changes)
        except StoreError as error:
            self.model.tables.go_back(start)
            result, changes, text = error, [], ""
        decision.results.append(result)
        decision.changes += changes
        if text:
            decision.texts.append(text)

    def _kept(self, decision: Decision, position: Position, size: int) -> None:
        """Show it, to who reads here and to people. It is kept, whatever fails from here on."""
        with self.lock:
            if self._position == decision.before:
                self._put(decision.changes)
                self._advance(position, size)
            else:
                self.refresh()  # somebody who reads here has seen it already
        rows = dict(_runs(decision.changes))
        try:
            for run_id, row in rows.items():
                self.showing.move(decision.places[run_id], row, self._steps_to_show(row))
            with self.lock:
                self.history.follow(decision.places, rows)
            self.values.remove(decision.gone)
            self._write_whole()
        except OSError:
            pass  # whoever looks next puts files right, and whoever writes next writes all as a whole

    def show(self, run_id: str) -> None:
        """Write the file of a run anew, where it is to have one."""
        row = self.model.get(run_id)
        self.showing.move(None, row, self._steps_to_show(row))

    def _steps_to_show(self, row: Row | None) -> list[Row]:
        if row is None or not row.is_terminal:
            return []
        with self.lock:
            return self.model.steps(row.id)

    def _write_whole(self) -> None:
        """From time to time, by whoever comes first."""
        if self._weight < self._enough:
            return
        last = self.log.last_whole()
        with self.lock:
            if last > self._counted_from:
                self._counted_from, self._weight = last, 0
                return
            position, text = self._position, f"[{dump_changes(self.model.tables.everything())}]"
            self._counted_from, self._weight, self._enough = position, 0, max(AT_LEAST, len(text))
        self.log.write_whole(position, text)


class Decision:
    """What operations come to, on what a commit left."""

    def __init__(self, before: Position) -> None:
        self.before: Position = before
        self.results: list[Any] = []
        self.changes: list[Change] = []
        self.texts: list[str] = []
        """The changes as JSON, without the brackets around them."""
        self.gone: list[str] = []
        """The files of large values that nothing names any more."""
        self.places: dict[str, Place | None] = {}
        """Where the files of the runs that are changed were before."""


def _runs(changes: list[Change]) -> list[tuple[str, Row | None]]:
    return [(change.key, change.value) for change in changes if change.table == "runs"]
