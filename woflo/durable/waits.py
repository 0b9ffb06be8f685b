"""What a workflow may wait for, as long as it takes: timers, signals, runs that execute elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from woflo.kernel import clock
from woflo.kernel.state import TERMINAL

if TYPE_CHECKING:
    from woflo.durable.execution import Execution
    from woflo.kernel.run import BaseTaskRun
    from woflo.stores.rows import Row

__all__ = ["RunsWait", "SignalWait", "TimerWait", "Wait", "stored_below"]


class Wait(ABC):
    """Something that is there or not yet. What it waits for is on disk before the workflow is given up for it."""

    tokens: tuple[str, ...] = ()
    """What wakes the parked run, as `waits_for` of a row says it."""
    run_after: float | None = None
    """The time that wakes it."""
    runs: tuple[BaseTaskRun[Any], ...] = ()
    """The runs whose ends wake it."""
    reason: ClassVar[str]
    hears_of_changes: ClassVar[bool] = True
    """True where a change of the store or the clock may be what it waits for."""
    writes: ClassVar[bool] = False
    """True where what is there is taken by a look."""

    @abstractmethod
    def is_over(self) -> bool:
        """True once it is there. May write."""

    def look(self, told: Callable[[bool], object]) -> None:
        """Call `told` with the same; later where it writes, and the code is on a loop that is not to wait for that."""
        told(self.is_over())

    @property
    def has_taken(self) -> bool:
        """True where a look has taken what was there."""
        return False

    def watch(self, wake: Callable[[], object]) -> None:  # noqa: B027  # most hear of all that matters to them
        """Have `wake()` called, in any thread, when what only this wait knows of may have come."""


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
    writes = True

    def __init__(self, execution: Execution, row: Row, name: str, due: float | None) -> None:
        self.tokens: tuple[str, ...] = (f"signal:{name}",)
        self.run_after: float | None = due
        self.value: str | None = None
        self._execution = execution
        self._row = row
        self._name = name

    def is_over(self) -> bool:
        return self._has_come(self._execution.take_signal(self._row, self._name))

    def look(self, told: Callable[[bool], object]) -> None:
        self._execution.look_for_signal(self._row, self._name, lambda value: told(self._has_come(value)))

    def _has_come(self, value: str | None) -> bool:
        self.value = value
        return self.has_taken or (self.run_after is not None and clock.now() >= self.run_after)

    @property
    def has_taken(self) -> bool:
        return self.value is not None


class RunsWait(Wait):
    """Until `is_enough()`, which the ends of these runs change, or until `due` has passed."""

    reason = "run"
    hears_of_changes = False

    def __init__(
        self, runs: Iterable[BaseTaskRun[Any]], is_enough: Callable[[], bool], due: float | None = None
    ) -> None:
        self.runs: tuple[BaseTaskRun[Any], ...] = tuple(runs)
        self.run_after: float | None = due
        self._is_enough = is_enough

    def is_over(self) -> bool:
        return self._is_enough() or (self.run_after is not None and clock.now() >= self.run_after)

    def watch(self, wake: Callable[[], object]) -> None:
        for run in self.runs:
            if not run._watch(lambda _: wake()):
                wake()


def stored_below(runs: Iterable[BaseTaskRun[Any]]) -> dict[str, str | None] | None:
    """The stored runs whose ends these wait for, with their callers; None where something is to be executed here."""
    found: dict[str, str | None] = {}
    roots = list(runs)
    todo = [run for run in roots if run._state not in TERMINAL]
    seen = set(todo)
    while todo:
        run = todo.pop()
        held_up_by = [other for other in run._held_up_by() if other._state not in TERMINAL]
        if held_up_by:
            todo += [other for other in held_up_by if other not in seen]
            seen.update(held_up_by)
        elif run._state not in TERMINAL and getattr(run, "is_kept", False):
            row: Row = run._row  # type: ignore[attr-defined]  # what is kept has one
            found[run.id] = row.parent_id
        else:
            return None  # it executes, or has ended just now, and what waits for it goes on
    return found if found or not roots else None
