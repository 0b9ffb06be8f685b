"""What each operation does, in named statements: the same for every database that is asked in SQL.

What an operation is refused with is raised; what was written before a refusal is for the driver to take back. Each of
the modules beside this one has those of one kind: `calls`, `workers`, `holding` (by who holds the run), `outside`,
`keeping`, `queues`, `large` and `successes`; `telling` is what several do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from woflo.stores.operations import (
    Adopt,
    Beat,
    ClaimReady,
    Complete,
    Continue,
    Finish,
    Forget,
    ForgetSuccesses,
    KeepSuccesses,
    Leave,
    LimitQueue,
    Operation,
    Park,
    PauseQueue,
    PauseSchedule,
    Prune,
    Publish,
    Record,
    Recover,
    Release,
    RequestStop,
    Send,
    SetAside,
    Submit,
    Sweep,
    TakeSignal,
    Wake,
)
from woflo.stores.refusals import not_understood
from woflo.stores.sql import calls, holding, keeping, large, outside, queues, successes, workers
from woflo.stores.sql.asking import Doing
from woflo.stores.sql.large import with_blobs

__all__ = ["do"]

T = TypeVar("T")


def do(op: Operation[T]) -> Doing[T]:
    """The operation, not begun. Raises `StoreError` for one that is not understood."""
    handler = _HANDLERS.get(type(op))
    if handler is None:
        raise not_understood(op)
    return with_blobs(op, handler(op)) if op.blobs else handler(op)


_HANDLERS: dict[type, Callable[[Any], Doing[Any]]] = {
    Submit: calls.submit,
    ClaimReady: calls.claim_ready,
    Beat: workers.beat,
    Leave: workers.leave,
    LimitQueue: queues.limit_queue,
    PauseQueue: queues.pause_queue,
    PauseSchedule: queues.pause_schedule,
    Recover: workers.recover,
    Record: holding.record,
    Finish: holding.finish,
    Forget: holding.forget,
    Park: holding.park,
    Release: holding.release,
    TakeSignal: holding.take_signal,
    Publish: holding.publish,
    Send: outside.send,
    RequestStop: outside.request_stop,
    Complete: outside.complete,
    Continue: outside.go_on,
    Wake: outside.wake,
    Prune: keeping.prune,
    SetAside: keeping.put_aside,
    Adopt: keeping.adopt,
    Sweep: large.sweep,
    KeepSuccesses: successes.keep_successes,
    ForgetSuccesses: successes.forget_successes,
}
