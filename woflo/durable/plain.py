"""Plain workflows: their code has a thread, which executes the steps that it waits for."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from woflo.durable.execution import Execution, loaded
from woflo.durable.parking import Parked
from woflo.durable.waits import RunsWait
from woflo.errors import NotInWorkflowError, StoreError
from woflo.kernel import clock
from woflo.kernel.outcome import Outcome
from woflo.runners.thread import threads_of_this_process

if TYPE_CHECKING:
    from woflo.durable.steps import StepRun
    from woflo.durable.waits import Wait
    from woflo.kernel.attempt import Attempt

__all__ = ["PlainExecution"]

SOON = 0.02
"""Seconds for which what the store has seen may be on its way here."""


class PlainExecution(Execution):
    """The code of a plain workflow, in a thread."""

    _changes: threading.Event | None = None
    """While the thread waits for what may take long: set when that may have come."""

    def start(self) -> None:
        threads_of_this_process().execute(self, None)  # type: ignore[arg-type]  # it has an attempt of its own

    def _execute(self, attempt: Any) -> Outcome:
        """In the thread."""
        self._begins()
        self.thread: int | None = threading.get_ident()
        todo: Attempt | Outcome = loaded(self)
        outcome = todo if isinstance(todo, Outcome) else todo.execute()
        self._finish_open_steps()
        return outcome

    def _finish(self, outcome: Outcome) -> None:
        ending = self.last_write(outcome)
        error = None
        try:
            if ending.operation is not None:
                self.store.write(ending.operation)
        except StoreError as refused:
            error = refused
        self.written_end(ending, error)

    def _finish_open_steps(self) -> None:
        """What was called is executed, whether anybody waits for it or not."""
        try:
            while self._open and self._ended is None:
                self.wait_for(RunsWait(self._open, lambda: not self._open))
        except Parked:
            pass

    def may_wait_here(self) -> bool:
        return threading.get_ident() == self.thread

    def wait_for(self, wait: Wait) -> None:
        if not self.may_wait_here():
            raise NotInWorkflowError(
                "a plain workflow can wait for long only in its own thread, not in one that it has started"
            )
        for step in list(self._open):
            step.begin_beside()
        hold_until = time.monotonic() + self.engine.hold
        with self.engine.hearing() as changes:
            self._changes = changes
            wait.watch(changes.set)
            while not wait.is_over():
                self.check()
                left = _seconds_to_hold(wait, hold_until, self.engine.hold)
                changes.wait(left if left > 0 else self._park_or_hold(wait))
        self.check()

    def _park_or_hold(self, wait: Wait) -> float | None:
        """Raise `Parked`, or tell for how many seconds to wait on: steps execute here, or it is about to be over."""
        left = None if wait.run_after is None else max(0.0, wait.run_after - clock.now())
        tokens = self.tokens((wait,))
        if tokens is None:
            return left
        if self.park((wait,), tokens):
            raise Parked(wait.reason)
        return SOON if left is None else min(SOON, left)

    def stirred(self) -> None:
        if self._changes is not None:
            self._changes.set()

    def closed(self, step: StepRun[Any]) -> None:
        self._open.pop(step, None)
        if self._changes is not None:
            self._changes.set()

    def end(self, why: BaseException) -> Parked:
        parked = super().end(why)
        self.stirred()
        return parked


def _seconds_to_hold(wait: Wait, hold_until: float, hold: float) -> float:
    """How long the thread is kept for this wait; none at all where its time is far off."""
    still = hold_until - time.monotonic()
    if wait.run_after is None:
        return still
    left = wait.run_after - clock.now()
    can_come_early = wait.tokens or wait.runs
    return max(left, 0.001) if left <= hold else (still if can_come_early else 0.0)
