"""How many runs at once: places of runners and tasks, resources of the machine, starts per period.

A **gate** counts one thing that is scarce. A **lane** is the set of gates that the runs of one task on one
runner must pass, all at once, and the queue of those that cannot yet. Within a lane runs go in the order of
their calls; lanes do not hold each other up.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from woflo.errors import ResourceError
from woflo.kernel import clock, runtime
from woflo.kernel.quantities import as_text, parse_quantity, parse_rate

if TYPE_CHECKING:
    from woflo.kernel.run import BaseTaskRun

__all__ = ["Gate", "Lane", "Limits", "Pace"]

Run = Any
Grant = Callable[[], object]


class Gate:
    """A number of places (or an amount of a resource), and how much of it is taken."""

    __slots__ = ("limit", "queued", "used")

    def __init__(self, limit: Callable[[], float | None]) -> None:
        self.limit: Any = limit
        """Read anew each time, so that a class attribute may be set at any time. None: no limit."""
        self.used: float = 0.0
        self.queued: dict[Lane, None] = {}
        """The lanes that hold waiting runs and pass this gate, in the order in which they began to wait."""

    def has_room(self, weight: float) -> bool:
        limit = self.limit()
        return limit is None or self.used + weight <= limit + 1e-9

    def take(self, weight: float) -> None:
        self.used += weight

    def give(self, weight: float) -> None:
        self.used -= weight


class Pace(Gate):
    """At most `starts` in any `period` seconds. What was taken comes back by time alone."""

    __slots__ = ("period", "recent", "starts")

    def __init__(self, starts: int, period: float) -> None:
        super().__init__(lambda: None)
        self.starts: int = starts
        self.period: float = period
        self.recent: deque[float] = deque(maxlen=starts)

    def has_room(self, weight: float) -> bool:
        return self.next_time() <= clock.monotonic()

    def next_time(self) -> float:
        """When the next start is allowed, on the monotonic clock."""
        return self.recent[0] + self.period if len(self.recent) == self.starts else 0.0

    def take(self, weight: float) -> None:
        self.recent.append(clock.monotonic())

    def give(self, weight: float) -> None:
        """A start cannot be undone."""


class Lane:
    """The gates that a run must pass together, and those that wait for it."""

    __slots__ = ("gates", "has_timer", "only_gate", "paces", "returning", "waiting")

    def __init__(self, gates: Iterable[tuple[Gate, float]]) -> None:
        self.gates: tuple[tuple[Gate, float], ...] = tuple(gates)
        self.only_gate: Gate | None = None
        """The gate of a lane that has no other, which takes one place for each run: what most lanes are."""
        if len(self.gates) == 1 and type(self.gates[0][0]) is Gate and self.gates[0][1] == 1.0:
            self.only_gate = self.gates[0][0]
        self.paces: list[Pace] = [gate for gate, _ in self.gates if isinstance(gate, Pace)]
        self.has_timer: bool = False
        self.waiting: OrderedDict[Run, None] = OrderedDict()
        self.returning: deque[Grant] = deque()
        """Runs that gave their place back while they waited for others and want it again: they go first."""

    def has_room(self) -> bool:
        for gate, weight in self.gates:  # a generator costs more than all the rest
            if not gate.has_room(weight):
                return False
        return True

    def take_if_room(self) -> bool:
        """Take the places of one run; False where they are not to be had."""
        gate = self.only_gate
        if gate is not None:
            limit = gate.limit()
            if limit is not None and gate.used >= limit:
                return False
            gate.used += 1.0
            return True
        if not self.has_room():
            return False
        for gate, weight in self.gates:
            gate.take(weight)
        return True

    def give(self) -> None:
        for gate, weight in self.gates:
            gate.give(weight)


class Limits:
    """All gates of this process.

    One lock guards them, and no thread waits for it on the way of a call: what finds it taken is left in the
    inbox, and who holds the lock does it before anything else. (A thread that waits for a lock gets it without
    the interpreter's lock; the other then waits at its next turn, and from there on they change with each call.)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inbox: deque[tuple[Run | None, Lane]] = deque()
        """What is to be done under the lock: a run that wants to pass a lane, or None for one that has left it."""
        self._runner_gates: dict[type, Gate] = {}
        self._runner_lanes: dict[type, Lane | None] = {}
        self._resource_gates: dict[str, Gate] = {}
        self._totals: dict[str, float] | None = None

    # -- which lane ------------------------------------------------------------------------------------

    def lane_of(self, run: BaseTaskRun[Any]) -> Lane | None:
        """The lane for a run's task on its runner, or None where nothing limits it."""
        task, runner = run.task, type(run)
        if not task.is_limited:
            try:
                return self._runner_lanes[runner]
            except KeyError:
                return self._make_runner_lane(runner)
        key = (self, runner)
        lane: Lane | None = task._lanes.get(key)
        if lane is None:
            lane = task._lanes.setdefault(key, Lane(self._gates_of(task, runner)))
        return lane

    # Several threads may come first at once: `setdefault` makes one of what they made stand.

    def _make_runner_lane(self, runner: type) -> Lane | None:
        gates = [(gate, 1.0) for gate in self._runner_gate(runner)]
        return self._runner_lanes.setdefault(runner, Lane(gates) if gates else None)

    def _runner_gate(self, runner: Any) -> list[Gate]:
        if runner.traits.queues:
            return []
        gate = self._runner_gates.get(runner)
        limit = partial(getattr, runner, "max_concurrency")  # each call asks, and a lambda is called for longer
        return [gate or self._runner_gates.setdefault(runner, Gate(limit))]

    def _gates_of(self, task: Any, runner: type) -> list[tuple[Gate, float]]:
        options = task.options
        gates = [(gate, 1.0) for gate in self._runner_gate(runner)]
        if options.max_concurrency is not None:
            gates.append((self._shared_gate(task, "places", lambda: Gate(lambda: options.max_concurrency)), 1.0))
        if options.rate_limit is not None:
            gates.append((self._shared_gate(task, "pace", lambda: Pace(*parse_rate(options.rate_limit))), 1.0))
        for name, given in (options.resources or {}).items():
            amount = parse_quantity(name, given)
            gates.append((self._resource_gate(name, amount, task.name), amount))
        return gates

    def _shared_gate(self, task: Any, kind: str, make: Callable[[], Gate]) -> Gate:
        """The gate of a task, which counts its runs on all runners together."""
        gate: Gate = task._gates.setdefault((self, kind), make())
        return gate

    def _resource_gate(self, name: str, amount: float, task: str) -> Gate:
        if self._totals is None:
            from woflo.kernel.registry import load_machine

            self._totals = load_machine()
        total = self._totals.get(name, 0.0)
        if amount > total:
            raise ResourceError(
                f"task {task!r} asks for {name}={as_text(amount)}, and this machine has {as_text(total)}; "
                f"ask for less, or state what there is under [resources] in woflo.toml"
            )
        return self._resource_gates.setdefault(name, Gate(lambda: total))

    # -- passing ---------------------------------------------------------------------------------------

    def admit(self, run: Run, lane: Lane) -> bool:
        """True where the run may start now; otherwise it is started as soon as it may."""
        if self._inbox or not self._lock.acquire(False):
            self._inbox.append((run, lane))
            self._do_inbox()
            return False
        try:
            if not lane.waiting and not lane.returning and lane.take_if_room():
                return True
            lane.waiting[run] = None
            self._queue(lane)
        finally:
            self._lock.release()
        self._do_inbox()
        self._wake_when_due(lane)
        return False

    def release(self, lane: Lane) -> None:
        """Give the places of an ended attempt back, and start those that can go now."""
        gate = lane.only_gate
        if gate is None or lane.returning or self._inbox or not self._lock.acquire(False):
            self._inbox.append((None, lane))
            self._do_inbox()
            return
        run = None
        try:
            limit = gate.limit()
            if not gate.queued:
                gate.used -= 1
            elif len(gate.queued) == 1 and lane.waiting and gate.used == limit:  # one leaves, the next one comes
                run = lane.waiting.popitem(last=False)[0]
                self._unqueue_if_empty(lane)
            else:
                self._inbox.append((None, lane))
        finally:
            self._lock.release()
        if self._inbox:
            self._do_inbox()
        if run is not None:
            _start([run])

    def _do_inbox(self) -> None:
        """Do what the inbox holds, unless another thread is at it: that one looks again when it is done."""
        while self._inbox and self._lock.acquire(False):
            work = _Work()
            try:
                self._do_under_lock(work)
            finally:
                self._lock.release()
            self._go_on(work)

    def _do_under_lock(self, work: _Work) -> None:
        while self._inbox:
            run, lane = self._inbox.popleft()
            if run is None:
                lane.give()
            else:
                lane.waiting[run] = None
                self._queue(lane)
            for gate, _ in lane.gates:
                if gate.queued:
                    work.lanes.update(gate.queued)
            self._pump(work)

    def _go_on(self, work: _Work) -> None:
        """Outside of the lock: start what may start."""
        _call_grants(work.grants)
        if work.ready:
            _start(work.ready)
        for lane in work.lanes:
            self._wake_when_due(lane)

    def withdraw(self, run: Run, lane: Lane) -> bool:
        """Take a waiting run out of its queue; True where it was there."""
        work = _Work()
        with self._lock:
            self._do_under_lock(work)
            found = run in lane.waiting
            if found:
                del lane.waiting[run]
                self._unqueue_if_empty(lane)
        self._go_on(work)
        self._do_inbox()
        return found

    def take_back(self, lane: Lane, grant: Grant) -> bool:
        """For a run that gave its places back while it waited: True where it has them again at once.

        Otherwise `grant` is called when it has. It goes before those that have not started.
        """
        work = _Work()
        with self._lock:
            self._do_under_lock(work)
            has = not lane.returning and _has_room_for_return(lane)
            if has:
                _take_for_return(lane)
            else:
                lane.returning.append(grant)
                self._queue(lane)
        self._go_on(work)
        self._do_inbox()
        return has

    def _queue(self, lane: Lane) -> None:
        for gate, _ in lane.gates:
            gate.queued[lane] = None

    def _unqueue_if_empty(self, lane: Lane) -> None:
        if not lane.waiting and not lane.returning:
            for gate, _ in lane.gates:
                gate.queued.pop(lane, None)

    def _pump(self, work: _Work) -> None:
        """Take places for all in the lanes of `work` that can go now. Under the lock."""
        for lane in work.lanes:
            while lane.returning and _has_room_for_return(lane):
                _take_for_return(lane)
                work.grants.append(lane.returning.popleft())
            while lane.waiting and not lane.returning and lane.take_if_room():
                work.ready.append(lane.waiting.popitem(last=False)[0])
            self._unqueue_if_empty(lane)

    # -- rates -----------------------------------------------------------------------------------------

    def _wake_when_due(self, lane: Lane) -> None:
        """Where a rate alone holds a lane back, nobody's end will start it: a timer has to. One per lane."""
        if not lane.paces:
            return
        with self._lock:
            due = max(pace.next_time() for pace in lane.paces) if lane.waiting and not lane.has_timer else None
            lane.has_timer |= due is not None
        self._do_inbox()
        if due is not None:
            runtime.current.reactor.call_at(due, self._pump_paced, lane)

    def _pump_paced(self, lane: Lane) -> None:
        work = _Work()
        with self._lock:
            lane.has_timer = False
            work.lanes[lane] = None
            self._pump(work)
            held_by_rate = not all(pace.has_room(1.0) for pace in lane.paces)
        _call_grants(work.grants)
        _start(work.ready)
        self._do_inbox()
        if held_by_rate:  # otherwise places hold it, and their release comes by here again
            self._wake_when_due(lane)


class _Work:
    """What was found under the lock, to be done outside of it."""

    __slots__ = ("grants", "lanes", "ready")

    def __init__(self) -> None:
        self.ready: list[Run] = []
        """Runs that have their places."""
        self.grants: list[Grant] = []
        self.lanes: dict[Lane, None] = {}
        """Lanes that may have more to start."""


def _has_room_for_return(lane: Lane) -> bool:
    """A run that comes back does not start again, so rates do not hold it."""
    return all(gate.has_room(weight) for gate, weight in lane.gates if not isinstance(gate, Pace))


def _take_for_return(lane: Lane) -> None:
    for gate, weight in lane.gates:
        if not isinstance(gate, Pace):
            gate.take(weight)


def _call_grants(grants: list[Grant]) -> None:
    for grant in grants:
        try:
            grant()
        except RuntimeError:
            pass  # the event loop that waited for its place is closed


def _start(ready: list[Run]) -> None:
    """Start runs. One that ends at once frees its place in turn: that is done here after it, not inside it."""
    starting, me = runtime.current.starting, threading.get_ident()
    queue = starting.get(me)
    if queue is not None:
        queue.extend(ready)
        return
    queue = starting[me] = deque(ready)
    try:
        while queue:
            queue.popleft()._launch_admitted()
    finally:
        del starting[me]
