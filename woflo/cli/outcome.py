"""`woflo run --json`: how it ended, as one object, whatever was run.

    {"id": …, "name": …, "state": …, "result": …, "error": …, "calls": [{"id", "name", "state", "error"}, …]}

`calls` are the steps of a job, and of functions and files those calls that did not succeed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from woflo.cli.showing import as_json, print_json
from woflo.kernel import bus
from woflo.kernel.events import RunCreated, RunEnded
from woflo.kernel.leaving import interrupted_status
from woflo.kernel.masking import mask_text
from woflo.kernel.state import RunState

if TYPE_CHECKING:
    from woflo.kernel.events import Event
    from woflo.kernel.run import BaseTaskRun

__all__ = ["FirstCall", "print_call", "print_flow", "print_job"]

PLACE = ":"
"""Stands in the ids of steps, behind that of their run."""


def print_call(called: BaseTaskRun[Any] | None, name: str) -> None:
    """A task or a workflow; None for one that was interrupted before it was called."""
    if called is None:
        _print(None, name, RunState.STOPPED)
        return
    has_value = called.state.is_success
    error = called.exception() if called.state.is_terminal and not has_value else None
    result = called.get_result() if has_value else None
    _print(called.id, name, called.state, result=result, error=_error(error))


def print_flow(name: str, status: int, error: BaseException | None, bad: Iterable[RunEnded]) -> None:
    """A function that calls tasks, or files."""
    calls = [{"id": one.run_id, "name": one.task, "state": one.state.value, "error": _error(one.error)} for one in bad]
    _print(None, name, _state(status), error=_error(error), calls=calls)


def print_job(run_id: str | None, name: str, status: int) -> None:
    """A job and its steps, as the store has them; nothing but its name where no run of it was begun."""
    from woflo.durable.choice import current_store

    row = None if run_id is None else current_store().get(run_id)
    if row is None:
        _print(None, name, _state(status))
        return
    steps = [one for one in current_store().steps(row.id) if one.position == 0 and not one.scope.startswith("~")]
    calls = [
        {"id": one.id, "name": one.scope, "state": one.state.value, "error": _short(as_json(one)["error"])}
        for one in steps
    ]
    told = as_json(current_store().whole_row(row))
    _print(row.id, row.task, row.state, result=told["result"], error=_short(told["error"]), calls=calls)


def _print(
    run_id: str | None,
    name: str,
    state: RunState,
    *,
    result: Any = None,
    error: dict[str, str] | None = None,
    calls: Iterable[dict[str, Any]] = (),
) -> None:
    told = {"id": run_id, "name": name, "state": state.value, "result": result, "error": error, "calls": list(calls)}
    print_json(told)


def _state(status: int) -> RunState:
    return {0: RunState.SUCCEEDED, interrupted_status(): RunState.STOPPED}.get(status, RunState.FAILED)


def _error(error: BaseException | None) -> dict[str, str] | None:
    """As stored errors have it, without what only a traceback tells."""
    if error is None:
        return None
    kind = type(error)
    return {"type": f"{kind.__module__}:{kind.__qualname__}", "message": mask_text(str(error))}


def _short(stored: dict[str, Any] | None) -> dict[str, str] | None:
    return None if stored is None else {"type": stored["type"], "message": stored["message"]}


class FirstCall:
    """The id of the run of a job, which alone is called from outside; where it goes on, only its end is told."""

    tells_ends = False
    wants_routine = True

    def __init__(self) -> None:
        self.id: str | None = None

    def put(self, event: Event) -> None:
        """See `Listener`."""
        if self.id is None and isinstance(event, RunCreated | RunEnded) and PLACE not in event.run_id:
            self.id = event.run_id

    def __enter__(self) -> Self:
        bus.add(self)
        return self

    def __exit__(self, *exc: object) -> None:
        bus.remove(self)
