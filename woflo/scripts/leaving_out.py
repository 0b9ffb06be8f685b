"""What a dry run does with calls: none of them is executed, whatever the runner of its task.

What names files is asked whether it would be; of all else, nobody knows what it would return. The handle of such a call
ends at once, with a value that can be passed on and shown, and that nobody can look into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from woflo.errors import UnknownResultError
from woflo.kernel.attempt import Attempt
from woflo.kernel.body import Body
from woflo.kernel.context import current_attempt
from woflo.kernel.outcome import Outcome
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
    caller = current_attempt.get()
    if caller is not None and caller.recorder is not None:
        yield
        return
    dry = Attempt("dry", "a dry run", 1, Body(leaving_out), (), {})
    dry.recorder = _LeavingOut(note)
    token = current_attempt.set(dry)
    try:
        yield
    finally:
        current_attempt.reset(token)


class _LeavingOut:
    """A `Recorder` that executes nothing."""

    def __init__(self, note: Callable[[BaseTaskRun[Any]], object]) -> None:
        self._note = note

    def call(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> BaseTaskRun[Any]:
        """See the port."""
        token = current_attempt.set(None)
        try:
            run: LeftOutRun[Any] = LeftOutRun(task, args, dict(kwargs))
            run.note = self._note
            run._begin()
            return run
        finally:
            current_attempt.reset(token)

    def note(self, what: str) -> _Passing:
        """See the port."""
        return _Passing()

    def block(self, runs: Iterable[BaseTaskRun[Any]], is_over: Callable[[], bool], end: float | None) -> bool:
        """See the port."""
        return False

    async def until(self, runs: Iterable[BaseTaskRun[Any]], is_over: Callable[[], bool], end: float | None) -> bool:
        """See the port."""
        return False


class _Passing:
    """A `Note` of which nothing is kept."""

    is_recorded = False
    value = None

    def keep(self, value: Any) -> Any:
        """See the port."""
        return value


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

    __bool__ = __len__ = __iter__ = __getitem__ = __contains__ = __call__ = __int__ = __float__ = __index__ = _look
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _look
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __mod__ = _look
    __floordiv__ = __neg__ = __abs__ = __and__ = __or__ = __enter__ = __exit__ = _look
    __hash__ = object.__hash__
