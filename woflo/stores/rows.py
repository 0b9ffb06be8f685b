"""What a store keeps, as it is read. Values are JSON texts; times are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from woflo.kernel.state import TERMINAL, RunState

__all__ = ["DEFAULT_QUEUE", "Claim", "QueueRow", "Row", "Signal", "Success", "Tag", "WorkerRow", "place_id"]

DEFAULT_QUEUE = "default"


class Claim(NamedTuple):
    """The right to write about a run, from the claim until the run is given back, ended, or taken over."""

    run_id: str
    worker: str
    fence: int
    """How often the run had been claimed; whoever took over has a higher one."""


@dataclass(slots=True, kw_only=True)
class Row:
    """A run: everything that was called is one, steps included. Never changed; `changed` gives another one."""

    id: str
    task: str
    """The name under which workers and journals know the task."""
    state: RunState = RunState.PENDING
    queue: str | None = DEFAULT_QUEUE
    """Whose workers may claim it; None for what only its parent executes, as the steps of a workflow."""
    parent_id: str | None = None
    scope: str = ""
    """The branch of the parent in which it was called: the numbers of the branches down to it, with dots.

    Behind a `~` for what a run before the parent had recorded there: it holds where the same is called again.
    """
    position: int | None = None
    """Its place among the calls of that branch, from 0."""
    key: str | None = None
    """Unique for the task; the successor of a run takes it over."""
    priority: int = 0
    """Higher is claimed first, equal ones in the order of their ids, which is that of their calls."""
    reason: str | None = None
    """Why it waits, or was given back."""
    args: str = "{}"
    digest: str = ""
    """Of the arguments: the same call has the same. A run that takes over a key keeps it, whatever its arguments."""
    result: str | None = None
    error: str | None = None
    attempt: int = 0
    """The attempt under way, or the last; one that was given back, parked, or lost with its worker does not count."""
    deaths: int = 0
    """How many workers died while this run was under way, since it came further the last time."""
    run_after: float | None = None
    """Not before this time; None for at once."""
    waits_for: tuple[str, ...] = ()
    """What wakes it while it is WAITING: "signal:NAME", "run:ID" (of a child)."""
    stop_requested: bool = False
    worker: str | None = None
    """Who executes it; set exactly while the state is RUNNING and the run is claimed."""
    fence: int = 0
    continues: str | None = None
    """The run that this one goes on from."""
    options: str | None = None
    """A JSON object of the options that were given with this call, for whoever executes it; None for none."""
    limit_key: str | None = None
    """What it counts for where its queue limits how many runs of one key are under way."""
    created_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None

    @property
    def is_terminal(self) -> bool:
        return self.state in TERMINAL

    @property
    def is_to_be_executed(self) -> bool:
        """True for a step that was cut off, and that its parent executes again, as was decided."""
        return self.queue is None and self.state is RunState.PENDING

    @property
    def claim(self) -> Claim:
        """The claim that this row shows. To be asked only while a worker has it."""
        assert self.worker is not None
        return Claim(self.id, self.worker, self.fence)

    def changed(self, **changes: Any) -> Row:
        """This row with `changes` on top."""
        twin = object.__new__(Row)
        _copy(self, twin)
        for name, value in changes.items():
            setattr(twin, name, value)
        return twin


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """What is set for a queue, for all its workers; one for which nothing is set has no such row."""

    name: str
    max_concurrency: int | None = None
    """How many of its runs are under way at the same time; None for as many as there is room for."""
    max_per_key: int | None = None
    """The same of those with one `limit_key`; runs without one are not limited by it."""
    rate_limit: str | None = None
    """How many may begin in any one period, as "10/s"."""
    is_paused: bool = False
    """True where nothing more is claimed from it."""
    starts: tuple[tuple[float, int], ...] = ()
    """When runs began that the rate still counts, and how many at that time; the oldest first."""
    next_at: float | None = None
    """When the rate lets the next one begin, where it is used up; None where it is not."""


def _copier(names: Iterable[str]) -> Callable[[Row, Row], None]:
    """A function that copies these fields, one after another, as `dataclasses` makes its own.

    A loop takes more than twice the time, `dataclasses.replace` six times; every write has such copies.
    """
    made: dict[str, Any] = {}
    exec("\n    ".join(["def copy(row, twin):", *(f"twin.{name} = row.{name}" for name in names)]), made)
    copy: Callable[[Row, Row], None] = made["copy"]
    return copy


_copy = _copier(Row.__slots__)


@dataclass(slots=True, kw_only=True)
class Signal:
    """A value sent to a run from outside. `taken_by` is the id of the step that received it."""

    id: str
    run_id: str
    name: str
    value: str
    sent_at: float
    taken_by: str | None = None


class Tag(NamedTuple):
    """What a run is found by besides its task and its key: one value for each name."""

    run_id: str
    name: str
    value: str


class Success(NamedTuple):
    """The last success of what makes a target: whoever wants that target again can tell whether it is up to date."""

    target: str
    """The first file that is made, or what else stands for the result."""
    task: str
    run_id: str
    made_at: float
    record: str
    """What it was made of and by, as JSON."""


@dataclass(slots=True, kw_only=True)
class WorkerRow:
    """A process that holds claims, and until when they are its own without another sign of life."""

    id: str
    host: str
    pid: int
    lease_until: float


def place_id(parent_id: str, scope: str, position: int) -> str:
    """The id of what is called at a place: the same whenever the parent's code comes to it."""
    return f"{parent_id}:{scope}/{position}" if scope else f"{parent_id}:{position}"
