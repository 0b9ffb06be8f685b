"""What is done about a step whose process died while it was under way, where its task has an `on_crash` of its own.

    intent ────► launch ────► end recorded               the intent is on disk before the code begins
    (RUNNING)      ✂
                   └─ the next execution finds the intent without an end: the step is uncertain

"ask"      the step waits for a person: `complete` tells how it ended, `resume` has it executed again
a function is asked; where it cannot tell, a person is
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from woflo.errors import UncertainError
from woflo.kernel.attempt import Attempt
from woflo.kernel.body import Body
from woflo.kernel.outcome import Outcome
from woflo.kernel.state import RunState
from woflo.runners.thread import threads_of_this_process
from woflo.stores.operations import UNCERTAIN

if TYPE_CHECKING:
    from woflo.durable.steps import StepRun
    from woflo.kernel.task import Task
    from woflo.stores.rows import Row

__all__ = ["Care", "Happened", "is_careful", "question", "verified"]

SHOWN = 300
"""Characters of the arguments in a question."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What a function given as `on_crash` returns where the step has happened: its value, or the error it ended with.

    The function is called as `verify(key, *args, **kwargs)`, with the `idempotency_key` that the step had and with its
    arguments. It returns None where the step did not happen, which is then executed. Where it raises, or returns
    anything else, nobody knows, and a person is asked.
    """

    value: Any = None
    error: BaseException | None = None


def is_careful(task: Task[..., Any]) -> bool:
    """True where a crash may not simply be followed by another execution."""
    return task.options.on_crash != "retry"


def question(row: Row, told: str = "") -> str:
    """What a person is asked: the reason of what waits for the answer."""
    args = row.args if len(row.args) <= SHOWN else f"{row.args[:SHOWN]}…"
    because = f"; on_crash could not tell: {told}" if told else ""
    return f"{UNCERTAIN}: {row.task}{args} ({row.id}) was under way when its process died{because}"


def verified(verify: Callable[..., Any], key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Outcome | None:
    """How it ended, or None where it did not happen. Raises `UncertainError` where the function could not tell."""
    asking = Attempt(key, getattr(verify, "__name__", "on_crash"), 1, Body(verify), (key, *args), kwargs)
    told = asking.execute()
    if told.error is not None:
        raise UncertainError(f"{type(told.error).__name__}: {told.error}") from told.error
    if told.value is None:
        return None
    if not isinstance(told.value, Happened):
        raise UncertainError(f"it returned {told.value!r}, which is neither None nor woflo.Happened(...)")
    return Outcome(told.value.value) if told.value.error is None else Outcome.failed(told.value.error)


class Care:
    """Stands between a step and its launch: writes the intent, or finds out about the one that is there."""

    def __init__(self, step: StepRun[Any], record: Row | None) -> None:
        self._step = step
        self._row = step._row
        self._record = record
        self._attempt: Attempt | None = None

    @property
    def is_asked(self) -> bool:
        """True where a person is, or is to be."""
        if self._record is None or self._record.state is RunState.PENDING:
            return False
        return self._record.state is RunState.WAITING or self._step.task.options.on_crash == "ask"

    @property
    def is_uncertain(self) -> bool:
        """True where the step may have happened: finding out may take long."""
        return self._record is not None and self._record.state is not RunState.PENDING

    def begin(self, attempt: Attempt) -> None:
        """Go on with the step, at once or when it is known what has happened."""
        self._attempt = attempt
        on_crash = self._step.task.options.on_crash
        if self.is_asked:
            self._ask("")
        elif self.is_uncertain and callable(on_crash):
            threads_of_this_process().execute(self, attempt)
        else:
            self._write(self._row.changed(state=RunState.RUNNING), self._launch)

    def _write(self, row: Row, then: Callable[[], object]) -> None:
        def told(refused: BaseException | None) -> None:
            if refused is None:
                then()
            else:
                self._step.drop()

        self._step._execution.record(row, None, told)  # type: ignore[union-attr]  # it is attached to one

    def _launch(self) -> None:
        assert self._attempt is not None
        self._step._launch_now(self._attempt)

    # -- a function is asked, in a thread ----------------------------------------------------------------

    def _execute(self, attempt: Attempt) -> Outcome:
        """In the thread. The outcome is that of the step, None where it did not happen, or that nobody can tell."""
        verify = self._step.task.options.on_crash
        assert callable(verify)
        try:
            return Outcome(verified(verify, self._row.id, attempt.args, attempt.kwargs))
        except UncertainError as error:
            return Outcome(None, error)

    def _finish(self, outcome: Outcome) -> None:
        if outcome.error is not None:
            self._ask(str(outcome.error))
        elif outcome.value is None:
            self._launch()
        else:
            self._step._finish(outcome.value)

    # -- a person is asked -------------------------------------------------------------------------------

    def _ask(self, told: str) -> None:
        record = self._record
        if record is not None and record.state is RunState.WAITING:
            self._step.wait_for_person(record.reason or "")
            return
        reason = question(self._row, told)
        asked = self._row.changed(state=RunState.WAITING, reason=reason)
        self._write(asked, lambda: self._step.wait_for_person(reason))
