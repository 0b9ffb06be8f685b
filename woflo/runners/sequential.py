"""Inline: the call has ended when it returns. For debugging, profiling, and code that must not be parallel."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from woflo.errors import TaskCrashedError, TaskStoppedError
from woflo.kernel.attempt import Attempt
from woflo.kernel.lending import lend_place, take_back_place
from woflo.kernel.outcome import Outcome
from woflo.kernel.run import BaseTaskRun, acquire_lock
from woflo.kernel.state import TERMINAL, RunState
from woflo.kernel.traits import Traits

__all__ = ["SequentialTaskRun"]

R = TypeVar("R")


class SequentialTaskRun(BaseTaskRun[R]):
    """Executes in the calling thread. Dependencies, limits and pauses between attempts are waited for there."""

    traits: ClassVar[Traits] = Traits(parallel=False)
    _todo: Attempt | None = None

    def _begin(self) -> None:
        super()._begin()
        lender = attempt = None
        try:
            while self._state not in TERMINAL:
                if self._todo is None:
                    lender = lender or lend_place()
                    self._wait_for_launch()
                attempt = self._take_attempt()
                if attempt is not None:
                    self._execute(attempt)
        except BaseException as error:
            self._give_up(error)
            raise
        finally:
            if lender is not None:  # only now: the place may have been lent to this very run
                take_back_place(lender)
            del self, lender, attempt  # see `Attempt.execute`

    def _give_up(self, error: BaseException) -> None:
        """The wait was interrupted: nobody will execute what is to come."""
        told = TaskStoppedError(f"{self.task.name} was interrupted by {type(error).__name__}")
        if not self._end_between_attempts(RunState.STOPPED, told):
            self._finish(Outcome(None, told, interrupted=True))

    def _launch(self, attempt: Attempt) -> None:
        """May come from any thread; the work is done by the one that called the task."""
        with self._lock:
            self._todo = attempt
            waiters, self._waiters = self._waiters, ()
        for waiter in waiters:
            waiter.release()

    def _interrupt(self) -> None:
        """A thread cannot be interrupted; its code may look at `current_run().stop_requested`."""

    def _wait_for_launch(self) -> None:
        """Wait until there is an attempt to execute, or the run has ended without."""
        waiter = self._enlist()
        if waiter is None:
            return
        if self._todo is not None:
            self._strike_off(waiter)
            return
        acquire_lock(waiter, -1.0)

    def _take_attempt(self) -> Attempt | None:
        with self._lock:
            attempt, self._todo = self._todo, None
        return attempt

    def _execute(self, attempt: Attempt) -> None:
        outcome = attempt.execute()
        error = outcome.error
        interrupt: Any = error.__cause__ if isinstance(error, TaskCrashedError) else None
        try:
            if isinstance(interrupt, KeyboardInterrupt):
                outcome.interrupted = True  # Ctrl-C is meant for the program, not for the task alone
                self._finish(outcome)
                raise interrupt
            self._finish(outcome)
        finally:
            del self, attempt, outcome, error, interrupt  # see `Attempt.execute`
