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

P = ParamSpec("P")
R = TypeVar("R")


class WorkflowTaskRun(StoredTaskRun[R]):
    """A workflow that is kept in the store and executed by the process that called it, as long as that lives."""

    executes_here: ClassVar[bool] = True

    @classmethod
    def _check_options(cls, options: Options) -> None:
        super()._check_options(options)
        for name, none in (("retries", 0), ("timeout", None), ("on_crash", "retry")):
            if getattr(options, name) != none:
                raise OptionError(
                    f"a workflow has no option {name!r}: its code is executed as often as it takes; give the option to "
                    f"its steps"
                )


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
    codec: str = ...,
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
        codec: of arguments and result, as of `task`.

    Raises `OptionError` for an option that cannot be meant.
    """
    if "runner" in options:
        raise OptionError("@workflow has no option 'runner': its code is executed by its process; name one for steps")
    decorate: Any = task(runner=WorkflowTaskRun, **options)
    return decorate if fn is None else decorate(fn)
