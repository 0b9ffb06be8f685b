"""Plain workflows: their code has a thread, which executes the steps that it waits for."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from woflo.durable.execution import Execution, Told, loaded
from woflo.durable.parking import Parked
from woflo.errors import NotInWorkflowError, StoreError
from woflo.kernel import clock
from woflo.kernel.outcome import Outcome
from woflo.runners.thread import threads_of_this_process

if TYPE_CHECKING:
    from woflo.durable.keeping import StepKeeper
    from woflo.durable.waits import Wait
    from woflo.kernel.attempt import Attempt
    from woflo.stores.rows import Row

__all__ = ["PlainExecution"]


class PlainExecution(Execution):
    """The code of a plain workflow, in a thread."""

    def start(self) -> None:
        threads_of_this_process().execute(self, None)  # type: ignore[arg-type]  # it has an attempt of its own

    def _execute(self, attempt: Any) -> Outcome:
        """In the thread."""
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
        while self._open and self._ended is None:
            for step in list(self._open):
                try:
                    step.wait()
                except Parked:
                    return

    def record(self, row: Row, keeper: StepKeeper | None, told: Told) -> None:
        self.record_here(row, keeper, told)

    def wait_for(self, wait: Wait) -> None:
        if threading.get_ident() != self.thread:
            raise NotInWorkflowError(
                "a plain workflow can wait for long only in its own thread, not in one that it has started"
            )
        hold_until = time.monotonic() + self.engine.hold
        with self.engine.hearing() as changes:
            while not wait.is_over():
                self.check()
                left = _seconds_to_hold(wait, hold_until, self.engine.hold)
                if left > 0:
                    changes.wait(left)
                else:
                    self._park(wait)

    def _park(self, wait: Wait) -> None:
        for step in list(self._open):  # they execute in this process, which gives the workflow up
            step.wait()
        if self.park((wait,)):
            raise Parked(wait.reason)


def _seconds_to_hold(wait: Wait, hold_until: float, hold: float) -> float:
    """How long the thread is kept for this wait; none at all where its time is far off."""
    if wait.run_after is None:
        return hold_until - time.monotonic()
    left = wait.run_after - clock.now()
    return left if left <= hold else (0.0 if not wait.tokens else hold_until - time.monotonic())
