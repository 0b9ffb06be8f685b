"""What a dry run does with calls: none of them is executed, whatever the runner of its task.

What names files is asked whether it would be; of all else, nobody knows what it would return. The handle of such a call
ends at once, with a value that can be passed on and shown, and that nobody can look into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from woflo.errors import UnknownResultError
from woflo.kernel.attempt import Attempt
from woflo.kernel.outcome import Outcome
from woflo.kernel.passing import calls_by
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.state import RunState
from woflo.kernel.traits import Traits

if TYPE_CHECKING:
    from woflo.kernel.task import Task

__all__ = ["UnknownResult", "leaving_out"]

R = TypeVar("R")


@contextmanager
def leaving_out(note: Callable[[BaseTaskRun[Any]], object]) -> Iterator[None]:
    """Within this, calls of this context are not executed; `note(run)` is called for each that names no files.

    Where calls are recorded already, as in a workflow, it changes nothing.
    """

    def call(task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> BaseTaskRun[Any]:
        run: LeftOutRun[Any] = LeftOutRun(task, args, kwargs)
        run.note = note
        run._begin()
        return run

    with calls_by(call, "a dry run"):
        yield


class LeftOutRun(BaseTaskRun[R]):
    """Ends when what it depends on has, and executes nothing."""

    traits: ClassVar[Traits] = Traits()
    note: Callable[[BaseTaskRun[Any]], object]

    def _start_attempt(self) -> None:
        self._holds_place = self._lane is not None
        admission = self.task.options.admission
        if admission is None:
            self.note(self)
            self._settle(RunState.SKIPPED, Outcome(UnknownResult(self.task.name)))
        else:
            self._is_skipped(admission)
        self._release_place()

    def _launch(self, attempt: Attempt) -> None:
        """Never comes to it."""

    def _interrupt(self) -> None:
        """There is nothing to interrupt."""


class UnknownResult:
    """Stands for the result of a call that was left out. To look into it raises `UnknownResultError`."""

    def __init__(self, task: str) -> None:
        self._woflo_task = task

    def __repr__(self) -> str:
        return f"<result of {self._woflo_task}>"

    def _look(self, *args: Any) -> NoReturn:
        raise UnknownResultError(
            f"the result of {self._woflo_task} is needed here, and is known only when it is executed"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # what looks for a protocol finds none
        self._look()


_LOOKS = """
    bool len iter getitem contains call int float index eq ne lt le gt ge add radd sub rsub mul rmul truediv rtruediv
    mod floordiv neg abs and or enter exit
"""
for _name in _LOOKS.split():
    setattr(UnknownResult, f"__{_name}__", UnknownResult._look)
