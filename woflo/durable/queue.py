"""Calls that wait in a store for a worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from woflo.durable.batching import Batch, current_batch
from woflo.durable.stored import StoredTaskRun
from woflo.kernel.context import current_attempt
from woflo.kernel.mapping import Launched

if TYPE_CHECKING:
    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.task import Task

__all__ = ["QueueTaskRun"]

R = TypeVar("R")


class QueueTaskRun(StoredTaskRun[R]):
    """Kept in the store, and executed by a worker that serves its task and its queue."""

    @classmethod
    def row_launcher(cls, task: Task[..., Any], constants: Mapping[str, Any]) -> _Ahead | None:
        """The calls that a map launches at once are kept in one transaction, but those of the code of a workflow."""
        caller = current_attempt.get()
        is_recorded = caller is not None and caller.recorder is not None
        return None if is_recorded or current_batch.get() is not None else _Ahead(task, constants)


class _Ahead:
    """What a map launches at once. Only the call itself is in the batch, and not what the input of the map does."""

    def __init__(self, task: Task[..., Any], constants: Mapping[str, Any]) -> None:
        self._task = task
        self._constants = constants
        self._batch = Batch()

    def launch(self, args: tuple[Any, ...]) -> _Call:
        """Make the call, which is kept with the others."""
        token = current_batch.set(self._batch)
        try:
            run = self._task(*args, **self._constants)
        finally:
            current_batch.reset(token)
        return _Call(run)

    def flush(self) -> None:
        """Keep all calls."""
        self._batch.keep_each()


class _Call(Launched):
    """A call of a map: who comes to it is told where it was refused, as by any call."""

    __slots__ = ("_run",)

    def __init__(self, run: BaseTaskRun[Any]) -> None:
        self._run = run

    def handle(self) -> BaseTaskRun[Any]:
        """The handle. Raises what the call was refused with."""
        refusal: Exception | None = getattr(self._run, "refusal", None)
        if refusal is not None:
            raise refusal
        return self._run
