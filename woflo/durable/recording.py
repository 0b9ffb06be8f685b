"""What an execution knows from its journal, and what it writes: steps, children, signals, and what it publishes.

A write that the store refuses ends the execution. What ends an execution is sticky: every later durable call of its
frames is told, and what they return or raise is dropped.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from woflo.durable.journal import Journal, Place
from woflo.durable.parking import Parked
from woflo.errors import NonDeterminismError, StoreError
from woflo.kernel import clock
from woflo.kernel.digest import digest
from woflo.kernel.state import RunState
from woflo.stores.operations import Accepted, Claimed, Publish, Record, TakeSignal
from woflo.stores.rows import Claim, Row, Tag, place_id

if TYPE_CHECKING:
    from woflo.durable.branches import Branch
    from woflo.durable.engine import Engine
    from woflo.durable.keeping import StepKeeper
    from woflo.kernel.task import Task
    from woflo.stores.contract import Store

__all__ = ["Recording", "Told"]

Told = Callable[[BaseException | None], object]
"""Called when a record is kept (with None), or with what prevented it."""


class Recording(ABC):
    """A claimed run with its journal."""

    def __init__(self, engine: Engine, row: Row, task: Task[..., Any]) -> None:
        self.engine: Engine = engine
        self.store: Store = engine.store
        self.claim: Claim = row.claim
        self.row: Row = row
        self.task: Task[..., Any] = task
        self._outlived = row.deaths > 0
        """True where workers died while it was under way."""
        self.journal: Journal = Journal(self.store.steps(row.id) if row.fence > 1 or row.continues else ())
        self._lock = threading.Lock()
        self._ended: BaseException | None = None
        """Why the frames may not go on; `Parked`, or what is to be written instead of their outcome."""
        self._is_leaving = False
        self._notes: tuple[Row, ...] = ()
        """Records that go with every write until one that had them is kept: what it keeps may depend on them."""

    @property
    def is_over(self) -> BaseException | None:
        """Why nothing of it may go on; None as long as it may."""
        return self._ended

    def check(self) -> None:
        """Raise `Parked` where this execution has ended. Called by every durable call."""
        if self._ended is not None:
            raise Parked(str(self._ended))

    @abstractmethod
    def end(self, why: BaseException) -> Parked:
        """Nothing of this execution may go on."""

    # -- what is recorded, and what is not yet ---------------------------------------------------------

    def new_row(self, place: Place, name: str, args: str) -> Row:
        """A step at this place, not yet recorded."""
        return Row(
            id=place_id(self.row.id, *place),
            task=name,
            queue=None,
            parent_id=self.row.id,
            scope=place.scope,
            position=place.position,
            args=args,
            digest=digest(args),
            created_at=clock.now(),
        )

    def find(self, row: Row) -> Row | None:
        """What is recorded at the place of `row`; where it is another call, this execution ends."""
        try:
            record = self.journal.find(row)
        except NonDeterminismError as error:
            raise self.end(error) from error
        return self._inherited(row) if record is None and self.journal.has_inherited else record

    def _inherited(self, row: Row) -> Row | None:
        """What a run before this one recorded there; it is recorded here with the next write."""
        found = self.journal.inherit(row)
        if found is None:
            return None
        record = found.changed(id=row.id, scope=row.scope)
        with self._lock:
            self._notes = (*self._notes, record)
        return record

    def note(self, branch: Branch, name: str, make: Callable[[], str], args: str = "{}") -> str:
        """The JSON that is recorded at the next place, or else what `make` gives, recorded there from now on.

        For what the code may go on with at once: it is written together with what comes next.
        """
        row = self.new_row(branch.next_place(), name, args)
        record = self.find(row)
        if record is not None:
            return record.result or "null"
        value = make()
        self.note_at(row, value)
        return value

    def note_at(self, row: Row, value: str) -> None:
        """Record this JSON at the place of `row`, with the next write."""
        with self._lock:
            note = row.changed(state=RunState.SUCCEEDED, result=value, finished_at=clock.now())
            self._notes = (*self._notes, note)

    # -- writes ----------------------------------------------------------------------------------------

    def recording(self, row: Row, keeper: StepKeeper | None) -> Record:
        """The write for a step that has ended."""
        calls, tags, beside = ((), (), ()) if keeper is None else (keeper.calls, keeper.tags, keeper.beside)
        return Record(
            now=clock.now(),
            claim=self.claim,
            comes_further=self._outlived and row.is_terminal,
            steps=(row, *beside),
            notes=self._notes,
            calls=calls,
            tags=tags,
        )

    def kept(self, operation: Claimed[Any]) -> None:
        """A write about this run, which has notes, was not refused."""
        with self._lock:
            saved = frozenset(note.id for note in operation.notes)
            self._notes = tuple(note for note in self._notes if note.id not in saved)

    def record(self, row: Row, keeper: StepKeeper | None, told: Told) -> None:
        """Keep a step that has ended, and what its code asked to be kept with it, then call `told`."""
        error: BaseException | None = None
        write = keeper.commit if keeper is not None and keeper.is_open else self.store.write
        try:
            self.written(self.recording(row, keeper), write)
        except Parked as parked:
            error = parked
        told(error)

    def written(self, operation: Claimed[Any], write: Callable[[Any], Any] | None = None) -> Any:
        """The result of a write about this run. Raises `Parked` where it was refused, and ends this execution."""
        if self._ended is not None and not self._is_leaving:
            self.check()
        try:
            result = (write or self.store.write)(operation)
        except StoreError as error:
            raise self.end(error) from error
        if operation.notes:
            self.kept(operation)
        return result

    def submit_child(self, row: Row, tags: tuple[Tag, ...], told: Callable[[Accepted], object]) -> None:
        """Keep a child, together with what it may depend on, and call `told` with what became of it."""
        told(self.written(self.calling(row, tags))[0])

    def calling(self, row: Row, tags: tuple[Tag, ...]) -> Record:
        """The write for a child."""
        further = self._outlived and row.key is None  # what has a key may be there
        written: dict[str, Any] = {"notes": self._notes, "calls": (row,), "tags": tags}
        return Record(now=clock.now(), claim=self.claim, comes_further=further, **written)

    def take_signal(self, row: Row, name: str) -> str | None:
        """The JSON of the oldest signal of this name, recorded as received by this step."""
        result: str | None = self.written(self.taking(row, name))
        return result

    def look_for_signal(self, row: Row, name: str, told: Callable[[str | None], object]) -> None:
        """Call `told` with the same."""
        told(self.take_signal(row, name))

    def taking(self, row: Row, name: str) -> TakeSignal:
        """The write for it."""
        now = clock.now()
        written: dict[str, Any] = {"notes": self._notes, "name": name, "step": row.changed(finished_at=now)}
        return TakeSignal(now=now, claim=self.claim, comes_further=self._outlived, **written)

    def publish(self, row: Row, name: str, value: str) -> None:
        """Show a value (JSON) to whoever looks, together with the record that it was shown."""
        self.written(self.publishing(row, name, value))

    def publishing(self, row: Row, name: str, value: str) -> Publish:
        """The write for it."""
        now = clock.now()
        step = row.changed(state=RunState.SUCCEEDED, result=value, finished_at=now)
        written: dict[str, Any] = {"notes": self._notes, "steps": (step,), "name": name, "value": value}
        return Publish(now=now, claim=self.claim, comes_further=self._outlived, **written)
