"""How a run goes from its call to its end: the state that all of its way shares, and who may change it.

    ├─ starting ────────────────────────────────────────┤                     ├─ ending ─────┤
    call ─► dependencies ─► admission (limits) ─► launch ─► [ the runner ] ─► report ─► settle
                                  ▲                                             │
                                  └────────── retry, after its delay ◄──────────┘

Three modules stand on this one, each on the one before: `ending` (from the outcome to the end), `stopping`
(ended from outside, at any point) and `starting` (from the call to the launch, and a retry's way back to it).

The code of an attempt and its outcome end separately: a process that has sent its outcome still lives for
a moment, a thread that is out of time still runs. `_report` is the outcome, `_code_ended` the end; a place
is given back, and a retry starts, only after the second.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from woflo.errors import WofloError
from woflo.kernel import bus, runtime
from woflo.kernel.attempt import Attempt
from woflo.kernel.context import current_attempt
from woflo.kernel.graph import Handle
from woflo.kernel.outcome import Outcome, PackedOutcome
from woflo.kernel.state import ALLOWED, TERMINAL, RunState, check_transition
from woflo.kernel.traits import Traits
from woflo.kernel.unseen import Failure

if TYPE_CHECKING:
    from woflo.kernel.events import Event
    from woflo.kernel.heartbeats import Watch
    from woflo.kernel.limits import Lane
    from woflo.kernel.reactor import Timer
    from woflo.kernel.runtime import Runtime
    from woflo.kernel.task import Task

__all__ = ["NO_KWARGS", "Lifecycle", "Watcher"]

_PENDING, _RUNNING, _RETRYING = RunState.PENDING, RunState.RUNNING, RunState.RETRYING
_FAILURES = frozenset({RunState.FAILED, RunState.UPSTREAM_FAILED})

NO_KWARGS: dict[str, Any] = {}
"""Those of every call that has none: each handle would hold an empty dictionary of its own."""

Watcher = Callable[[Any], object]


class Lifecycle(Handle, ABC):
    """The state of a run, and the transitions that others cannot overtake."""

    traits: ClassVar[Traits] = Traits()
    max_concurrency: ClassVar[int | None] = None
    """How many attempts of this runner execute at once in this process; None for no limit."""
    capture_output: ClassVar[bool] = False
    """True: what attempts write to stdout and stderr becomes events (and the end of it part of crash reports)."""

    # Set on the instance only where a run needs them.
    attempt: int = 0
    parent_id: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    _state: RunState = _PENDING
    _outcome: Outcome | None = None
    _failure: Failure | None = None
    """Where the run has failed: what tells of it should nobody look."""
    _packed: PackedOutcome | None = None
    _waiters: list[Any] | tuple[()] = ()
    """Locks of blocked threads, or what stands for one; each is taken out of the list before it is released, once."""
    _watchers: list[Watcher] | None = None
    _callbacks: tuple[Watcher, ...] = ()
    """What users gave to `add_done_callback`."""
    _end_waiters: list[Any] | tuple[()] = ()
    _lane: Lane | None = None
    _holds_place = False
    _lent = 0
    """How many threads (or coroutines) of this run's code wait for other runs."""
    _place_lent = False
    """True while the place is given back because of that."""
    _in_code = False
    """True from `_launch` until the code of the attempt has ended, whatever the state says."""
    _reported = True
    """False from the launch of an attempt until its outcome is known."""
    _verdict: WofloError | None = None
    """Why the attempt under way is being ended from outside; it outweighs what the attempt then reports."""
    _final = False
    """True where the verdict allows no further attempt."""
    _to_retry: Outcome | None = None
    _instead: tuple[RunState, Outcome] | None = None
    """How the run ends instead of retrying, once the code of the attempt that failed has ended."""
    _timer: Timer | Watch | None = None
    _deadline_timer: Timer | None = None
    _grace_timers: tuple[Timer, ...] = ()
    """What ends the handle should the code of the attempt go on though it was asked to end."""
    _missing = 0
    _waits_for: tuple[Any, ...] = ()
    _watched = False
    """True where somebody listened to events when the call was made."""
    _is_untold = False
    """True as long as nobody was told of the call, because all who listen only count those that are skipped."""
    _current: Attempt | None = None
    _heartbeat: str | None = None
    """The last value (JSON) that an attempt has given as a sign of life."""
    _remember: Callable[[Outcome], object] | None = None
    """Called with the outcome of an attempt that has succeeded, before anybody else is told."""
    _hear: Callable[[str], object] | None = None
    """Who is told of each."""
    _is_stand_in = False
    """True where it executes in the place of another run, which tells of itself: see `bus.stands_for`."""
    grace: float = 5.0
    """Seconds between being asked to end and being ended."""

    _set_by_each: ClassVar[tuple[str, ...]] = (
        *("task", "_args", "_kwargs", "_lock", "_runtime", "_number", "_watched", "_lane", "_holds_place"),
        *("attempt", "_in_code", "_reported", "_current", "started_at"),
        *("_waiters", "_outcome", "finished_at", "_state"),
    )
    """What nearly every run sets on its instance; heirs add their own (all in all less than thirty)."""

    def __init_subclass__(cls, **given: Any) -> None:
        """Make room for the attributes of runs in the keys that all instances share.

        CPython gives that room to what the first thirty instances set. With many calls under way these have not
        come far, and every later run would need a dictionary of its own as soon as it has.
        """
        super().__init_subclass__(**given)
        first = object.__new__(cls)
        for name in cls._set_by_each:
            object.__setattr__(first, name, None)

    def __init__(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        here = runtime.current
        self.task = task
        self._args = args
        self._kwargs = kwargs or NO_KWARGS
        self._lock = threading.Lock()
        self._runtime: Runtime = here
        self._number = next(here.numbers)
        caller = current_attempt.get()
        if caller is not None:
            self.parent_id = caller.run_id

    @property
    def id(self) -> str:
        """Unique over all processes; sorts by the time of its process, then of its call."""
        return f"{self._runtime.prefix}{self._number:08x}"

    # -- what a runner implements ----------------------------------------------------------------------

    @abstractmethod
    def _launch(self, attempt: Attempt) -> None:
        """Begin `attempt` and return. When it is over, call `self._finish(outcome)`, once, from any thread.

        An exception raised here fails the attempt with `LaunchError`.
        """

    @abstractmethod
    def _interrupt(self) -> None:
        """Ask the attempt under way to end, then end it after `self.grace` seconds where that is possible.

        Returns at once. May be called again, after the end too. `_finish` is still called, once.
        """

    def _where(self) -> str:
        """The stack of the attempt under way, where the runner can tell it without asking the attempt."""
        return ""

    def _has_begun(self) -> bool:
        """True where code of the attempt under way may be executing; a runner that queues knows when it is not yet."""
        return self._in_code

    def _about_to_call_back(self) -> None:
        """Code of the user is to be called in the thread that told the run's end; it may take long."""

    # -- the transitions -------------------------------------------------------------------------------

    def _enter_attempt(self) -> bool:
        """Into the next attempt; False where the run has ended while it waited for its turn."""
        with self._lock:
            if self._state in TERMINAL:
                return False
            if not self.traits.queues:
                if _RUNNING not in ALLOWED[self._state]:
                    check_transition(self._state, _RUNNING)
                self._state = _RUNNING
            self.attempt += 1
            self._in_code = True
            self._reported = False
            return True

    def _enter_running(self) -> bool:
        """For a runner that queues: the code begins now; False where that is known already, or does not matter."""
        with self._lock:
            if not self._in_code or self._state not in (_PENDING, _RETRYING):
                return False
            self._state = _RUNNING
            return True

    def _enter_retrying(self) -> bool:
        """From an attempt that failed towards the next; False where the run has ended meanwhile."""
        with self._lock:
            if self._state in TERMINAL:
                return False
            if self.traits.queues:  # it may not have told the start
                self._state = _RUNNING
            check_transition(self._state, _RETRYING)
            self._state = _RETRYING
            self._verdict = None
            return True

    def _into_terminal(self, state: RunState, outcome: Outcome, now: float) -> tuple[Any, list[Watcher] | None]:
        """Under the lock: the state, and what goes with it. Returns who has to be told."""
        self._outcome = outcome
        if outcome.error is not None and state in _FAILURES:
            self._failure = Failure(self, outcome.error)
        self.finished_at = now
        self._state = state  # the last: whoever sees a terminal state, without the lock, must find its outcome
        waiters, watchers = self._waiters, self._watchers
        if waiters:
            self._waiters = ()
        if watchers is not None:
            self._watchers = None
        return waiters, watchers

    # -- who is told -------------------------------------------------------------------------------------

    def _emit(self, event: Event) -> None:
        """Tell observers and the log, unless that is done by the run in whose place this one executes."""
        if not self._is_stand_in:
            bus.emit(event)

    # -- who waits for the end -------------------------------------------------------------------------

    def _looked_at(self) -> None:
        """Somebody has been told how this run ended: a failure need not be told again (see `unseen`)."""
        if self._failure is not None:
            self._failure.see()

    def _watch(self, watcher: Watcher) -> bool:
        """Have `watcher(run)` called once the run is terminal, in any thread; False where it is already."""
        with self._lock:
            if self._state in TERMINAL:
                return False
            if self._watchers is None:
                self._watchers = [watcher]
            else:
                self._watchers.append(watcher)
            return True

    def _watch_for(self, waiter: Watcher) -> bool:
        """The same for a coroutine that waits: it may be told before the end, where waiting has become useless."""
        return self._watch(waiter)

    def _release_waiters(self) -> None:
        """Whoever waits for the end is to look again."""
        if not self._waiters:
            return
        with self._lock:
            waiters, self._waiters = self._waiters, ()
        for waiter in waiters:
            waiter.release()

    def _unwatch(self, watcher: Watcher) -> None:
        with self._lock:
            if self._watchers is not None and watcher in self._watchers:
                self._watchers.remove(watcher)
