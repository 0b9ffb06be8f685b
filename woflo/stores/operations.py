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
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from woflo.kernel.state import TERMINAL, RunState
from woflo.stores.blobs import Blob
from woflo.stores.rows import Claim, Row, Signal, Success, Tag, WorkerRow

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

T = TypeVar("T")

SUSPECT_DEATHS = 3
"""A run under way at so many deaths of workers, without coming further, waits for a decision: else it ends the next."""
SUSPECT, LOST, MANUAL = "suspect", "worker lost", "manual"
"""Reasons: of a run that waits for that decision, of one whose worker died, of one that waits for `Complete`."""
UNCERTAIN = "uncertain"
"""How the reason of a step or call begins that may have happened when its process died: for `Complete` or `Wake`."""

CONTINUED, HANDED_OVER = "continued as ", "handed over to "
"""How the reason of a run that has ended begins which another one goes on from; the id of that one follows. What the
first kind would have given, the other one gives; the second kind has ended by itself."""


def goes_on_as(row: Row) -> str | None:
    """The id of the run that tells how this one, which has ended, went on."""
    reason = row.reason or ""
    return reason.removeprefix(CONTINUED) if row.is_terminal and reason.startswith(CONTINUED) else None


def is_asked(row: Row) -> bool:
    """True for a run that waits for somebody outside to tell how it ends."""
    reason = row.reason or ""
    return row.state is RunState.WAITING and (reason == MANUAL or reason.startswith(UNCERTAIN))


MOVED = "moved to "
"""How the reason of a STOPPED run begins that is on its way to another store."""


@dataclass(slots=True, kw_only=True)
class Operation(Generic[T]):
    """A write. `T` is what it returns.

    Never changed, and yet not frozen: each step makes one, and making a frozen one takes three times as long.
    """

    now: float
    blobs: tuple[Blob, ...] = ()
    """Large values that it names: kept together with it. Put there by the store, not by callers."""

    def is_news(self, result: T) -> bool:
        """True where others may have waited for what it changed; who only looks and finds nothing tells nobody.

        Telling costs as much as a commit where many hear of it: each of them looks at the store.
        """
        return True


class Accepted(NamedTuple):
    """What became of a run that was submitted: the row as it stands, and whether this made it."""

    row: Row
    is_new: bool


@dataclass(slots=True, kw_only=True)
class Submit(Operation[list[Accepted]]):
    """Keep new runs, all or none.

    A run whose id, or whose task and key, are there already is attached to that one, in whatever state it is.
    A row that names a worker is claimed by it at once. Refused with `KeyConflictError` where the task or the
    arguments of the one that is there differ. Where one run has the id and another the key, the id decides.
    """

    runs: tuple[Row, ...]
    tags: tuple[Tag, ...] = ()
    """Of these runs; those of a run that was there already are not kept."""


@dataclass(slots=True, kw_only=True)
class ClaimReady(Operation[list[Row]]):
    """Take up to `limit` ready runs, of these tasks and queues, highest priority first, then oldest.

    Each becomes RUNNING with a fence higher than any before; no other claim gets it until it is given back or
    its worker is lost. With `ids`, only runs among these are taken, whatever their queue. A worker beats before it
    claims: `Recover` frees what one has that is not known.

    What is set for a queue holds exactly, however many claim at once: nothing is taken from one that is paused, and no
    more than its limits and its rate allow. A run for whose key there is no place is passed over. Every run of the
    queue that a worker has counts as under way, and every claim as a start. With `ids`, what is set is not asked.
    """

    worker: str
    limit: int
    tasks: tuple[str, ...]
    queues: tuple[str, ...] = ()
    ids: tuple[str, ...] | None = None

    def is_news(self, result: list[Row]) -> bool:
        return bool(result)


@dataclass(slots=True, kw_only=True)
class Beat(Operation[None]):
    """A sign of life: the worker keeps its claims until its new `lease_until`.

    The first one (`is_first`) makes the worker known. Any other is refused with `LeaseLostError` where the worker is
    not known, because it left or was taken for dead: its claims are gone.
    """

    worker: WorkerRow
    is_first: bool = False

    def is_news(self, result: None) -> bool:
        return False


@dataclass(slots=True, kw_only=True)
class Leave(Operation[None]):
    """The worker is gone in order: what it still holds is given back, as by `Release`. Without effect if unknown."""

    worker: str


@dataclass(slots=True, kw_only=True)
class Recover(Operation[list[str]]):
    """Free the runs of workers whose lease ended before `now`, of those that are `dead`, and of those not known.

    They become PENDING again with the reason "worker lost"; at the third death that counts, WAITING with the reason
    "suspect". Where the worker has `told` what it had begun, its death counts only for claims among the `begun`.
    Of all others, such as those whose lease ended, nothing is known, and it counts for all that they held. Returns the
    ids, in their order.
    """

    dead: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    """Those of the dead that have left word of all that they had begun."""
    begun: tuple[Claim, ...] = ()
    """What they had begun; claims that they do not hold any more count for nothing."""

    def is_news(self, result: list[str]) -> bool:
        return bool(result)


@dataclass(slots=True, kw_only=True)
class Claimed(Operation[T]):
    """A write about a run by the one that holds it.

    Refused with `LeaseLostError` unless the run is RUNNING under exactly this claim.
    """

    claim: Claim
    steps: tuple[Row, ...] = ()
    """Rows of steps, written as they are: new ones, or the ends of steps whose intent was written before.

    A step has no key. One that has ended already, or whose id is that of a run which is no step of this parent, is
    refused with `StoreError`, and so is all that came with it.
    """
    notes: tuple[Row, ...] = ()
    """Rows of steps that are written with it unless they are there already."""
    comes_further: bool = False
    """True where the run did not come to this before: it is not what ended its workers, and its deaths are forgotten.

    For `Record` and `Publish`; for `TakeSignal` where there is a signal, and for `Park` where the run is parked.
    """


@dataclass(slots=True, kw_only=True)
class Record(Claimed[list[Accepted]]):
    """Keep steps, and submit `calls` as by `Submit`, together; returns what became of the calls."""

    calls: tuple[Row, ...] = ()
    tags: tuple[Tag, ...] = ()
    """Of the calls, as of `Submit`."""

    def is_news(self, result: list[Accepted]) -> bool:
        """Only the parent waits for a step that it has executed itself, and that one has written this."""
        if self.calls:
            return True
        for step in self.steps:  # of which there is one: a generator costs more than all the rest
            if step.state not in TERMINAL:
                return True
        return False


@dataclass(slots=True, kw_only=True)
class Finish(Claimed[None]):
    """End a run, in a terminal `state`. Its parent is woken where it waits for "run:ID"."""

    state: RunState
    result: str | None = None
    error: str | None = None
    reason: str | None = None
    calls: tuple[Row, ...] = ()
    """Submitted together with it, as by `Submit`."""
    tags: tuple[Tag, ...] = ()
    """Of the calls."""
    successors: tuple[Row, ...] = ()
    """A new run that goes on from it, and takes over its key; STOPPED where a stop was requested. One, or none."""


@dataclass(slots=True, kw_only=True)
class Forget(Claimed[None]):
    """Take the run away, as if it had never been called. Its parent is woken where it waits for "run:ID"."""


@dataclass(slots=True, kw_only=True)
class Park(Claimed[bool]):
    """Set a run to WAITING and give up the claim.

    Returns False, and keeps only the steps, where something that it waits for is there already: a signal that
    nobody took, a run that ended, its time, a request to stop. Refused with `UnknownRunError` where it waits for a
    run that is not there. What else is in `waits_for` comes from outside: by `Complete` or `Wake`. Where it waits for
    a step that it is to execute again, it is woken at once.
    """

    reason: str
    waits_for: tuple[str, ...] = ()
    run_after: float | None = None


@dataclass(slots=True, kw_only=True)
class Release(Claimed[None]):
    """Give a run back, PENDING; after a failed attempt RETRYING, with the error. Ready from `run_after` on."""

    run_after: float | None = None
    reason: str | None = None
    failed: bool = False
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class TakeSignal(Claimed["str | None"]):
    """Give the oldest signal of this name that nobody took to `step`, which is recorded with its value.

    Returns the value, or None where there is no such signal; then only `steps` are kept. `step` is refused as they
    are where it has ended already.
    """

    name: str
    step: Row

    def is_news(self, result: str | None) -> bool:
        return result is not None or bool(self.steps or self.notes)


@dataclass(slots=True, kw_only=True)
class Publish(Claimed[None]):
    """Show a value to whoever looks at the run, in place of the last one of this name."""

    name: str
    value: str


@dataclass(slots=True, kw_only=True)
class Send(Operation[bool]):
    """Keep a signal for a run, once for each `id`; the run is woken where it waits for "signal:NAME".

    Returns False where a signal of this id is there already. Refused with `UnknownRunError` where there is no
    such run, and `RunEndedError` where it has ended.
    """

    id: str
    run_id: str
    name: str
    value: str


@dataclass(slots=True, kw_only=True)
class RequestStop(Operation[RunState]):
    """Stop a run and all below it: at once where nobody executes it, else its worker is asked to.

    Steps that their parent executes itself (RUNNING, without a queue) are left to it. Returns the state that the run
    then has. Refused with `UnknownRunError`.
    """

    run_id: str
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Complete(Operation[None]):
    """End a run that waits for somebody outside (a manual step, one that is UNCERTAIN); its parent is woken.

    Refused with `UnknownRunError`, and with `RunEndedError` where it does not wait for that.
    """

    run_id: str
    state: RunState
    result: str | None = None
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Continue(Operation[Row]):
    """Begin a run that goes on from the one that it `continues`, with `steps` recorded already; returns its row.

    With `hands_over`, it takes over the key, and the reason of the run before tells of it. Then that must have ended
    (refused with `RunNotEndedError`), and neither been handed over before (`RunContinuedError`) nor be on its way to
    another store (`StoreError`). Refused with `UnknownRunError` where there is no such run, and with `KeyConflictError`
    where the id or the key is another run's.
    """

    row: Row
    steps: tuple[Row, ...] = ()
    hands_over: bool = True


@dataclass(slots=True, kw_only=True)
class Wake(Operation[None]):
    """Let a WAITING run go on, whatever it waits for: a decision about a suspect, or after its code was mended.

    Its deaths are forgotten. One that is UNCERTAIN is executed again: by whoever claims it, or, where it is a step, by
    its parent, which is woken. Refused with `UnknownRunError`; a run that does not wait, and a manual step, which only
    `Complete` ends, are left as they are. With a `token`, only a run that waits for that is woken, as if it had come.
    """

    run_id: str
    token: str | None = None


@dataclass(slots=True, kw_only=True)
class Prune(Operation[list[str]]):
    """Take runs away that have ended, each with all below it, its signals, tags and what it published.

    Their keys are free by that. Left as they are: what is not there, what has not ended, what ended at `before` or
    later, a run that another one called (it goes with that one), and one below which something may still execute.
    Returns the ids of those that are gone, in the order of `ids`.
    """

    ids: tuple[str, ...]
    before: float | None = None

    def is_news(self, result: list[str]) -> bool:
        return bool(result)


@dataclass(slots=True, kw_only=True)
class SetAside(Operation[None]):
    """Let nothing of a run, and of all below it, go on here, because it is on its way to another store.

    What had not ended is STOPPED, with the reason "moved to TO" and the `error`; how it was is kept beside it, and
    `Adopt` brings it back. Without effect where all has ended. Doing it again for the same `to` changes nothing.
    Refused with `UnknownRunError`, with `RunUnderWayError` where a worker has any of it, and with `StoreError` for a
    run that another one called, and for one that is on its way to another `to`.
    """

    run_id: str
    to: str
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Adopt(Operation[bool]):
    """Take over what another store had of a run: it goes on here as it stood there.

    The first of `runs` is the one that is moved, the others are below it. Where it was set aside here, it is put back.
    Returns False, and keeps nothing, where it is here already. Refused with `KeyConflictError` where another run has an
    id or a key of them.
    """

    runs: tuple[Row, ...]
    signals: tuple[Signal, ...] = ()
    published: tuple[tuple[str, str, str], ...] = ()
    """Of which run, under which name, what value."""
    tags: tuple[Tag, ...] = ()


@dataclass(slots=True, kw_only=True)
class Sweep(Operation[int]):
    """Remove large values that nothing names any more, and that were kept last more than `REST` seconds before `now`.

    Returns how many. What takes runs away (`Forget`) does the same where it took away the name of one.
    """

    def is_news(self, result: int) -> bool:
        return False


@dataclass(slots=True, kw_only=True)
class LimitQueue(Operation[None]):
    """Set all limits of a queue, in place of those before; see `QueueRow`. What is under way goes on.

    Refused with `StoreError` where the store has no limits.
    """

    queue: str
    max_concurrency: int | None = None
    max_per_key: int | None = None
    rate_limit: str | None = None


@dataclass(slots=True, kw_only=True)
class PauseQueue(Operation[None]):
    """Let nothing be claimed from a queue, or let it go on. What is under way goes on. Refused as `LimitQueue`."""

    queue: str
    is_paused: bool


@dataclass(slots=True, kw_only=True)
class PauseSchedule(Operation[None]):
    """Let workers make no calls by the schedule of a task, or let them go on. Refused as `LimitQueue`."""

    task: str
    is_paused: bool


@dataclass(slots=True, kw_only=True)
class KeepSuccesses(Operation[None]):
    """Keep how targets were made last, each in place of what was kept of it before."""

    successes: tuple[Success, ...]

    def is_news(self, result: None) -> bool:
        return False


@dataclass(slots=True, kw_only=True)
class ForgetSuccesses(Operation[None]):
    """Know no longer how these targets were made; what is not known is passed over."""

    targets: tuple[str, ...]

    def is_news(self, result: None) -> bool:
        return False
