"""What several checks of stores need: runs, workers, claims, and refusals that change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.operations import Beat, ClaimReady, Finish, Operation, Submit
from woflo.stores.rows import DEFAULT_QUEUE, Claim, Row, WorkerRow
from woflo.testing.conformance.tools import raised

__all__ = ["TASK", "beat", "begun", "call", "claimed", "finish", "refused", "state_of", "step", "stored", "submit"]

E = TypeVar("E", bound=BaseException)
TASK = "task"


def call(run_id: str, **changes: Any) -> Row:
    """A run as it is submitted."""
    return Row(**{"id": run_id, "task": TASK, "args": "[1]", "digest": "one", **changes})


def step(run_id: str, parent_id: str, **changes: Any) -> Row:
    """A step that has ended, as its parent records it."""
    made = {"queue": None, "state": RunState.SUCCEEDED, "result": "1", "created_at": 2.0, "finished_at": 3.0}
    return call(run_id, parent_id=parent_id, **{**made, **changes})


def submit(store: Store, *rows: Row, now: float = 1.0) -> list[Row]:
    """The rows as they stand then."""
    return [accepted.row for accepted in store.write(Submit(now=now, runs=rows))]


def beat(store: Store, worker: str = "w1", *, now: float = 1.0, lease: float = 100.0, is_first: bool = True) -> None:
    """A sign of life for `lease` seconds."""
    row = WorkerRow(id=worker, host="here", pid=7, lease_until=now + lease)
    store.write(Beat(now=now, worker=row, is_first=is_first))


def claimed(store: Store, worker: str = "w1", *, now: float = 2.0, limit: int = 100, **options: Any) -> list[Row]:
    """What the worker gets."""
    made = {"tasks": (TASK,), "queues": (DEFAULT_QUEUE,), **options}
    return store.write(ClaimReady(now=now, worker=worker, limit=limit, **made))


def begun(store: Store, run_id: str = "run", worker: str = "w1", **changes: Any) -> Claim:
    """A run that this worker holds since the time 2."""
    beat(store, worker)
    submit(store, call(run_id, **changes))
    (row,) = claimed(store, worker, ids=(run_id,))
    return row.claim


def finish(store: Store, claim: Claim, now: float = 9.0, state: RunState = RunState.SUCCEEDED) -> None:
    """End a run."""
    store.write(Finish(now=now, claim=claim, state=state, result="1"))


def stored(store: Store, run_id: str) -> Row:
    """The run, which must be there."""
    row = store.get(run_id)
    assert row is not None, f"{run_id} is not there"
    return row


def state_of(store: Store, run_id: str) -> RunState:
    """The state of a run that must be there."""
    return stored(store, run_id).state


def refused(store: Store, kind: type[E], operation: Operation[Any]) -> E:
    """The error of exactly this kind with which the operation is refused; nothing is changed by it."""
    before = store.snapshot()
    error = raised(kind, _written(store, operation))
    assert type(error) is kind, f"refused with {error!r} instead of {kind.__name__}"
    assert store.snapshot() == before, f"{operation} was refused, and something of it was kept"
    return error


def _written(store: Store, operation: Operation[Any]) -> Callable[[], object]:
    return lambda: store.write(operation)
