"""One workflow run under way in this process: its code, its branches, and its end.

    engine ──► Execution ──► code of the workflow ──► call ──► Branch ──► place ──► journal: recorded? ─ yes ─► handle
                  ▲                                                                    │ no
                  │                                                       step: execute, record, then tell
                  └── ended: a value, a failure, parked, lost, not deterministic

What ends an execution other than its code is sticky: every later durable call of its frames is told, and what they
return or raise is dropped.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from weakref import WeakSet

from woflo.durable.branches import Branch, ToldOnce
from woflo.durable.called import deadline_of, deadline_passed
from woflo.durable.failing import failure_call
from woflo.durable.journal import unreadable
from woflo.durable.keeping import BranchKeeper, checked_calls
from woflo.durable.parking import Continued, Parked
from woflo.durable.recording import Recording
from woflo.durable.steps import StepRun
from woflo.durable.successors import next_run
from woflo.durable.waits import RunsWait, stored_below
from woflo.errors import (
    NonDeterminismError,
    OptionError,
    SerializationError,
    StoreError,
    TaskStoppedError,
    TaskTimeoutError,
    WofloError,
)
from woflo.kernel import clock, runtime, tracing
from woflo.kernel.attempt import Attempt
from woflo.kernel.graph import find_handles
from woflo.kernel.outcome import Outcome
from woflo.kernel.state import SUCCESSES, RunState
from woflo.stores.operations import CONTINUED, Finish, Park
from woflo.stores.rows import Row

if TYPE_CHECKING:
    from woflo.durable.engine import Engine
    from woflo.durable.stored import StoredTaskRun
    from woflo.durable.waits import Wait
    from woflo.kernel.reactor import Timer
    from woflo.kernel.task import Task
    from woflo.stores.codec import Codec

__all__ = ["NON_DETERMINISM", "STEP_UNCERTAIN", "Ending", "Execution", "loaded"]

NON_DETERMINISM = "non-determinism"
"""How the reason of a run begins whose code does not fit its journal; the rest tells what was found."""

STEP_UNCERTAIN = "step "
"""How the reason of a run begins one of whose steps waits for a decision; that step's own reason follows."""

LOOK_AGAIN = 10.0
"""Seconds after which a parked run looks for the end of one that it has not called: a run wakes only its caller, and
whoever follows the one that waits."""


class Execution(Recording):
    """A claimed run of a workflow, from the first line of its code to what is written about its end."""

    loop: Any = None
    """The event loop of an async workflow."""
    thread: int | None = None
    """The thread of a plain workflow's code."""

    def __init__(self, engine: Engine, row: Row, task: Task[..., Any]) -> None:
        super().__init__(engine, row, task)
        self._due = deadline_of(task, row)
        self._timer: Timer | None = None
        self.trunk: Branch = Branch(self)
        self.code_ended: threading.Event = threading.Event()
        """Set when the code has ended, and what was to be written about that is."""
        self.was_refused: bool = False
        """True where the store did not keep something, once the code has ended."""
        self._calls_made = 0
        """How many stored calls its code has made, those included that were recorded before."""
        self._next_args: str | None = None
        """Those of the run that is to go on from this one."""
        self._waits_for_others = False
        """True where it waits for a run that somebody else has called, by whose key it was found."""
        self._failed_children: WeakSet[StoredTaskRun[Any]] = WeakSet()
        """Those that have ended here, and that perhaps nobody has looked at."""
        self._open: dict[StepRun[Any], None] = {}
        """Steps that have not ended, in the order of their calls."""

    # -- the code --------------------------------------------------------------------------------------

    @abstractmethod
    def start(self) -> None:
        """Have the code executed, and its end written. Returns at once."""

    def _begins(self) -> None:
        """To be called first of all in the thread or coroutine that executes the code."""
        self._mark = self.engine.membership.begins(self.claim)

    def attempt(self) -> Attempt:
        """What is to be executed. Raises `SerializationError` where the arguments do not fit any more."""
        args, kwargs = self.engine.codec(self.task).load_call(self.engine.store.whole(self.row.args))
        row = self.row
        attempt = Attempt(row.id, self.task.name, row.attempt, self.task.body, args, kwargs, row.parent_id)
        attempt.recorder, attempt.keeper, attempt.channel = self.trunk, BranchKeeper(self.trunk), ToldOnce(self.trunk)
        attempt.trace = tracing.trace_of(row.id)
        return attempt

    def watch_deadline(self) -> None:
        """Have the run end when its time is over: at once, and without a beginning, where it is over already."""
        if self._due is None:
            return
        left = self._due - clock.now()
        if left <= 0:
            self._expire()
        else:
            self._timer = runtime.current.reactor.call_later(left, runtime.current.away_from_reactor, self._expire)

    def _expire(self) -> None:
        self._end_with_steps(deadline_passed(self.task))

    def end(self, why: BaseException) -> Parked:
        """Nothing of this execution may go on; all that wait in it are told. The first reason counts."""
        with self._lock:
            if self._ended is None:
                self._ended = why
            waiting = list(self._open)
        for step in waiting:
            step.execution_ended()
        return Parked(str(why))

    def leave(self) -> None:
        """This process ends: what executes now is recorded, and nothing further begins here."""
        self._is_leaving = True
        self.end(Parked("the process that executed it ends"))

    def under_way(self) -> list[StepRun[Any]]:
        """The steps that execute here, or whose ends are being recorded."""
        return [step for step in list(self._open) if step.is_under_way()]

    def stop(self) -> None:
        """Somebody asked for it: steps under way are stopped, and the run ends as STOPPED."""
        is_late = self._due is not None and clock.now() >= self._due
        why = deadline_passed(self.task) if is_late else TaskStoppedError(f"{self.task.name} was stopped")
        self._end_with_steps(why)

    def _end_with_steps(self, why: WofloError) -> None:
        steps = list(self._open)
        self.end(why)
        for step in steps:
            step._ask_to_stop(step.grace)

    # -- calls -----------------------------------------------------------------------------------------

    def call(self, branch: Branch, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The handle of what a branch calls: a step, which is finished already where it is recorded."""
        self.check()
        row = self.row_of_call(branch, task, args, kwargs)
        is_stored = task.options.runner is not None and task.runner.traits.durable
        run: Any = task.runner(task, args, kwargs) if is_stored else StepRun(task, args, kwargs)
        self.begin(run, row, self.engine.codec(task))
        return run

    def begin(self, run: Any, row: Row, codec: Codec) -> None:
        """Let a run be what is called at the place of `row`: it has ended already where that is recorded."""
        record = self.find(row)
        if not isinstance(run, StepRun):
            self._calls_made = checked_calls(self.task, self._calls_made)
            run.begin_in(self, row, record)
        elif record is not None and record.is_terminal:
            self.settle(run, record, codec)
        else:
            run.attach(self, row, codec, record)

    def settle(self, run: StepRun[Any], record: Row, codec: Codec) -> None:
        """The step ended before. Where the code cannot read how, this execution ends, as where the call is another."""
        try:
            run.settle_from(self.engine.store.whole_row(record), codec)
        except SerializationError as error:
            raise self.cannot_read(record, error) from error

    def cannot_read(self, record: Row, error: SerializationError) -> Parked:
        """What a call has left does not fit the code any more; this execution ends."""
        told = unreadable(record, error)
        told.__cause__ = error
        return self.end(told)

    def row_of_call(self, branch: Branch, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Row:
        """What is called at the next place of a branch, not yet recorded."""
        row = self.new_row(branch.next_place(), task.name, self.engine.codec(task).dump_call(args, kwargs))
        if task.options.key is not None and find_handles(args, kwargs)[0]:
            return row.changed(digest="")  # who calls by the key from elsewhere has values, which are not here yet
        return row

    def continue_as(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NoReturn:
        """End the code; when its steps have ended, another run begins with these arguments. Raises `Continued`."""
        check = self.task.body.check_call
        if check is not None:
            check(self.task.body, args, kwargs)
        if find_handles(args, kwargs)[0]:
            raise OptionError("continue_as was given a handle; give it the value, from get_result() or await")
        self._next_args = self.engine.codec(self.task).dump_call(args, kwargs)
        raise Continued(self.row.id)

    # -- steps that execute here -----------------------------------------------------------------------

    def opened(self, step: StepRun[Any]) -> None:
        """A step is called. Others that only wait to be waited for begin now, beside it."""
        others = list(self._open)
        self._open[step] = None
        for other in others:
            other.begin_beside()
        if self._ended is not None:  # since `call` has looked, others have, or one of these has found that
            self.check()

    def stirred(self) -> None:  # not everybody has to be told
        """What the code waits for stands otherwise now: it may be parked for it."""

    def closed(self, step: StepRun[Any]) -> None:
        """A step has ended."""
        self._open.pop(step, None)

    def has_branched(self, task: Any) -> None:  # a plain workflow need not know
        """The code has created a task of asyncio's."""

    # -- waiting long ----------------------------------------------------------------------------------

    @abstractmethod
    def may_wait_here(self) -> bool:
        """True in a thread that `wait_for` may block."""

    @abstractmethod
    def wait_for(self, wait: Wait) -> Any:
        """Return when it is over; an awaitable on the loop of an async workflow. Parks where it takes long."""

    async def until(self, step: StepRun[Any]) -> None:
        """Return when a step has ended; on the loop of an async workflow."""
        await self.wait_for(RunsWait((step,), lambda: not step.is_running()))

    def tokens(self, waits: Iterable[Wait]) -> tuple[str, ...] | None:
        """What wakes a workflow that waits for these; None where it cannot be parked, because a step executes here."""
        waits = tuple(waits)
        runs = stored_below([*(run for wait in waits for run in wait.runs), *self._open])
        if runs is None:
            return None
        self._waits_for_others = any(caller != self.row.id for caller in runs.values())
        return (*(token for wait in waits for token in wait.tokens), *(f"run:{run_id}" for run_id in runs))

    def park(self, waits: tuple[Wait, ...], tokens: tuple[str, ...]) -> bool:
        """Write what is waited for, and end. False where something of it is there already."""
        later = clock.now() + LOOK_AGAIN if self._waits_for_others else None
        times = [at for at in (self._due, later, *(wait.run_after for wait in waits)) if at is not None]
        operation = Park(
            now=clock.now(),
            claim=self.claim,
            notes=self._notes,
            comes_further=self._outlived,
            reason=self._reason(waits),
            waits_for=tokens,
            run_after=min(times, default=None),
        )
        if not self.written(operation):
            return False
        self.end(Parked(waits[0].reason))
        for run in list(self._failed_children):
            run._looked_at()
        return True

    def child_ended(self, run: StoredTaskRun[Any]) -> None:
        """A child that was called here has ended.

        Where its workflow is parked, before or after that, whoever goes on with it has another handle of the child,
        which is looked at there.
        """
        if run._state not in SUCCESSES:
            self._failed_children.add(run)
            if self._ended is not None:
                run._looked_at()

    def _reason(self, waits: tuple[Wait, ...]) -> str:
        """Where a person has to decide about a step, what that person is asked."""
        questions = (step.question for step in list(self._open) if step.question is not None)
        asked = next(questions, None)
        return waits[0].reason if asked is None else f"{STEP_UNCERTAIN}{asked}"

    # -- the end ---------------------------------------------------------------------------------------

    def last_write(self, outcome: Outcome) -> Ending:
        """What is to be written now that the code has ended: nothing, where that may not be told any more."""
        if self._ended is None:
            self._check_journal(outcome)
        ended, now = self._ended, clock.now()
        if isinstance(ended, NonDeterminismError):
            return Ending(Park(now=now, claim=self.claim, reason=f"{NON_DETERMINISM}: {ended}"))
        if isinstance(ended, Parked | StoreError):
            return Ending(None)
        if ended is not None:
            outcome = Outcome(None, ended, interrupted=not isinstance(ended, TaskTimeoutError))
        elif self._next_args is not None:
            return self._continuing(self._next_args)
        state, outcome, result, error = self.engine.codec(self.task).dump_outcome(None, outcome)
        calls = failure_call(self.engine, self.task, self.row, state, error)
        told: dict[str, Any] = {"state": state, "result": result, "error": error}
        finish = Finish(now=now, claim=self.claim, notes=self._notes, calls=calls, **told)
        return Ending(finish, state, outcome)

    def _continuing(self, args: str) -> Ending:
        successor = next_run(self.row, args).changed(parent_id=self.row.parent_id)
        finish = Finish(
            now=clock.now(),
            claim=self.claim,
            notes=self._notes,
            state=RunState.SUCCEEDED,
            reason=f"{CONTINUED}{successor.id}",
            successors=(successor,),
        )
        return Ending(finish, RunState.SUCCEEDED, None, successor.id)

    def _check_journal(self, outcome: Outcome) -> None:
        try:
            self.journal.check_all_visited(outcome.error)
        except NonDeterminismError as error:
            self._ended = error

    def written_end(self, ending: Ending, error: Exception | None) -> None:
        """The last write is kept, or was refused with `error`."""
        if self._timer is not None:
            self._timer.cancel()
        refused = error if error is not None else self._ended
        self.was_refused = isinstance(refused, StoreError)
        if error is not None:
            self.engine.complain(f"the end of {self.task.name} ({self.row.id}) could not be written", error)
        if isinstance(self._ended, NonDeterminismError) and self._ended.__cause__ is not None:
            self.engine.causes[self.row.id] = self._ended.__cause__
        self._mark.end()
        self.engine.execution_ended(self, ending if error is None else Ending(None))


class Ending(NamedTuple):
    """How an execution ends: what is written, and how the run has ended by it, where it has."""

    operation: Any
    state: RunState | None = None
    outcome: Outcome | None = None
    successor: str | None = None
    """The run that goes on in its place, and tells how all ended."""


def loaded(execution: Execution) -> Attempt | Outcome:
    """What is to be executed, or why it is not."""
    if execution.is_over is not None:
        return Outcome.failed(execution.is_over)
    try:
        return execution.attempt()
    except SerializationError as error:
        return Outcome.failed(error)
