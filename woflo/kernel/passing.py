"""Calls of some code that go by somebody who records nothing: a dry run, or one who gives all of them a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from woflo.kernel.attempt import Attempt
from woflo.kernel.body import Body
from woflo.kernel.context import current_attempt

if TYPE_CHECKING:
    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.task import Task

__all__ = ["calls_by"]

Call = Callable[["Task[..., Any]", tuple[Any, ...], dict[str, Any]], "BaseTaskRun[Any]"]


@contextmanager
def calls_by(call: Call, who: str) -> Iterator[None]:
    """Within this, `call(task, args, kwargs)` makes the calls of this context, which threads and loops inherit.

    Where calls are recorded already, as in a workflow, it changes nothing.
    """
    caller = current_attempt.get()
    if caller is not None and caller.recorder is not None:
        yield
        return
    attempt = Attempt(who, who, 1, Body(calls_by), (), {})
    attempt.recorder = _Passing(call)
    token = current_attempt.set(attempt)
    try:
        yield
    finally:
        current_attempt.reset(token)


class _Passing:
    """A `Recorder` of which nothing is kept."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def call(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> BaseTaskRun[Any]:
        """See the port. The run is nobody's step."""
        token = current_attempt.set(None)
        try:
            return self._call(task, args, dict(kwargs))
        finally:
            current_attempt.reset(token)

    def note(self, what: str) -> _Forgotten:
        """See the port."""
        return _Forgotten()

    def block(self, runs: Iterable[BaseTaskRun[Any]], is_over: Callable[[], bool], end: float | None) -> bool:
        """See the port."""
        return False

    async def until(self, runs: Iterable[BaseTaskRun[Any]], is_over: Callable[[], bool], end: float | None) -> bool:
        """See the port."""
        return False


class _Forgotten:
    """A `Note` that comes but once."""

    is_recorded: bool = False
    value: Any = None

    def keep(self, value: Any) -> Any:
        """See the port."""
        return value
