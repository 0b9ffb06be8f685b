"""What a workflow may wait for, as long as it takes: timers, signals, runs that execute elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from woflo.kernel import clock
from woflo.kernel.state import TERMINAL

if TYPE_CHECKING:
    from woflo.durable.execution import Execution
    from woflo.stores.rows import Row

__all__ = ["RunWait", "SignalWait", "TimerWait", "Wait"]


class Wait(ABC):
    """Something that is there or not yet. What it waits for is on disk before the workflow is given up for it."""

    tokens: tuple[str, ...] = ()
    """What wakes the parked run, as `waits_for` of a row says it."""
    run_after: float | None = None
    """The time that wakes it."""
    reason: ClassVar[str]

    @abstractmethod
    def is_over(self) -> bool:
        """True once it is there. May write."""


class TimerWait(Wait):
    """Until a time, in seconds since the epoch."""

    reason = "timer"

    def __init__(self, due: float) -> None:
        self.run_after: float | None = due

    def is_over(self) -> bool:
        assert self.run_after is not None
        return clock.now() >= self.run_after


class SignalWait(Wait):
    """Until a signal of this name was taken, or `due` has passed. `value` is its JSON then, or None."""

    reason = "signal"

    def __init__(self, execution: Execution, row: Row, name: str, due: float | None) -> None:
        self.tokens: tuple[str, ...] = (f"signal:{name}",)
        self.run_after: float | None = due
        self.value: str | None = None
        self._execution = execution
        self._row = row
        self._name = name

    def is_over(self) -> bool:
        self.value = self._execution.take_signal(self._row, self._name)
        return self.value is not None or (self.run_after is not None and clock.now() >= self.run_after)


class RunWait(Wait):
    """Until a stored run has ended, wherever it executes."""

    reason = "run"

    def __init__(self, run: Any) -> None:
        self.tokens: tuple[str, ...] = (f"run:{run.id}",)
        self._run = run

    def is_over(self) -> bool:
        return self._run._state in TERMINAL
