"""What stores say when they refuse an operation: the same text, whichever store it is."""

from __future__ import annotations

from typing import Any

from woflo.errors import (
    KeyConflictError,
    LeaseLostError,
    RunContinuedError,
    RunEndedError,
    RunNotEndedError,
    RunUnderWayError,
    StoreError,
    UnknownRunError,
)
from woflo.stores.rows import Claim, Row, Signal

__all__ = [
    "check_hand_over",
    "closed",
    "conflict",
    "has_ended",
    "inherited",
    "is_below",
    "is_moved_elsewhere",
    "lease_lost",
    "no_blob",
    "no_limits",
    "not_completable",
    "not_understood",
    "over",
    "recorded_already",
    "signal_there",
    "taken_for_dead",
    "under_way",
    "unknown_run",
    "within_commit",
]


def not_understood(operation: object) -> StoreError:
    """An operation of a kind that the store does not know."""
    return StoreError(f"{type(operation).__name__} is no operation that this store understands")


def no_limits(store: str) -> StoreError:
    """A limit or a pause that would have to hold for all who work with a folder."""
    return StoreError(
        f"{store}: a folder has no limits and no pauses that hold for all its workers; use an SQL store, or limit each "
        f"worker by itself (concurrency, and max_concurrency of a task)"
    )


def conflict(row: Row, there: Row) -> KeyConflictError:
    """`row` was to be submitted, and `there` has its id or its key."""
    what = f"the key {row.key!r}" if row.id != there.id else f"the id {row.id!r}"
    return KeyConflictError(
        f"{row.task} was called with {what}, under which {there.task} ({there.id}, {there.state}) is stored with "
        f"other arguments: {_short(there.args)} and not {_short(row.args)}; use another key, or the same arguments"
    )


def lease_lost(claim: Claim) -> LeaseLostError:
    """Somebody writes under a claim that does not hold any more."""
    return LeaseLostError(
        f"the run {claim.run_id} is no longer held by the worker {claim.worker} (fence {claim.fence}): it has ended, "
        f"was given back, or was taken over; what was to be written about it is not kept"
    )


def taken_for_dead(worker: str) -> LeaseLostError:
    """A worker gives a sign of life after its runs were taken from it."""
    return LeaseLostError(f"the worker {worker} gave no sign of life in time, and its runs were taken over")


def recorded_already(step: Row) -> StoreError:
    """A step was to be recorded a second time."""
    return StoreError(
        f"the step {step.task} ({step.id}) is recorded already, or that is the id of another run; a recorded step "
        f"never executes again"
    )


def no_blob(name: str) -> StoreError:
    """A row names a large value that is not there."""
    return StoreError(f"the value {name} is missing from this store: was it removed by hand? Put a copy back")


def unknown_run(run_id: str) -> UnknownRunError:
    """There is nothing of this id."""
    return UnknownRunError(f"there is no run {run_id!r} in this store")


def not_completable(row: Row) -> RunEndedError:
    """Somebody gives a value to a run that nobody was asked for."""
    return has_ended(row, "only a manual step that waits, or what is uncertain after a crash, can be completed")


def check_hand_over(row: Row) -> None:
    """Raise where no other run may go on in the place of this one."""
    from woflo.stores.operations import CONTINUED, HANDED_OVER, MOVED  # which they all stand on

    if not row.is_terminal:
        raise RunNotEndedError(f"the run {row.id} of {row.task} is {row.state}: stop it first, or fork it")
    if (row.reason or "").startswith(MOVED):
        raise is_moved_elsewhere(row)
    for prefix in (CONTINUED, HANDED_OVER):
        if (row.reason or "").startswith(prefix):
            raise RunContinuedError(f"the run {row.id} of {row.task} was {row.reason} already; that is the one to name")


def has_ended(row: Row, consequence: str) -> RunEndedError:
    """The run is in a state in which that cannot happen to it any more."""
    return RunEndedError(f"the run {row.id} of {row.task} is {row.state}: {consequence}")


def under_way(row: Row) -> RunUnderWayError:
    """The run cannot be moved now."""
    return RunUnderWayError(
        f"the run {row.id} of {row.task} is executed by the worker {row.worker}, and cannot be moved; stop it, or wait "
        f"until it has ended or waits"
    )


def signal_there(signal: Signal) -> KeyConflictError:
    """A signal comes with a run that is moved, and another one has its id."""
    return KeyConflictError(
        f"the signal {signal.id!r} of the run {signal.run_id} has the id of one that is stored here"
    )


def is_below(row: Row) -> StoreError:
    """Only a whole can be moved."""
    return StoreError(f"the run {row.id} of {row.task} was called by {row.parent_id}, and can be moved with that only")


def is_moved_elsewhere(row: Row) -> StoreError:
    """The run was set aside for another store."""
    return StoreError(f"the run {row.id} of {row.task} is on its way already: {row.reason}; move it there")


def closed() -> StoreError:
    """Somebody uses a store after its `close`."""
    return StoreError("this store is closed; open another one")


def within_commit() -> StoreError:
    """A thread writes while the same thread commits, and would wait for itself for ever."""
    return StoreError(
        "this thread is writing already: inside of `transaction()` write through it, by its `connection` and `commit`; "
        "in a callback of `submit`, submit"
    )


def over() -> StoreError:
    """Somebody writes through a transaction that was kept or refused."""
    return StoreError("this transaction is over: it was kept, refused, or left; begin another one")


def inherited() -> StoreError:
    """A store is used in a process that got it by a fork."""
    return StoreError("this store was opened before a fork, and belongs to the parent; open it again in the child")


def _short(args: Any) -> str:
    text = str(args)
    return text if len(text) <= 120 else f"{text[:120]}…"
