"""What a run that has failed leaves to the task that its `on_failure` names."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from woflo.durable.called import called
from woflo.kernel import clock
from woflo.kernel.digest import digest
from woflo.kernel.state import RunState
from woflo.kernel.task import Task
from woflo.stores.rows import Row

if TYPE_CHECKING:
    from woflo.durable.engine import Engine

__all__ = ["FailedRun", "failure_call"]


@dataclass(frozen=True)
class FailedRun:
    """A run that has failed, as the task gets it that `on_failure` names."""

    id: str
    task: str
    arguments: dict[str, Any]
    """By the names of the parameters, as they are stored: of what JSON knows."""
    error: str
    """The message of the exception."""
    error_type: str
    """Its class, as "ValueError" or "package.module.NoSeatError"."""
    trace: str
    """Its traceback, as text."""
    attempts: int


def failure_call(engine: Engine, task: Task[..., Any], row: Row, state: RunState, error: str | None) -> tuple[Row, ...]:
    """The call that is stored together with the end of a run, if that is a failure that somebody receives."""
    receiver = task.options.on_failure
    if receiver is None or state is not RunState.FAILED or error is None:
        return ()
    name = receiver if isinstance(receiver, str) else receiver.name
    text = json.dumps({"failure": asdict(_failed(engine.store.whole_row(row), error))}, separators=(",", ":"))
    new = Row(id=f"{row.id}:failed", task=name)
    known = engine.known(name) if isinstance(receiver, str) else receiver
    if known is None:
        return (new.changed(args=text, digest=digest(text), created_at=clock.now()),)
    return (called(new, known, text, clock.now()).changed(key=None),)


def _failed(row: Row, error: str) -> FailedRun:
    told = json.loads(error)
    module, _, name = told["type"].partition(":")
    kind = name if module == "builtins" else f"{module}.{name}"
    return FailedRun(
        id=row.id,
        task=row.task,
        arguments=json.loads(row.args),
        error=told["message"],
        error_type=kind,
        trace=told.get("trace", ""),
        attempts=max(1, row.attempt),
    )
