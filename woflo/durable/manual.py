"""`@manual`: steps that a person, or another program, completes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, ParamSpec, TypeVar, cast

from woflo.durable.stored import StoredTaskRun
from woflo.errors import SerializationError
from woflo.kernel.state import RunState
from woflo.kernel.task import Task, task
from woflo.kernel.traits import Traits
from woflo.stores.operations import MANUAL
from woflo.stores.rows import Row

__all__ = ["ManualTaskRun", "manual"]

P = ParamSpec("P")
R = TypeVar("R")


class ManualTaskRun(StoredTaskRun[R]):
    """Waits in the store until `woflo.complete(run_id, value)` ends it."""

    traits: ClassVar[Traits] = Traits(killable=True, durable=True, queues=True)

    def _called(self, text: str) -> Row:
        return super()._called(text).changed(state=RunState.WAITING, reason=MANUAL, queue=None)

    def _cannot_read(self, row: Row, error: SerializationError) -> None:
        """Somebody gave a wrong value: that is a failure of this step, and no change of the code."""


def manual(fn: Callable[P, R]) -> Task[P, R]:
    """Make a step of a signature: its body is not executed, somebody gives its value with `complete`.

    The annotations say what is asked and what is answered. The id of such a run, under which it is completed, is
    that of its handle.
    """
    return cast("Task[P, R]", cast("Any", task(runner=ManualTaskRun))(fn))
