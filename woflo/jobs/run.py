"""The handle of a run of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from woflo.durable.found import FoundRun
from woflo.durable.workflow import WorkflowTaskRun

if TYPE_CHECKING:
    from typing import Self

    from woflo.durable.engine import Engine
    from woflo.kernel.task import Task
    from woflo.stores.rows import Row

__all__ = ["JobTaskRun"]

R = TypeVar("R")


class JobTaskRun(WorkflowTaskRun[R]):
    """A workflow whose steps have names."""

    @classmethod
    def of(cls, engine: Engine, task: Task[..., Any], row: Row) -> Self:
        """The handle of a run that is in the store, and that this process executes when it is ready."""
        run = cls(task, (), {})
        run._engine, run._final = engine, True
        run.stand_for(row)
        return run

    def _given_in_short(self) -> str:
        """Its name says which it is: that of its file, and what it leaves out, do not."""
        return ""

    @property
    def steps(self) -> dict[str, FoundRun[Any]]:
        """Handles of the steps that are recorded so far, by their names, in the order in which they were called."""
        known: dict[str, Task[..., Any]] = getattr(self.task.body.fn, "tasks", {})
        engine = self._engine
        rows = [row for row in engine.store.steps(self.id) if row.position == 0 and not row.scope.startswith("~")]
        return {row.scope: FoundRun.of(engine, known.get(row.scope) or _stand_in(engine, row), row) for row in rows}


def _stand_in(engine: Engine, row: Row) -> Task[..., Any]:
    from woflo.durable.found import task_named

    return task_named(engine, row.task)
