"""What a process that ends waits for: what executes here ends, and is recorded, as long as it is this process's."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from woflo.errors import StoreError
from woflo.kernel import runtime
from woflo.kernel.texts import spelled_out

if TYPE_CHECKING:
    from woflo.durable.execution import Execution
    from woflo.durable.membership import Membership
    from woflo.durable.steps import StepRun

__all__ = ["Leaving"]

MOMENT = 0.01
"""Seconds between two looks at whether all has ended."""


class Leaving:
    """Waits for executions that were told to leave, and keeps their claims alive meanwhile."""

    def __init__(self, membership: Membership, executions: Sequence[Execution]) -> None:
        self._membership = membership
        self._executions = executions

    def wait(self, grace: float | None) -> None:
        """Until all that executes has ended, for at most `grace` seconds.

        Without, for as long as it takes; once the program is interrupted, for a few seconds more, and beyond that only
        for what nothing can end: a thread, whose work would be lost, and done again. Raises `KeyboardInterrupt` where
        it is interrupted then.
        """
        if grace is not None:
            self._wait(grace)
            return
        try:
            if not runtime.was_interrupted():
                self._wait(float("inf"))
                return
        except KeyboardInterrupt:
            runtime.current.in_a_hurry = True
        self._wait(runtime.EXIT_GRACE)
        self._wait_for_threads()

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        for execution in self._executions:
            while (left := end - time.monotonic()) > 0 and not execution.code_ended.wait(min(MOMENT, left)):
                self._stay()
            while end > time.monotonic() and execution.under_way():
                self._stay()
                time.sleep(MOMENT)  # steps of a loop and of a thread have no one thing to wait for

    def _wait_for_threads(self) -> None:
        if steps := self._in_threads():
            _tell(steps)
        while self._in_threads():
            self._stay()
            time.sleep(MOMENT)  # the signs of life have to go on

    def _in_threads(self) -> list[StepRun[Any]]:
        return [step for execution in self._executions for step in execution.under_way() if step.cannot_be_ended()]

    def _stay(self) -> None:
        """Nobody is to take over what is still done here."""
        if self._membership.is_beat_due():
            try:
                self._membership.beat()
            except StoreError:
                pass  # the lease may be over: then what is recorded is refused


def _tell(steps: Sequence[StepRun[Any]]) -> None:
    """To who has pressed Ctrl-C, and waits."""
    if sys.stderr is not None:
        names = spelled_out(", ".join(f"{step.task.name} ({step.id})" for step in steps))
        told = f"woflo: waiting for {names} to return, as no thread can be ended; Ctrl-C leaves at once"
        sys.stderr.write(f"{told}, and it is executed again later\n")
