"""Handles of runs that are kept in a store: they end when the run does, in whatever process it executes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from woflo.durable.batching import Batch, current_batch
from woflo.durable.called import called, given_with, tags_of
from woflo.durable.choice import current_store
from woflo.durable.decisions import decision_about
from woflo.durable.engine import Engine, engine_of
from woflo.durable.keeping import StepKeeper
from woflo.durable.outside import fork, published, restart, resume, send
from woflo.durable.schedules import parse
from woflo.errors import OptionError, SerializationError, UnknownRunError, WofloError
from woflo.kernel import bus, clock
from woflo.kernel.attempt import Attempt
from woflo.kernel.context import current_attempt
from woflo.kernel.digest import digest
from woflo.kernel.graph import ATOMS, find_handles
from woflo.kernel.lifecycle import NO_KWARGS, Watcher
from woflo.kernel.outcome import Outcome
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.state import TERMINAL, RunState
from woflo.kernel.traits import Traits
from woflo.stores.failures import dump_error
from woflo.stores.operations import Accepted, RequestStop, Submit, goes_on_as
from woflo.stores.refusals import conflict
from woflo.stores.rows import Row

if TYPE_CHECKING:
    from typing import Self

    from woflo.durable.execution import Execution
    from woflo.kernel.options import Options

__all__ = ["StoredTaskRun"]

R = TypeVar("R")
MOST_LATER = 5.0
"""Seconds that the row of a call may be made later than its handle; what is more is a clock that was set."""


class StoredTaskRun(BaseTaskRun[R]):
    """A call that is on disk when it returns."""

    traits: ClassVar[Traits] = Traits(killable=True, durable=True, queues=True)
    executes_here: ClassVar[bool] = False
    """True where the process that calls executes it, if it can; False where that is for workers."""
    _execution: Execution | None = None
    """The workflow that called this, as long as it executes."""
    _row: Row | None = None
    _text: str | None = None
    """The arguments as they are stored; None as long as handles among them have not ended."""
    is_kept: bool = False
    """True once the store has it."""
    _is_recorded = False
    """True where the workflow made this call before."""
    refusal: WofloError | None = None
    """Why the call is not kept."""
    _is_to_stop = False
    """True where it was asked to stop before it was kept."""
    _is_in_batch = False
    """True until the batch in which it was called is kept."""
    _undecided: WofloError | None = None
    """Why the run waits for a decision, and nobody may wait for it."""
    _to_tell: tuple[Watcher, ...] = ()
    """Coroutines that wait, to be told of that."""
    _loop: Any = None
    """The event loop on which it executes, or the workflow that called it does."""

    @classmethod
    def _check_options(cls, options: Options) -> None:
        if options.schedule is not None:
            parse(options.schedule)

    @property
    def id(self) -> str:
        return super().id if self._row is None else self._row.id

    @property
    def state(self) -> RunState:
        """As it was last seen in the store."""
        return self._state if self._state in TERMINAL or self._row is None else self._row.state

    # -- the call --------------------------------------------------------------------------------------

    def _begin(self) -> None:
        batch = current_batch.get()
        if batch is not None and self._is_simple():
            self._join(batch)
        else:
            self._begin_alone()

    def _is_simple(self) -> bool:
        """True for a call of plain values that nothing else has to be asked about."""
        options = self.task.options
        is_simple = self.task.is_plain and options.delay is None and options.admission is None
        if self.executes_here or not is_simple or self._kwargs or current_attempt.get() is not None or bus.wanted():
            return False
        return ATOMS.issuperset(map(type, self._args))

    def _join(self, batch: Batch) -> None:
        """Be kept with the other calls of the batch, as if all ways had been gone."""
        pattern = batch.pattern_of(self.task)
        text = pattern.codec.dump_call(self._args, NO_KWARGS)
        self._row = row = pattern.row.changed(id=super().id, args=text, digest=digest(text))
        self._engine: Engine = pattern.engine
        batch.add(self, row)
        self.attempt, self._in_code, self._reported, self._final = 1, True, False, True
        self._is_in_batch = True

    def _begin_alone(self) -> None:
        given_with(self.task)
        self._engine = engine_of(current_store())
        if not find_handles(self._args, self._kwargs)[0]:
            self._text = self._engine.codec(self.task).dump_call(self._args, self._kwargs)
        self._row = Row(id=_id_in_caller() or super().id, task=self.task.name)
        super()._begin()
        if self.refusal is not None:
            self._looked_at()
            raise self.refusal

    def begin_in(self, execution: Execution, row: Row, record: Row | None) -> None:
        """The call is made by a workflow, at the place of `row`; `record` is there where it was made before."""
        given_with(self.task)
        self._execution, self._engine, self._loop = execution, execution.engine, execution.loop
        self._row = record if record is not None and record.is_terminal else row
        if not find_handles(self._args, self._kwargs)[0]:
            self._text = row.args
        self._is_recorded = record is not None
        super()._begin()

    def _deadline_passed(self) -> None:
        """Who executes the run counts from when its row was made: a stop before that would be told as a person's."""
        row, deadline = self._row, self.task.options.deadline
        left = 0.0 if row is None or deadline is None else row.created_at + deadline - clock.now()
        if 0.0 < left < MOST_LATER:
            self._deadline_timer = self._runtime.reactor.call_later(left, self._deadline_passed)
            return
        super()._deadline_passed()

    def _admit(self) -> None:
        self._launch_admitted()  # how many execute at once is for those who execute them to say

    def _launch(self, attempt: Attempt) -> None:
        self._final = True  # attempts are counted where they are made
        assert self._row is not None
        text = self._text or self._engine.codec(self.task).dump_call(self._args, self._kwargs)
        row = self._called(text)
        if self.executes_here:
            self._engine.knows(self.task)
            self._engine.be_alive()
            if self._engine.has_room() and row.run_after is None:
                row = row.changed(worker=self._engine.id)
        try:
            self._submit(row)
        except WofloError as error:
            self.refusal = error
            raise
        finally:
            self._runtime.live.discard(self)  # the store keeps it from here on, or it was refused

    def _called(self, text: str) -> Row:
        """The row of this call; `text` are its arguments."""
        assert self._row is not None
        # In a workflow its digest is that of the call as it is written there, where handles may stand for values.
        return called(self._row, self.task, text, clock.now())

    def _submit(self, row: Row) -> None:
        together = current_batch.get()
        if self._execution is not None and not self._is_recorded:
            self._execution.submit_child(row, tags_of(row.id, self.task), self._is_accepted)
            return
        if together is None or self.executes_here or self._execution is not None:
            kept, is_new = self._kept(row)
            self.kept_as(kept, is_new=is_new)
            return
        together.add(self, row)
        self._is_in_batch = True

    def _is_accepted(self, found: Accepted) -> None:
        """The workflow has kept the call, which on a loop takes a moment."""
        self.kept_as(found.row, is_new=found.is_new)
        if self._is_to_stop:
            self._interrupt()

    def _unkept(self) -> WofloError | None:
        """Why nobody may wait for it now."""
        if not self._is_in_batch:
            return self._undecided
        return OptionError(
            f"{self.task.name} ({self.id}) is called in a batch that is not kept yet; wait for it after the block"
        )

    @property
    def engine(self) -> Engine:
        """Of the store that the call is for."""
        return self._engine

    def refused_with(self, error: WofloError) -> None:
        """The call is not kept."""
        self._is_in_batch, self.refusal = False, error
        self.ended(RunState.FAILED, Outcome.failed(error))
        self._looked_at()

    def kept_as(self, kept: Row, *, is_new: bool) -> None:
        """The store has the call, as this row."""
        self._row, self.is_kept, self._is_in_batch = kept, True, False
        if kept.is_terminal:
            self.ended_as(kept)
            return
        self._engine.following.follow(self, is_new=is_new)
        if is_new and kept.worker is not None:
            if self.task.body.is_async:
                self._loop = self._loop or _running_loop()
            is_closed = self._loop is not None and self._loop.is_closed()
            self._engine.start(kept, None if is_closed else self._loop)
            return
        if self.executes_here:
            self._engine.own(kept.id)
        self._engine.wake()

    def _kept(self, row: Row) -> Accepted:
        """The run as the store has it now: a new one, or the one that was there."""
        if self._execution is None:
            submit = Submit(now=clock.now(), runs=(row,), tags=tags_of(row.id, self.task))
            return self._engine.store.write(submit)[0]
        if self._row is not None and self._row.is_terminal:
            return Accepted(self._row, is_new=False)
        kept = self._engine.store.get(row.id)
        assert kept is not None
        if kept.digest != row.digest:  # of a key and handles, whose values are there only now
            raise conflict(row, kept)
        return Accepted(kept, is_new=False)

    # -- the end ---------------------------------------------------------------------------------------

    def ended_as(self, row: Row) -> None:
        """The run has ended, as its row says."""
        successor = goes_on_as(row)
        if successor is not None:
            self.went_on(successor)
            return
        try:
            outcome = self._engine.codec(self.task).load_outcome(self._engine.store.whole_row(row))
        except SerializationError as error:
            if self._execution is not None and row.parent_id == self._execution.row.id and row.position is not None:
                self._execution.cannot_read(row, error)
            self.ended(RunState.FAILED, Outcome.failed(error))
            return
        self.attempt: int = max(1, row.attempt)
        self.started_at: float | None = row.started_at
        self.ended(row.state, outcome)

    def went_on(self, run_id: str) -> None:
        """Another run is in the place of the one that was waited for, and is waited for now."""
        row = self._engine.store.get(run_id)
        while row is not None and (later := goes_on_as(row)) is not None:
            run_id, row = later, self._engine.store.get(later)
        if row is None:
            told = UnknownRunError(
                f"{self.task.name} ({self.id}) went on as {run_id}, which is not in the store any more"
            )
            self.ended(RunState.FAILED, Outcome.failed(told))
        else:
            self.stand_for(row)

    def stand_for(self, row: Row) -> None:
        """Be the handle of this run, which is in the store."""
        self._row, self.is_kept = row, True
        if row.is_terminal:
            self.ended_as(row)
            return
        self._engine.following.follow(self)
        if self.executes_here:
            self._engine.knows(self.task)
            self._engine.be_alive()
            self._engine.own(row.id)
        self._engine.wake()

    def restart(self) -> Self:
        """Begin a run in the place of this one, which has ended, from the beginning; see `woflo.restart`."""
        return self._another(restart(self.id, store=self._engine.store))

    def resume(self) -> Self:
        """Go on where this run failed, or waits for a decision; see `woflo.resume`."""
        return self._another(resume(self.id, store=self._engine.store))

    def fork(self, step: int, *, key: str | None = None) -> Self:
        """Begin a run beside this one with what its first `step` calls left; see `woflo.fork`."""
        return self._another(fork(self.id, step, key=key, store=self._engine.store))

    def _another(self, run_id: str) -> Self:
        """The handle of another run of the same task."""
        twin = type(self)(self.task, (), {})
        twin._engine, twin._final = self._engine, True
        row = self._engine.store.get(run_id)
        assert row is not None
        twin.stand_for(row)
        return twin

    def ended(self, state: RunState, outcome: Outcome) -> None:
        """The run has ended."""
        self._end_as(state, outcome)

    def _into_terminal(self, state: RunState, outcome: Outcome, now: float) -> Any:
        told = super()._into_terminal(state, outcome, now)
        if self._execution is not None:
            self._execution.child_ended(self)  # before anybody is told, and the program perhaps ends
        return told

    def look(self, row: Row) -> None:
        """The run stands as `row` says; where it waits for a decision, whoever waits for it is told."""
        self._row = row
        self._undecided = decision_about(row)
        if self._undecided is not None:
            self._undecided.__cause__ = self._engine.causes.get(row.id)
        if self._undecided is not None:
            self._release_waiters()

    def _release_waiters(self) -> None:
        super()._release_waiters()
        with self._lock:
            to_tell, self._to_tell = self._to_tell, ()
        for tell in to_tell:
            tell(self)

    def _woken(self) -> None:
        unkept = self._unkept()
        if unkept is not None and self._execution is None and self._state not in TERMINAL:
            raise unkept

    def send(self, name: str, value: Any = None) -> None:
        """Send a signal, which the workflow receives by `wait_signal(name)`; it is on disk when this returns.

        Raises `RunEndedError` where the run has ended, `SerializationError` for a value that is no JSON.
        """
        send(self.id, name, value, store=self._engine.store)

    def published(self) -> dict[str, Any]:
        """What the run has shown by `current_run().publish(name, value)`, the last value of each name."""
        return published(self.id, store=self._engine.store)

    def _interrupt(self) -> None:
        assert self._row is not None
        if self._execution is not None and not self.is_kept:
            self._is_to_stop = True
            return
        error = None if self._verdict is None else dump_error(self._verdict)
        self._engine.store.write(RequestStop(now=clock.now(), run_id=self._row.id, error=error))
        self._engine.wake()

    # -- waiting ---------------------------------------------------------------------------------------

    def _ended_outcome(self, timeout: float | None) -> Outcome:
        self._woken()
        return super()._ended_outcome(timeout)

    def _watch_for(self, waiter: Watcher) -> bool:
        with self._lock:
            self._to_tell = (*self._to_tell, waiter)
        return self._unkept() is None and super()._watch_for(waiter)

    def _unwatch(self, watcher: Watcher) -> None:
        super()._unwatch(watcher)
        with self._lock:
            self._to_tell = tuple(one for one in self._to_tell if one != watcher)

    def _needs_loop(self, loop: Any) -> bool:
        return self._loop is loop or super()._needs_loop(loop)


def _id_in_caller() -> str | None:
    """The id of a call that a step, or a stored call, makes plainly; None elsewhere."""
    attempt = current_attempt.get()
    keeper = None if attempt is None else attempt.keeper
    return keeper.next_call() if isinstance(keeper, StepKeeper) else None


def _running_loop() -> Any:
    import asyncio

    return asyncio._get_running_loop()
