"""`@workflow`: functions whose calls are recorded, so that they survive the process that executes them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar, overload

from woflo.durable.stored import StoredTaskRun
from woflo.errors import OptionError
from woflo.kernel.task import Decorator, Task, task

if TYPE_CHECKING:
    from woflo.kernel.options import Options

__all__ = ["WorkflowTaskRun", "workflow"]

_FOR_STEPS = "is for steps, because the code of a workflow is executed as often as it takes; give them the option"

P = ParamSpec("P")
R = TypeVar("R")


class WorkflowTaskRun(StoredTaskRun[R]):
    """A workflow that is kept in the store and executed by the process that called it, as long as that lives."""

    executes_here: ClassVar[bool] = True

    @classmethod
    def _check_options(cls, options: Options) -> None:
        super()._check_options(options)
        if options.on_crash != "retry":
            raise OptionError(f"on_crash={options.on_crash!r} {_FOR_STEPS}")


@overload
def workflow(fn: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
@overload
def workflow(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def workflow(
    *,
    name: str | None = ...,
    deadline: float | None = ...,
    queue: str | None = ...,
    priority: int = ...,
    schedule: str | None = ...,
    missed: str = ...,
) -> Decorator: ...
def workflow(fn: Any = None, /, **options: Any) -> Any:
    """Make a workflow of a function or an async function.

    Calling it keeps the run in the store and executes it here. Each task that it calls is a step: what has ended is
    recorded and never executed again. Its own code may be executed more than once, from its first line: effects
    belong into steps.

    Options:
        name: under which its runs are stored; the function's name by default.
        deadline: seconds that the whole run may take.
        queue, priority, schedule, missed: for workers, as of `task`.

    Raises `OptionError` for an option that cannot be meant.
    """
    for name in ("retries", "timeout", "runner", "on_crash"):
        if name in options:
            raise OptionError(f"@workflow has no option {name!r}: {name} {_FOR_STEPS}")
    decorate: Any = task(runner=WorkflowTaskRun, **options)
    return decorate if fn is None else decorate(fn)
