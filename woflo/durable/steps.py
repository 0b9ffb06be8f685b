"""The handle of a step that executes in its workflow's process. Its end is recorded before anybody sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextvars import Context, copy_context
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from woflo.durable.failing import failure_call
from woflo.durable.keeping import StepKeeper
from woflo.durable.parking import Parked, was_cancelled
from woflo.durable.uncertain import Care, is_careful
from woflo.errors import TaskStoppedError
from woflo.kernel import clock, runtime
from woflo.kernel.attempt import Attempt
from woflo.kernel.context import current_attempt
from woflo.kernel.heartbeats import begun
from woflo.kernel.outcome import Outcome
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.state import TERMINAL, RunState
from woflo.kernel.task import Task
from woflo.kernel.traits import Traits
from woflo.runners.thread import threads_of_this_process
from woflo.stores.codec import Codec
from woflo.stores.rows import Row

if TYPE_CHECKING:
    from woflo.durable.execution import Execution

__all__ = ["StepRun"]

R = TypeVar("R")


class StepRun(BaseTaskRun[R]):
    """A call of a task in the code of a workflow.

    In a plain workflow it executes in the thread that waits for it, where it is waited for at once; it begins in a
    thread of its own where another call is made first, or where it has a timeout. In an async workflow a coroutine
    begins on the loop, a plain function in a thread. A task that names a runner is executed by that one.
    """

    traits: ClassVar[Traits] = Traits()
    max_concurrency: ClassVar[int | None] = 64
    _execution: Execution | None = None
    _row: Row
    _context: Context
    _codec: Codec
    _keeper: StepKeeper | None = None
    """What the attempt under way has asked to be kept with its end."""
    _todo: Attempt | None = None
    """An attempt that waits to be waited for, or for the next call."""
    _inner: BaseTaskRun[Any] | None = None
    """The run by the runner that the task names."""
    _task: Any = None
    """Of a coroutine: what asyncio knows it by."""
    _is_recording = False
    _is_dropped = False
    """True where it never began, and whoever goes on with the workflow calls it anew."""
    _is_unrecorded = False
    """True where it ended when the workflow had lost its right to go on: nobody may see how."""
    _care: Care | None = None
    """What has to be done before the first attempt begins, where its task has an `on_crash` of its own."""
    is_uncertain: bool = False
    """True where it was cut off by a crash, so that finding out how it ended may take long."""
    is_kept: bool = False
    """True while it waits in the store for a person's decision."""
    question: str | None = None
    """What that person is asked."""

    @property
    def id(self) -> str:
        """The same whenever the workflow comes to this place: it may serve as idempotency key."""
        return self._row.id

    @property
    def log(self) -> str | None:
        """As of any run; of a step that was recorded before, too."""
        return (None if self._inner is None else self._inner.log) or super().log

    # -- from the call to the launch -------------------------------------------------------------------

    def settle_from(self, record: Row, codec: Codec) -> None:
        """This step ended before: it is what its record says."""
        self._row, self._codec = record, codec
        self.attempt: int = record.attempt
        self.started_at: float | None = record.started_at
        self.finished_at: float | None = record.finished_at
        self._outcome = codec.load_outcome(record)
        self._state = record.state

    def attach(self, execution: Execution, row: Row, codec: Codec, record: Row | None = None) -> None:
        """This step is new, or was cut off before its end was recorded; then `record` may tell that it began."""
        self._execution, self._row, self._codec = execution, row, codec
        if record is not None or is_careful(self.task):
            self._care = Care(self, record)
            self.is_uncertain = self._care.is_uncertain and (self._care.is_asked or is_careful(self.task))
        self._context = copy_context()
        execution.opened(self)
        self._begin()

    def _launch(self, attempt: Attempt) -> None:
        execution = self._execution
        assert execution is not None
        self._keeper = attempt.keeper = StepKeeper(execution.engine, execution.claim, self._row.id, self.task)
        options = self.task.options
        is_timed = options.timeout is not None or options.heartbeat_timeout is not None
        if execution.thread == get_ident() and options.runner is None and not is_timed:
            self._todo = attempt
        else:
            self._start(attempt)

    def begin_beside(self) -> None:
        """Begin, where this has not: another call is made, or somebody waits who cannot execute it."""
        attempt = None if self._todo is None else self._taken()
        if attempt is not None:
            self._start(attempt)

    def _taken(self) -> Attempt | None:
        with self._lock:
            attempt, self._todo = self._todo, None
        return attempt

    def _start(self, attempt: Attempt) -> None:
        care, self._care = self._care, None
        if care is None:
            self._launch_now(attempt)
        else:
            care.begin(attempt)

    def _launch_now(self, attempt: Attempt) -> None:
        loop = None if self._execution is None else self._execution.loop
        if self.task.options.runner is not None:
            self._start_inner()
        elif loop is not None and self.task.body.is_async:
            self._on_loop(loop, attempt)
        else:
            threads_of_this_process().execute(self, attempt)

    def _on_loop(self, loop: Any, attempt: Attempt) -> None:
        if asyncio._get_running_loop() is not loop:  # a retry comes from another thread
            loop.call_soon_threadsafe(self._on_loop, loop, attempt)
            return
        outside = self._context.copy()
        outside.run(current_attempt.set, None)  # this task is no branch of the workflow
        driving = self._drive(attempt)
        driving.send(None)  # up to its turn: one that is cancelled before that gets to say so, without a callback
        self._task = asyncio.Task(driving, loop=loop, context=outside)
        if attempt.stop_requested:
            self._task.cancel()

    async def _drive(self, attempt: Attempt) -> None:
        try:
            await _TURN
        except asyncio.CancelledError:
            self._is_dropped = self._verdict is None
            self._finish(Outcome(None, TaskStoppedError(f"{self.task.name} was cancelled"), interrupted=True))
            raise
        outcome = await attempt.execute_async()
        self._is_dropped = outcome.interrupted and self._verdict is None and was_cancelled()
        self._finish(outcome)

    def _execute(self, attempt: Attempt) -> Outcome:
        """In a thread beside the workflow's."""
        return self._context.copy().run(attempt.execute)

    def _start_inner(self) -> None:
        options = self.task.options
        here = {"retries": 0, "timeout": None, "deadline": None, "after": (), "max_concurrency": None}
        here |= {"heartbeat_timeout": None, "tags": None, "on_failure": None, "max_calls": None}
        here |= {"admission": None}  # this step was asked already, and its end is what is remembered
        inner: Task[..., Any] = Task(self.task.body, options.changed({**here, "name": self.task.name}))
        outside = self._context.copy()
        outside.run(current_attempt.set, None)
        last = self._heartbeat or self._heartbeat_before()
        self._inner = outside.run(begun, inner, self._args, self._inner_arguments(), self._beat, last, self.id)
        if not self._inner._watch(self._inner_ended):
            self._inner_ended(self._inner)

    def _heartbeat_before(self) -> str | None:
        """What it has left in a process that died; nothing where its workflow is executed for the first time."""
        execution = self._execution
        is_first = execution is None or execution.row.fence <= 1
        return None if is_first or self._keeper is None else self._keeper.last_heartbeat()

    def _inner_arguments(self) -> dict[str, Any]:
        return dict(self._kwargs)

    def _inner_ended(self, run: BaseTaskRun[Any]) -> None:
        assert run._outcome is not None
        run._looked_at()  # how it ended is told by this run
        self.calls: tuple[BaseTaskRun[Any], ...] = run.calls
        self._runtime.away_from_reactor(self._finish, run._outcome)

    def _beat(self, value: str) -> None:
        super()._beat(value)
        if self._keeper is not None:
            self._keeper.heartbeat(value)

    def _interrupt(self) -> None:
        if self._inner is not None:
            self._inner._ask_to_stop(self.grace)
        elif self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    # -- the end ---------------------------------------------------------------------------------------

    def _finish(self, outcome: Outcome) -> None:
        """Also for a value the long way, which comes by the record."""
        self._report(outcome)
        self._code_ended()

    def _report(self, outcome: Outcome) -> None:
        keeper = self._keeper  # a retry has another one
        if keeper is not None and (outcome.error is not None or self._verdict is not None):
            keeper.roll_back()
        super()._report(outcome)
        if keeper is not None and keeper.is_open:  # nothing is recorded here, and others wait for the store
            keeper.roll_back()

    def _settle(self, state: RunState, outcome: Outcome, *, only_idle: bool = False) -> bool:
        with self._lock:
            if self._state in TERMINAL or self._is_recording or (only_idle and self._in_code):
                return False
            self._is_recording = True
        assert self._execution is not None
        if self._is_dropped:
            self._settle_recorded(state, outcome, Parked("it never began"))
            return True
        state, outcome, result, error = self._codec.dump_outcome(state, outcome)
        row = self._row.changed(
            state=state,
            result=result,
            error=error,
            attempt=self.attempt,
            started_at=self.started_at,
            finished_at=clock.now(),
        )
        if self._keeper is not None and state is RunState.FAILED:
            self._keeper.roll_back()  # also for a result that cannot be stored
            self._keeper.calls = failure_call(self._execution.engine, self.task, row, state, error)
        self._execution.record(row, self._keeper, partial(self._settle_recorded, state, outcome))
        return True

    def _settle_recorded(self, state: RunState, outcome: Outcome, refused: BaseException | None) -> None:
        """The record is kept, or, where it was refused, the workflow may not go on."""
        self._is_unrecorded = refused is not None
        assert self._execution is not None
        self._execution.closed(self)
        super()._settle(state, outcome)
        if self._waiters:
            self._release_waiters()

    # -- waiting for a person's decision ---------------------------------------------------------------

    def wait_for_person(self, question: str) -> None:
        """It is not launched; the store tells how it ended, or that it is to be executed again after all."""
        assert self._execution is not None
        if self._timer is not None:
            self._timer.cancel()  # no attempt is under way
        self.question, self.is_kept = question, True
        self._execution.engine.following.follow(self)
        self._execution.engine.wake()
        self._execution.stirred()

    def look(self, row: Row) -> None:
        """Nothing was decided, or that it is executed again: its workflow is parked for that, and comes here anew."""

    def ended_as(self, row: Row) -> None:
        """Somebody told how it ended."""
        assert self._execution is not None
        self._in_code = self._reported = True
        self._settle_recorded(row.state, self._codec.load_outcome(self._execution.store.whole_row(row)), None)
        self._code_ended()

    def went_on(self, run_id: str) -> None:
        """No step does."""

    def ended(self, state: RunState, outcome: Outcome) -> None:
        """It is there no more: its workflow was forgotten."""
        self.drop()

    def drop(self) -> None:
        """It does not end here, and whoever goes on with the workflow calls it anew."""
        self._is_dropped = True
        told = TaskStoppedError(f"{self.task.name} was not executed: its workflow does not go on here")
        self._end_as(RunState.STOPPED, Outcome(None, told, interrupted=True))

    # -- waiting ---------------------------------------------------------------------------------------

    def _await_end_now(self, timeout: float | None) -> bool:
        """Where the waiting thread may execute the step it does: then there is nothing to wait for, nor to lend."""
        if timeout is None and self._todo is not None and self._care is None and self._is_on_own_thread():
            while self._todo is not None and (attempt := self._taken()) is not None:
                self._finish(attempt.execute())  # a retry without a pause comes back to the loop
        return self._state in TERMINAL or super()._await_end_now(timeout)

    def _block(self, timeout: float | None) -> bool:
        self.begin_beside()  # who comes here cannot execute it
        return self._state in TERMINAL or super()._block(timeout)

    def is_under_way(self) -> bool:
        """True where its code executes here, or its end is being recorded."""
        return (self._in_code or self._is_recording) and not self.is_kept and self._state not in TERMINAL

    def cannot_be_ended(self) -> bool:
        """True where its code is in a thread of this process, and does not look at whether it is to end."""
        run = self if self._inner is None else self._inner
        attempt = run._current
        is_asked = attempt is not None and attempt.looks_for_stop
        return self._task is None and not run.traits.killable and not is_asked

    def _is_on_own_thread(self) -> bool:
        """False in a process that was forked off by it, too."""
        execution = self._execution
        return execution is not None and execution.thread == get_ident() and self._runtime is runtime.current

    def _woken(self) -> None:
        if self._execution is not None and self._state not in TERMINAL and not self._runtime.exiting:
            self._execution.check()  # at exit it is the program that waits, not code of the workflow

    def _ended_outcome(self, timeout: float | None) -> Outcome:
        outcome = super()._ended_outcome(timeout)
        if self._is_unrecorded:
            raise Parked(f"{self!r} could not be recorded")
        return outcome

    def execution_ended(self) -> None:
        """The workflow does not go on here. What has not begun never will; whoever waits is told."""
        told = TaskStoppedError(f"{self.task.name} was not executed: its workflow does not go on here")
        if self._taken() is not None:
            self._is_dropped = True
            self._finish(Outcome(None, told, interrupted=True))
        elif not self._in_code:
            self._is_dropped = True
            self._end_between_attempts(RunState.STOPPED, told)
        elif self.is_kept:  # the store goes on telling of it, as of a child
            self._runtime.live.discard(self)
            self._code_ended()
        self._release_waiters()

    def _watch(self, watcher: Any) -> bool:
        self.begin_beside()  # who is told of its end cannot execute it
        return super()._watch(watcher)

    def enlist(self, waiter: Any) -> bool:
        """Have `waiter.release()` called when it ends, or its workflow does; False where it has ended."""
        self.begin_beside()
        with self._lock:
            if self._state in TERMINAL:
                return False
            self._waiters = [*self._waiters, waiter]
        return True

    def __await__(self) -> Generator[Any, None, R]:
        execution = self._execution
        if self._state not in TERMINAL and execution is not None and execution.loop is asyncio._get_running_loop():
            yield from execution.until(self).__await__()
        return (yield from super().__await__())

    def _needs_loop(self, loop: Any) -> bool:
        """True for that of its workflow, whatever executes it: its end is recorded, and told, by that loop."""
        return (self._execution is not None and self._execution.loop is loop) or super()._needs_loop(loop)


class _Turn:
    """Awaited, it stops once, and goes on when whoever drives the coroutine comes by again."""

    def __await__(self) -> Generator[None, None, None]:
        yield


_TURN = _Turn()
