"""How a run goes from its call to its end. The states, the attempts, and who is told.

    call ─► dependencies ─► admission (limits) ─► launch ─► [ the runner ] ─► report ─► settle
                                  ▲                                             │
                                  └────────── retry, after its delay ◄──────────┘

The code of an attempt and its outcome end separately: a process that has sent its outcome still lives for
a moment, a thread that is out of time still runs. `_report` is the outcome, `_code_ended` the end; a place
is given back, and a retry starts, only after the second.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from woflo.errors import (
    InheritedHandleError,
    LaunchError,
    TaskStoppedError,
    TaskTimeoutError,
    UpstreamFailedError,
    WofloError,
)
from woflo.kernel import bus, clock, retry, runtime
from woflo.kernel.attempt import Attempt
from woflo.kernel.context import current_attempt
from woflo.kernel.graph import ATOMS, Handle, find_handles, substitute
from woflo.kernel.outcome import Outcome, PackedOutcome
from woflo.kernel.state import ALLOWED, SUCCESSES, TERMINAL, RunState, check_transition
from woflo.kernel.traits import Traits

if TYPE_CHECKING:
    from woflo.kernel.limits import Lane
    from woflo.kernel.ports import Admission
    from woflo.kernel.reactor import Timer
    from woflo.kernel.runtime import Runtime
    from woflo.kernel.task import Task

__all__ = ["Lifecycle"]

_PENDING, _RUNNING, _RETRYING = RunState.PENDING, RunState.RUNNING, RunState.RETRYING
_SUCCEEDED, _FAILED, _STOPPED = RunState.SUCCEEDED, RunState.FAILED, RunState.STOPPED
_NEVER = 1 << 60
_NO_ARGS: tuple[Any, ...] = ()
_NO_KWARGS: dict[str, Any] = {}

Watcher = Callable[[Any], object]
_notifying = threading.local()


class Lifecycle(Handle, ABC):
    """The inside of a run. A runner implements `_launch` and `_interrupt`; everything else is here."""

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
    _packed: PackedOutcome | None = None
    _waiters: list[Any] | tuple[()] = ()
    """Locks of blocked threads; each is taken out of the list before it is released, once."""
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
    _timer: Timer | None = None
    _deadline_timer: Timer | None = None
    _missing = 0
    _waits_for: tuple[Any, ...] = ()
    _watched = False
    """True where somebody listened to events when the call was made."""
    _current: Attempt | None = None
    grace: float = 5.0
    """Seconds between being asked to end and being ended."""

    def __init__(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        here = runtime.current
        self.task = task
        self._args = args
        self._kwargs = kwargs
        self._lock = threading.Lock()
        self._runtime: Runtime = here
        self._number = next(here.numbers)
        caller = current_attempt.get()
        if caller is not None:
            self.parent_id = caller.run_id

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

    # -- from the call to the launch -------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Unique over all processes; sorts by the time of its process, then of its call."""
        return f"{self._runtime.prefix}{self._number:08x}"

    def _begin(self) -> None:
        """Take the call in. Returns when the run is launched or queued."""
        self._runtime.live.add(self)
        self._watched = bus.wanted()
        if self._watched:
            self._emit_created()
        if self.task.is_plain and not self._kwargs:
            for value in self._args:
                if type(value) not in ATOMS:
                    break
            else:
                self._admit()
                return
        self._begin_with_care()

    def _begin_with_care(self) -> None:
        """The same for a call that has a deadline, may depend on others, or may be refused."""
        options = self.task.options
        try:
            if options.deadline is not None:
                self._deadline_timer = self._runtime.reactor.call_later(options.deadline, self._deadline_passed)
            handles, touched = find_handles(self._args, self._kwargs)
            if handles or options.after:
                self._await_dependencies([*handles, *options.after])
            elif touched:
                self._resolve_and_admit()
            else:
                self._admit()
        except BaseException as error:
            self._settle(_FAILED, Outcome.failed(error))
            raise

    def _await_dependencies(self, handles: list[Any]) -> None:
        needed = dict.fromkeys(handles)
        for run in needed:
            if run._runtime is not self._runtime:
                raise InheritedHandleError(f"{run!r} belongs to the process that made it; pass its value instead")
        self._missing = len(needed) + 1
        self._waits_for = tuple(needed)
        for run in needed:
            if not run._watch(self._dependency_done):
                self._dependency_done(run)
        self._dependency_done(None)

    def _dependency_done(self, run: Any) -> None:
        failed = run is not None and run._state not in SUCCESSES
        with self._lock:
            # After a failure the count never comes to zero, whatever succeeds beside it.
            self._missing += _NEVER if failed else -1
            left = self._missing
        if failed:
            self._upstream_failed(run)
        elif left == 0:
            self._waits_for = ()
            self._runtime.away_from_reactor(self._resolve_and_admit)

    def _upstream_failed(self, run: Any) -> None:
        error = run._outcome.error
        root = error.__cause__ if isinstance(error, UpstreamFailedError) else error
        told = UpstreamFailedError(f"{self.task.name} was not executed: {run.task.name} ({run.id}) {_verb(run._state)}")
        told.__cause__ = root
        self._settle(RunState.UPSTREAM_FAILED, Outcome.failed(told))

    def _resolve_and_admit(self) -> None:
        if self._state in TERMINAL:
            return
        try:
            self._args = tuple(substitute(value, _value_of) for value in self._args)
            self._kwargs = {name: substitute(value, _value_of) for name, value in self._kwargs.items()}
            self._admit()
        except Exception as error:
            self._settle(_FAILED, Outcome.failed(error))

    def _admit(self) -> None:
        """Go on when the limits allow it; raises where they never will."""
        limits = self._runtime.limits
        lane = self._lane
        if lane is None:
            lane = self._lane = limits.lane_of(self)  # type: ignore[arg-type]
        if lane is None or limits.admit(self, lane):
            self._launch_admitted()

    def _launch_admitted(self) -> None:
        """Start an attempt; its places are taken."""
        if (self.traits.pickles or self.task.options.admission is not None) and self._runtime.on_reactor():
            self._runtime.deliverer.post(self._start_attempt)
        else:
            self._start_attempt()

    def _start_attempt(self) -> None:
        self._holds_place = self._lane is not None
        admission = self.task.options.admission
        if (admission is not None and self._is_skipped(admission)) or not self._enter_attempt():
            self._release_place()
            return
        if not self.traits.queues:
            self._attempt_started()
        try:
            self._launch(self._make_attempt())
        except Exception as error:
            self._finish(Outcome.failed(self._launch_error(error)))

    def _enter_attempt(self) -> bool:
        """Into the next attempt; False where the run has ended while it waited for its turn."""
        with self._lock:
            if self._state in TERMINAL:
                return False
            if not self.traits.queues:
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

    def _make_attempt(self) -> Attempt:
        """What the runner is given, and what a request to stop and the messages of the code refer to."""
        task = self.task
        self._current = attempt = Attempt(
            "", task.name, self.attempt, task.body, self._args, self._kwargs, self.parent_id, self
        )
        return attempt

    def _attempt_started(self) -> None:
        """The code of the attempt begins now: the clock of its timeout starts."""
        if self.started_at is None:
            self.started_at = clock.now()
        timeout = self.task.options.timeout
        if timeout is not None:
            self._timer = self._runtime.reactor.call_later(timeout, self._timed_out, self.attempt)
        if self._watched or bus.listeners:
            from woflo.kernel.events import AttemptStarted

            bus.emit(AttemptStarted(run_id=self.id, task=self.task.name, attempt=self.attempt))

    def _is_skipped(self, admission: Admission) -> bool:
        """Ask the admission port, once per run, whether there is anything to execute."""
        if self.attempt:
            return False
        try:
            outcome = admission.admit(self)  # type: ignore[arg-type]
        except Exception as error:
            return self._settle(_FAILED, Outcome.failed(error))
        return outcome is not None and self._settle(RunState.SKIPPED, outcome)

    def _launch_error(self, error: Exception) -> WofloError:
        if isinstance(error, WofloError):
            self._final = True  # wrong use, which another attempt would not mend
            return error
        if self._runtime.exiting and isinstance(error, RuntimeError):
            self._verdict = TaskStoppedError(
                f"{self.task.name} was not started: the interpreter is shutting down ({error})"
            )
            return self._verdict
        told = LaunchError(f"{self.task.name} could not be started: {error}")
        told.__cause__ = error
        return told

    # -- from the outcome to the end -------------------------------------------------------------------

    def _finish(self, outcome: Outcome) -> None:
        """The attempt is over and this is what it left. To be called once for each `_launch`."""
        if outcome.error is not None or not self._finish_well(outcome):
            self._report(outcome)
            self._code_ended()

    def _finish_well(self, outcome: Outcome) -> bool:
        """`_report` and `_code_ended` in one for a value that nothing outweighs, as most are."""
        with self._lock:
            if self._reported or self._verdict is not None or self._state in TERMINAL:
                return False
            self._reported = True
            self._in_code = False
            waiters, watchers = self._into_terminal(_SUCCEEDED, outcome)
            if self._end_waiters:
                waiters = [*waiters, *self._end_waiters]
                self._end_waiters = ()
        if self._holds_place:
            self._release_place()
        self._tell(waiters, watchers)
        return True

    def _report(self, outcome: Outcome) -> None:
        """Take what an attempt left. Its code may go on for a moment: `_code_ended` must follow."""
        with self._lock:
            if self._reported:
                return
            self._reported = True
        if self._timer is not None:
            self._timer.cancel()
        if self._verdict is not None:
            outcome = self._judged(self._verdict, outcome)
        if outcome.error is None:
            self._settle(_SUCCEEDED, outcome)
        elif outcome.interrupted or isinstance(self._verdict, TaskStoppedError):
            self._settle(_STOPPED, outcome)
        else:
            self._attempt_failed(outcome)

    def _report_packed(self, packed: PackedOutcome) -> None:
        """Like `_report` for an outcome in bytes: a waiting thread loads it, or else the deliverer."""
        with self._lock:
            self._packed = packed
            waiters, self._waiters = self._waiters, ()
        if waiters:
            for waiter in waiters:
                waiter.release()
        else:
            self._runtime.deliverer.post(self._unpack)

    def _unpack(self) -> None:
        """Load the outcome that arrived, unless another thread does."""
        with self._lock:
            packed, self._packed = self._packed, None
        if packed is not None:
            self._report(packed.unpack())

    def _judged(self, verdict: WofloError, outcome: Outcome) -> Outcome:
        """The verdict, with what the attempt's end could tell about where its code was."""
        where = getattr(outcome.error, "trace", "") or self._where()
        if isinstance(verdict, TaskTimeoutError) and where and not verdict.where:
            verdict = TaskTimeoutError(str(verdict), where=where)
        return Outcome.failed(verdict)

    def _attempt_failed(self, outcome: Outcome) -> None:
        assert outcome.error is not None
        if self._watched or bus.listeners:
            from woflo.kernel.events import AttemptFailed

            event = AttemptFailed(run_id=self.id, task=self.task.name, attempt=self.attempt, error=outcome.error)
            bus.emit(event)
        if self.attempt > self.task.options.retries or self._final:
            self._settle(_FAILED, outcome)
            return
        with self._lock:
            ended = not self._in_code
            self._to_retry = outcome
        if ended:
            self._decide_retry()

    def _code_ended(self) -> None:
        """The code of the attempt runs no more: its place is free."""
        with self._lock:
            if not self._in_code:
                return
            self._in_code = False
            waiters, self._end_waiters = self._end_waiters, ()
            again, instead = self._to_retry is not None, self._instead
        self._release_place()
        for waiter in waiters:
            waiter.release()
        if instead is not None:
            self._settle(*instead)
        elif again:
            self._decide_retry()

    def _release_place(self) -> None:
        if self._holds_place:
            self._holds_place = False
            if self._lane is not None:
                self._runtime.limits.release(self._lane)

    def _decide_retry(self) -> None:
        if retry.is_plain(self.task.options):
            self._retry()
        else:
            self._runtime.away_from_reactor(self._retry)

    def _retry(self) -> None:
        with self._lock:
            outcome, self._to_retry = self._to_retry, None
        if outcome is None or outcome.error is None:
            return
        try:
            worth = retry.is_worth_retrying(self.task.options, outcome.error)
            delay = retry.delay_before_next(self, outcome.error) if worth else 0.0  # type: ignore[arg-type]
        except Exception as error:
            error.add_note(f"raised while deciding whether to retry {self.task.name} after {outcome.error!r}")
            worth, delay, outcome = False, 0.0, Outcome.failed(error)
        if not worth:
            self._settle(_FAILED, outcome)
        elif self._enter_retrying(outcome, delay):
            self._wait_and_admit(delay)

    def _enter_retrying(self, outcome: Outcome, delay: float) -> bool:
        with self._lock:
            if self._state in TERMINAL:
                return False
            if self.traits.queues:  # it may not have told the start
                self._state = _RUNNING
            check_transition(self._state, _RETRYING)
            self._state = _RETRYING
            self._verdict = None
        if self._watched or bus.wanted(bus.WARNING):
            from woflo.kernel.events import RunRetried

            assert outcome.error is not None
            named = {"run_id": self.id, "task": self.task.name, "attempt": self.attempt}
            bus.emit(RunRetried(**named, delay=delay, error=outcome.error))  # type: ignore[arg-type]
        return True

    def _wait_and_admit(self, delay: float) -> None:
        try:
            if delay > 0:
                self._timer = self._runtime.reactor.call_later(delay, self._admit_again)
            else:
                self._admit_again()
        except WofloError as error:  # woflo itself has failed, and nobody may wait for ever
            self._settle(_FAILED, Outcome.failed(error))

    def _admit_again(self) -> None:
        if self._state is _RETRYING:
            self._admit()

    def _settle(self, state: RunState, outcome: Outcome, *, only_idle: bool = False) -> bool:
        """Into a terminal state, once; everybody is told.

        False where the run was terminal already, or, with `only_idle`, where its code is running.
        """
        with self._lock:
            old = self._state
            if old in TERMINAL or (only_idle and self._in_code):
                return False
            # Where a runner queues, the outcome may be the first sign of the start.
            check_transition(_RUNNING if self.traits.queues and state not in ALLOWED[old] else old, state)
            waiters, watchers = self._into_terminal(state, outcome)
        self._tell(waiters, watchers)
        return True

    def _into_terminal(self, state: RunState, outcome: Outcome) -> tuple[Any, list[Watcher] | None]:
        """Under the lock: the state, and what goes with it. Returns who has to be told."""
        self._outcome = outcome
        self.finished_at = clock.now()
        self._state = state  # the last: whoever sees a terminal state, without the lock, must find its outcome
        waiters, self._waiters = self._waiters, ()
        watchers, self._watchers = self._watchers, None
        return waiters, watchers

    def _tell(self, waiters: Any, watchers: list[Watcher] | None) -> None:
        """The run is terminal: put away what it held, and tell everybody."""
        self._args, self._kwargs, self._current = _NO_ARGS, _NO_KWARGS, None
        self._runtime.live.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._deadline_timer is not None:
            self._deadline_timer.cancel()
        if self._watched or bus.listeners or (self._state not in SUCCESSES and bus.wanted_at_exit(bus.WARNING)):
            self._emit_ended()
        for waiter in waiters:
            waiter.release()
        callbacks, self._callbacks = self._callbacks, ()
        if watchers or callbacks:
            _notify(self, watchers or [], callbacks)

    # -- ended from outside ----------------------------------------------------------------------------

    def _timed_out(self, attempt: int) -> None:
        options = self.task.options
        message = f"{options.name or self.task.name} took longer than its timeout of {options.timeout:g} s"
        self._end_attempt(TaskTimeoutError(message), only=attempt)

    def _deadline_passed(self) -> None:
        error = TaskTimeoutError(
            f"{self.task.name} did not end within its deadline of {self.task.options.deadline:g} s"
        )
        if not self._end_between_attempts(_FAILED, error):
            self._end_attempt(error, final=True)

    def _end_attempt(self, verdict: WofloError, *, final: bool = False, only: int | None = None) -> None:
        """End the attempt under way (`only` that one, where given) because of `verdict`."""
        with self._lock:
            if not self._in_code or self._reported or (only is not None and only != self.attempt):
                return
            self._final |= final
            if self._verdict is None or final:
                self._verdict = verdict
            attempt = self.attempt
            abandon = not self.traits.killable and (self._final or attempt > self.task.options.retries)
        if self._current is not None:
            self._current.stop_requested = True
        if abandon:
            self._runtime.away_from_reactor(self._abandon, verdict, attempt)
        self._interrupt()

    def _abandon(self, verdict: WofloError, attempt: int) -> None:
        """The code cannot be ended, and no attempt follows: the handle ends, the place stays taken."""
        if attempt != self.attempt:
            return
        self._verdict = verdict
        self._report(Outcome.failed(verdict))
        if self._instead is not None:
            self._settle(*self._instead)

    def _end_between_attempts(self, state: RunState, error: WofloError) -> bool:
        """End a run that has no code running, or whose attempt has failed already; False where there is more to do."""
        with self._lock:
            if self._in_code and self._to_retry is not None:
                self._instead = (state, Outcome.failed(error))
        if not self._settle(state, Outcome.failed(error), only_idle=True):
            return not self._in_code
        if self._timer is not None:
            self._timer.cancel()
        if self._lane is not None:
            self._runtime.limits.withdraw(self, self._lane)
        return not self._in_code

    def _ask_to_stop(self, grace: float) -> None:
        """Begin to stop; returns at once."""
        told = TaskStoppedError(f"{self.task.name} was stopped")
        self.grace = grace
        if self._end_between_attempts(_STOPPED, told):
            return
        with self._lock:
            under_way, attempt = self._in_code, self.attempt
            if under_way and not self._reported:
                self._verdict, self._final = told, True
        if under_way:
            if self._current is not None:
                self._current.stop_requested = True
            self._interrupt()
            if not self.traits.killable:
                self._runtime.reactor.call_later(grace, self._abandon, told, attempt)

    def _fail_at_once(self, error: WofloError) -> None:
        """woflo cannot go on with this run."""
        self._in_code = self._reported = True
        self._settle(_FAILED, Outcome.failed(error))
        self._code_ended()

    # -- who is told -----------------------------------------------------------------------------------

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

    def _unwatch(self, watcher: Watcher) -> None:
        with self._lock:
            if self._watchers is not None and watcher in self._watchers:
                self._watchers.remove(watcher)

    def _emit_created(self) -> None:
        from woflo.kernel.events import RunCreated

        bus.emit(RunCreated(run_id=self.id, task=self.task.name, parent_id=self.parent_id))

    def _emit_ended(self) -> None:
        from woflo.kernel.events import RunEnded

        assert self._outcome is not None
        duration = None if self.started_at is None else (self.finished_at or 0.0) - self.started_at
        event = RunEnded(
            run_id=self.id,
            task=self.task.name,
            state=self._state,
            attempts=self.attempt,
            duration=duration,
            error=self._outcome.error,
        )
        bus.emit(event)


def _value_of(run: Any) -> Any:
    return run._outcome.value


def _verb(state: RunState) -> str:
    words = {_FAILED: "failed", _STOPPED: "was stopped", RunState.UPSTREAM_FAILED: "was not executed either"}
    return words[state]


def _notify(run: Any, watchers: list[Watcher], callbacks: Iterable[Watcher]) -> None:
    """Tell all watchers, then the callbacks of users.

    What a watcher settles in turn is told after it, so that chains do not recurse. Callbacks come when all
    watchers of this thread are done: one that waits must find launched what it waits for.
    """
    queue: deque[tuple[Any, list[Watcher], Iterable[Watcher]]] | None = getattr(_notifying, "queue", None)
    if queue is not None:
        queue.append((run, watchers, callbacks))
        return
    queue = _notifying.queue = deque([(run, watchers, callbacks)])
    later: list[tuple[Any, Watcher]] = []
    try:
        while queue:
            one, told, of_users = queue.popleft()
            later += [(one, callback) for callback in of_users]
            for watcher in told:
                try:
                    watcher(one)
                except Exception:
                    bus.complain(f"a watcher of {one!r} raised; the others are told all the same")
    finally:
        _notifying.queue = None
    for one, callback in later:
        one._about_to_call_back()
        one._runtime.away_from_reactor(call_back, callback, one)


def call_back(fn: Callable[[Any], object], run: Any) -> None:
    """Call a callback of a user, outside of any run, and report what it raises."""
    token = current_attempt.set(None)
    try:
        fn(run)
    except Exception:
        bus.complain(f"the callback {fn!r} of {run!r} raised")
    finally:
        current_attempt.reset(token)
