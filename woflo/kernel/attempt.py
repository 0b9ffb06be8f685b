"""One try of a run: what a runner is given to execute."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from woflo.errors import TaskCrashedError, TaskStoppedError
from woflo.kernel.body import Body, run_coroutine
from woflo.kernel.context import current_attempt
from woflo.kernel.outcome import Outcome
from woflo.kernel.report import report
from woflo.kernel.tracing import enter, leave

if TYPE_CHECKING:
    from woflo.kernel.ports import Channel, Keeper, Recorder

__all__ = ["AROUND_CODE", "Attempt", "StopRequested", "outcome_of"]

AROUND_CODE: set[str] = {__name__, Body.__module__}
"""Modules whose frames stand above the code of the user; who adds a body of another kind adds its own."""


class StopRequested(BaseException):
    """Raised inside the code of an isolated attempt that is asked to stop, so that `finally` blocks run."""


class Attempt:
    """One try of a run.

    `run` is the handle in the process that made the call, and None in any other, which is told `run_id` instead.
    `last_heartbeat`, where it is set, is what the attempt before has left (JSON).
    `execute` does the work in the calling thread and never raises; what it returns goes to the run's `_finish`.
    """

    __slots__ = (
        "_run_id",
        "args",
        "body",
        "channel",
        "keeper",
        "kwargs",
        "last_heartbeat",
        "looks_for_stop",
        "number",
        "parent_id",
        "recorder",
        "run",
        "stop_requested",
        "task_name",
        "trace",
    )

    last_heartbeat: str

    def __init__(
        self,
        run_id: str,
        task_name: str,
        number: int,
        body: Body,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        parent_id: str | None = None,
        run: Any = None,
        channel: Channel | None = None,
    ) -> None:
        self._run_id = run_id
        self.task_name: str = task_name
        self.number: int = number
        self.body: Body = body
        self.args: tuple[Any, ...] = args
        self.kwargs: dict[str, Any] = kwargs
        self.parent_id: str | None = parent_id
        self.run: Any = run
        self.channel: Channel | None = channel
        self.recorder: Recorder | None = None
        self.keeper: Keeper | None = None
        self.stop_requested: bool = False
        self.looks_for_stop: bool = False
        """True where its code has looked at that, and so ends when it is asked to."""
        self.trace: str | None = None
        """The span of the run, where it is traced: it is the current one while the code executes."""

    @property
    def run_id(self) -> str:
        """The id of the run, which need not be made as long as nobody asks."""
        return self._run_id or str(self.run.id)

    def tell(self, kind: str, data: Any) -> None:
        """Send a message to whoever listens in the process that made the call; kinds as in `report`."""
        if self.channel is not None:
            self.channel.send(kind, data)
        elif self.run is not None:
            report(self.run, kind, data)

    def portable(self) -> Attempt:
        """The same for another process: the handle stays here."""
        twin = Attempt(self.run_id, self.task_name, self.number, self.body, self.args, self.kwargs, self.parent_id)
        twin.trace = self.trace
        if hasattr(self, "last_heartbeat"):
            twin.last_heartbeat = self.last_heartbeat
        return twin

    def execute(self) -> Outcome:
        """Do the work here and now. An async body runs in a fresh event loop.

        What it prints becomes events where the run's runner captures output.

        An exception holds its frames, and they hold those that called them: each of ours lets go of what leads to
        the run, which holds the exception. Otherwise all of it would stay until the garbage collector comes.
        """
        try:
            if self.run is not None and self.run.capture_output:
                from woflo.kernel.capturing import captured

                with captured(self):
                    return self._execute()
            return self._execute()
        finally:
            del self

    def _execute(self) -> Outcome:
        token = current_attempt.set(self)
        span = None if self.trace is None else enter(self.trace)
        try:
            value = self.body.call(self.args, self.kwargs, self.number)
            if type(value) is CoroutineType:
                value = run_coroutine(value)
            return Outcome(value)
        except BaseException as error:
            return outcome_of(error, self.task_name)
        finally:
            if span is not None:
                leave(span)
            current_attempt.reset(token)
            del self, token

    def execute_async(self) -> Coroutine[Any, Any, Outcome]:
        """Do the work on the running event loop. A cancellation ends it as interrupted."""
        if self.run is not None and self.run.capture_output:
            return self._execute_captured()
        return self._execute_async()

    async def _execute_captured(self) -> Outcome:
        from woflo.kernel.capturing import captured

        try:
            with captured(self):
                return await self._execute_async()
        finally:
            del self

    async def _execute_async(self) -> Outcome:
        token = current_attempt.set(self)
        span = None if self.trace is None else enter(self.trace)
        try:
            value = self.body.call(self.args, self.kwargs, self.number)
            if type(value) is CoroutineType:
                value = await value
            return Outcome(value)
        except BaseException as error:
            return outcome_of(error, self.task_name)
        finally:
            if span is not None:
                leave(span)
            current_attempt.reset(token)
            del self, token

    def __repr__(self) -> str:
        return f"<attempt {self.number} of {self.task_name} {self.run_id}>"


def outcome_of(error: BaseException, task_name: str) -> Outcome:
    """What an exception that came out of a task's code means for its attempt."""
    _trim(error)
    if isinstance(error, Exception):
        return Outcome(None, error)
    if isinstance(error, StopRequested) or _is_cancellation(error):
        stopped = TaskStoppedError(f"{task_name} was stopped while it was running")
        return Outcome(None, stopped, interrupted=True)
    crash = _crash_of(error, task_name)
    crash.__cause__ = error
    return Outcome(None, crash)


def _trim(error: BaseException) -> None:
    """Leave woflo's own frames out of the traceback that the user reads."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__name__") in AROUND_CODE:
        if trace.tb_next is None:
            return
        trace = trace.tb_next
    error.__traceback__ = trace


def _is_cancellation(error: BaseException) -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and isinstance(error, asyncio.CancelledError)


def _crash_of(error: BaseException, task_name: str) -> TaskCrashedError:
    import traceback

    trace = "".join(traceback.format_exception(error))
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else (0 if error.code is None else 1)
        told = "" if error.code is None else repr(error.code)
        return TaskCrashedError(f"{task_name} called sys.exit({told})", exit_code=code, trace=trace)
    return TaskCrashedError(f"{task_name} raised {type(error).__name__}", trace=trace)
