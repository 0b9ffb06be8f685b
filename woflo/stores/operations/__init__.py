"""The writes that a store understands. Each is atomic: all of it is kept, or nothing.

Every operation tells its time (`now`, seconds since the epoch), so that a store has no clock of its own. What
an operation returns, and the errors with which it is refused, stand in its docstring; each may be refused with
`StoreError` where the store itself fails.

A run is *ready* when it is PENDING or RETRYING, has a queue, and its `run_after` has passed. A run that is
WAITING is *woken* (it becomes PENDING, without a `run_after`) by its `run_after`, or by anything in its
`waits_for`. `ClaimReady` wakes all that is due before it looks.

A run that is given back (`Leave`, `Recover`, `Release`) after a stop was requested becomes STOPPED instead, because
nobody executes it any more; its parent is woken. So a run that is ready is never one that is to be stopped.

A step is a row with a parent. One that its parent executes itself has no queue: it is written when it has ended,
or before it starts (RUNNING, without a worker) where its task asks for that. Where it was cut off then, it waits for a
decision as UNCERTAIN; PENDING without a queue, it was decided that its parent executes it again.

They are imported from here, and stand in modules by what they are about: `calls`, `workers`, `holding` (writes by the
one that holds a run), `outside` (by others), `keeping`, `queues` and `successes`. `operation` is what all of them are,
and `reasons` what runs say of themselves.
"""

from __future__ import annotations

from woflo.stores.operations.calls import Accepted, ClaimReady, Submit
from woflo.stores.operations.holding import Claimed, Finish, Forget, Park, Publish, Record, Release, TakeSignal
from woflo.stores.operations.keeping import Adopt, Prune, SetAside, Sweep
from woflo.stores.operations.operation import Operation
from woflo.stores.operations.outside import Complete, Continue, RequestStop, Send, Wake
from woflo.stores.operations.queues import LimitQueue, PauseQueue, PauseSchedule
from woflo.stores.operations.reasons import (
    CONTINUED,
    HANDED_OVER,
    LOST,
    MANUAL,
    MOVED,
    SUSPECT,
    SUSPECT_DEATHS,
    UNCERTAIN,
    goes_on_as,
    is_asked,
)
from woflo.stores.operations.successes import ForgetSuccesses, KeepSuccesses
from woflo.stores.operations.workers import Beat, Leave, Recover

__all__ = [
    "CONTINUED",
    "HANDED_OVER",
    "LOST",
    "MANUAL",
    "MOVED",
    "SUSPECT",
    "SUSPECT_DEATHS",
    "UNCERTAIN",
    "Accepted",
    "Adopt",
    "Beat",
    "ClaimReady",
    "Claimed",
    "Complete",
    "Continue",
    "Finish",
    "Forget",
    "ForgetSuccesses",
    "KeepSuccesses",
    "Leave",
    "LimitQueue",
    "Operation",
    "Park",
    "PauseQueue",
    "PauseSchedule",
    "Prune",
    "Publish",
    "Record",
    "Recover",
    "Release",
    "RequestStop",
    "Send",
    "SetAside",
    "Submit",
    "Sweep",
    "TakeSignal",
    "Wake",
    "goes_on_as",
    "is_asked",
]
