"""Stored calls of plain tasks, executed by a worker: one attempt each, and what is written about it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from woflo.durable.called import as_called, deadline_of, deadline_passed
from woflo.durable.failing import failure_call
from woflo.durable.keeping import StepKeeper
from woflo.durable.uncertain import is_careful, question, verified
from woflo.errors import (
    Abandon,
    Decline,
    LeaseLostError,
    NothingDone,
    Retry,
    SerializationError,
    StoreError,
    TaskStoppedError,
    UncertainError,
)
from woflo.kernel import clock, retry, tracing
from woflo.kernel.attempt import Attempt
from woflo.kernel.context import current_attempt
from woflo.kernel.heartbeats import begun
from woflo.kernel.outcome import Outcome
from woflo.kernel.report import report
from woflo.kernel.state import SUCCESSES, RunState
from woflo.stores.failures import dump_error
from woflo.stores.operations import Claimed, Finish, Forget, Park, Release

if TYPE_CHECKING:
    from woflo.durable.engine import Engine
    from woflo.durable.serving import Serving
    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.task import Task
    from woflo.stores.rows import Row

__all__ = ["CallExecution"]


class _Messages:
    """What the code of a stored call says, where no runner passes it on."""

    def __init__(self, run_id: str, task: Task[..., Any], keeper: StepKeeper) -> None:
        self.id = run_id
        self.task = task
        self._beat = keeper.heartbeat

    def send(self, kind: str, data: Any) -> None:
        report(self, kind, data)


class CallExecution:
    """One attempt of a stored call. `attempt` and `started_at` are as retry strategies ask for them."""

    def __init__(self, serving: Serving, row: Row, task: Task[..., Any]) -> None:
        self.engine: Engine = serving.engine
        self.row: Row = row
        self.task: Task[..., Any] = as_called(task, row)
        self._due = deadline_of(self.task, row)
        self.attempt: int = row.attempt
        self.started_at: float | None = row.started_at
        self._serving = serving
        self._claim = row.claim
        self._keeper = StepKeeper(self.engine, self._claim, row.id, self.task)
        self._inner: BaseTaskRun[Any] | None = None
        self._ends_as: tuple[RunState, BaseException | None] | None = None
        """How the run has ended, once that is written; None where it goes on elsewhere."""
        self._question: str | None = None
        """What a person has to decide."""

    # -- the attempt -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, in the place that suits the task. Returns at once."""
        if self.task.body.is_async and not self._is_uncertain and not self._serving.has_runner(self.task):
            self._serving.loop.call_soon_threadsafe(self._start_on_loop)
        else:
            self._serving.threads.execute(self, None)  # type: ignore[arg-type]  # the attempt is made there

    def _execute(self, _: Any) -> Outcome:
        """In a thread."""
        self._mark = self.engine.membership.begins(self._claim)
        self.engine.telling.attempt_begins(self.row)
        try:
            attempt = self._attempt()
            told = self._found_out(attempt) if self._is_uncertain else None
        except (SerializationError, UncertainError) as error:
            return Outcome.failed(error)
        if told is not None:
            return told
        if self._due is not None and clock.now() >= self._due:
            return Outcome.failed(deadline_passed(self.task))
        if self._serving.has_runner(self.task):
            return self._by_runner(attempt)
        return attempt.execute()

    @property
    def _is_uncertain(self) -> bool:
        """True where it may have been under way when a worker died, and may not simply be executed once more."""
        return self.row.deaths > 0 and is_careful(self.task)

    def _found_out(self, attempt: Attempt) -> Outcome | None:
        """How it ended then, or None where it did not happen. Raises `UncertainError` where a person has to say."""
        verify = self.task.options.on_crash
        try:
            if callable(verify):
                return verified(verify, self.row.id, attempt.args, attempt.kwargs)
            raise UncertainError
        except UncertainError as error:
            self._question = question(self.row, str(error))
            raise

    def _attempt(self) -> Attempt:
        row = self.row
        args, kwargs = self.engine.codec(self.task).load_call(self.engine.store.whole(row.args))
        attempt = Attempt(row.id, self.task.name, row.attempt, self.task.body, args, kwargs, row.parent_id)
        attempt.keeper = self._keeper
        attempt.channel = _Messages(row.id, self.task, self._keeper)
        attempt.trace = tracing.trace_of(row.id)
        return attempt

    def _by_runner(self, attempt: Attempt) -> Outcome:
        """As a run of the runner that worker or task names, or that can keep a timeout."""
        task = self._in_time(self._serving.inner_task(self.task))
        token = current_attempt.set(None)
        try:
            last = self._keeper.last_heartbeat() if self.row.fence > 1 else None
            self._serving.logs.begin()
            self._serving.logs.begins(self.row.id)
            self._inner = begun(task, attempt.args, attempt.kwargs, self._keeper.heartbeat, last, self.row.id)
            value = self._inner.get_result(raise_exceptions=False)
        finally:
            self._serving.logs.ends(self.row.id, task.name)
            current_attempt.reset(token)
        error = self._inner.exception()
        if error is not None and self._due is not None and clock.now() >= self._due:
            error = deadline_passed(self.task)
        return Outcome(value) if error is None else Outcome.failed(error)

    def _in_time(self, task: Task[..., Any]) -> Task[..., Any]:
        """With the time that the attempt may take."""
        left = None if self._due is None else max(0.001, self._due - clock.now())
        times = [one for one in (self.task.options.timeout, left) if one is not None]
        task = task.with_options(timeout=min(times)) if times else task
        beats = self.task.options.heartbeat_timeout
        return task if beats == task.options.heartbeat_timeout else task.with_options(heartbeat_timeout=beats)

    def _start_on_loop(self) -> None:
        self._task = self._serving.loop.create_task(self._drive())

    async def _drive(self) -> None:
        self._mark = self.engine.membership.begins(self._claim)
        self.engine.telling.attempt_begins(self.row)
        try:
            outcome = await self._attempt().execute_async()
        except SerializationError as error:
            outcome = Outcome.failed(error)
        self._finish(outcome)

    # -- its end ---------------------------------------------------------------------------------------

    def _finish(self, outcome: Outcome) -> None:
        self._serving.code_ended_at = time.monotonic()
        if outcome.error is not None:
            self._keeper.roll_back()
            self._keeper.keep_heartbeat()
        operation = self._ending(outcome)
        if self._keeper.is_open:
            self._commit(operation)
        else:
            self.engine.store.submit((operation,), self._written)

    def _commit(self, operation: Claimed[Any]) -> None:
        try:
            self._keeper.commit(operation)
        except StoreError as error:
            self._written([error])
        else:
            self._written([None])

    def _ending(self, outcome: Outcome) -> Claimed[Any]:
        """What is written about this end."""
        error, now, claim = outcome.error, clock.now(), self._claim
        if self._question is not None:
            return Park(now=now, claim=claim, reason=self._question)
        if isinstance(error, NothingDone):
            if self.row.parent_id is None:
                self._ends_as = (RunState.SKIPPED, None)
                return Forget(now=now, claim=claim)
            outcome = Outcome(None)  # its caller waits for it
            error = None
        if isinstance(error, Decline):
            later = now + self._serving.pause_after_decline
            return Release(now=now, claim=claim, reason=f"declined: {error}", run_after=later)
        delay = None if error is None else self._delay(error)
        if error is not None:
            self.engine.telling.attempt_failed(self.row, error, delay)
        if delay is not None:
            assert error is not None
            return Release(now=now, claim=claim, failed=True, run_after=now + delay, error=dump_error(error))
        state, outcome, result, text = self.engine.codec(self.task).dump_outcome(None, outcome)
        self._ends_as = (state, outcome.error)
        if state not in SUCCESSES:
            self._keeper.roll_back()  # also for a result that cannot be stored
        return Finish(now=now, claim=claim, state=state, result=result, error=text, **self._calls(state, text))

    def _calls(self, state: RunState, error: str | None) -> dict[str, Any]:
        """What is called together with its end."""
        if state in SUCCESSES:
            return {"calls": self._keeper.calls, "tags": self._keeper.tags}
        return {"calls": failure_call(self.engine, self.task, self.row, state, error)}

    def _delay(self, error: BaseException) -> float | None:
        """Seconds until the next attempt, or None where there is none."""
        if isinstance(error, Abandon):
            return None
        delay = error.delay if isinstance(error, Retry) else self._delay_by_options(error)
        if delay is not None and self._due is not None and clock.now() + delay >= self._due:
            error.add_note("its deadline comes before another attempt")
            return None
        return delay

    def _delay_by_options(self, error: BaseException) -> float | None:
        options = self.task.options
        try:
            if self.row.attempt > options.retries or not retry.is_worth_retrying(options, error):
                return None
            return retry.delay_before_next(self, error)  # type: ignore[arg-type]  # it has what strategies ask for
        except Exception as broken:
            error.add_note(f"whether to retry could not be decided: {broken!r}")
            return None

    def _written(self, results: list[Any]) -> None:
        if isinstance(results[0], Exception):
            self.engine.complain(f"the end of {self.task.name} ({self.row.id}) could not be written", results[0])
        elif results[0] is False:  # it was asked to stop, and is not to wait for a decision
            self._question = None
            self._finish(Outcome(None, TaskStoppedError(f"{self.task.name} was stopped"), interrupted=True))
            return
        elif self._ends_as is not None:
            self.engine.telling.ended(self.row, *self._ends_as)
        if not isinstance(results[0], StoreError) or isinstance(results[0], LeaseLostError):
            self._mark.end()  # else it is still held, and may have happened
        self._serving.ended(self)

    def stop(self) -> None:
        """Somebody asked for it: the code is told, or ended where its runner can do that."""
        if self._inner is not None:
            self._inner._ask_to_stop(5.0)
