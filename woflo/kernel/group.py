"""`gather`: several runs as one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from woflo.errors import OptionError
from woflo.kernel.attempt import Attempt
from woflo.kernel.body import Body
from woflo.kernel.graph import Handle
from woflo.kernel.options import Options
from woflo.kernel.outcome import Outcome
from woflo.kernel.recording import new_note
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.task import Task
from woflo.kernel.traits import Traits

if TYPE_CHECKING:
    from woflo.kernel.ports import Note

__all__ = ["GatherRun", "gather"]

R = TypeVar("R")


def gather(*runs: BaseTaskRun[R], fail_fast: bool = False) -> BaseTaskRun[list[R]]:
    """One run whose value is the list of the values, in the order given; block on it or await it.

    It ends when all have ended; where some failed, with the failure of the first of them in that order. With
    `fail_fast` it ends with the first failure in time, and the others are stopped. Raises `OptionError` for
    what is no handle.
    """
    for run in runs:
        if not isinstance(run, Handle):
            raise OptionError(
                f"gather was given {run!r}, which is no handle; call the task first, and spread lists with *"
            )
        run._check_is_ours()
    group = GatherRun(_GATHER, (), {})
    group.members = runs
    group.fail_fast = fail_fast
    group._first_failure = new_note("woflo.first_failure") if fail_fast else None
    group._begin()
    return group


class GatherRun(BaseTaskRun[Any]):
    """Ends when its members have. It executes nothing itself."""

    traits: ClassVar[Traits] = Traits(killable=True)
    members: tuple[BaseTaskRun[Any], ...] = ()
    fail_fast: bool = False
    _has_failed = False
    _first_failure: Note | None = None
    """Where calls are recorded: the number of the member that failed first."""

    def _launch(self, attempt: Attempt) -> None:
        self._open = len(set(self.members)) + 1
        self._counting = threading.Lock()
        for run in set(self.members):
            if not run._watch(self._member_ended):
                self._member_ended(run)
        self._member_ended(None)

    def _member_ended(self, run: BaseTaskRun[Any] | None) -> None:
        with self._counting:
            self._open -= 1
            left = self._open
        if run is not None:
            run._looked_at()  # the group tells of it
        if run is not None and self.fail_fast and not run.state.is_success:
            if self._has_failed or not self._is_first_failure(run):
                return  # this one was stopped because of the first
            self._has_failed = True
            self._finish(_failure(run))
            self._interrupt()
        elif left == 0:
            self._finish(_joined(self.members))

    def _is_first_failure(self, run: BaseTaskRun[Any]) -> bool:
        note, at = self._first_failure, self.members.index(run)
        return note is None or at == (note.value if note.is_recorded else note.keep(at))

    def _interrupt(self) -> None:
        for run in self.members:
            run._ask_to_stop(self.grace)

    def _held_up_by(self) -> tuple[BaseTaskRun[Any], ...]:
        return self.members


def _failure(run: BaseTaskRun[Any]) -> Outcome:
    assert run._outcome is not None and run._outcome.error is not None
    return Outcome.failed(run._outcome.error)


def _joined(members: tuple[BaseTaskRun[Any], ...]) -> Outcome:
    values = []
    for run in members:
        assert run._outcome is not None
        if run._outcome.error is not None:
            return _failure(run)
        values.append(run._outcome.value)
    return Outcome(values)


_GATHER: Task[..., Any] = Task(Body(gather), Options(runner=GatherRun))
