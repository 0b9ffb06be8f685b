"""From the outcome of an attempt to the end of its run: another attempt or the end, and who is told."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from woflo.errors import TaskStoppedError, TaskTimeoutError, WofloError
from woflo.kernel import bus, clock, retry
from woflo.kernel.context import current_attempt
from woflo.kernel.lifecycle import NO_KWARGS, Lifecycle, Watcher
from woflo.kernel.outcome import Outcome, PackedOutcome
from woflo.kernel.state import ALLOWED, SUCCESSES, TERMINAL, RunState, check_transition

__all__ = ["Ending", "call_back"]

_RUNNING, _SUCCEEDED = RunState.RUNNING, RunState.SUCCEEDED
_FAILED, _STOPPED, _SKIPPED = RunState.FAILED, RunState.STOPPED, RunState.SKIPPED
_NO_ARGS: tuple[Any, ...] = ()


class Ending(Lifecycle):
    """What a run does with what its attempts leave."""

    # -- the outcome of an attempt ---------------------------------------------------------------------

    def _finish(self, outcome: Outcome) -> None:
        """The attempt is over and this is what it left. To be called once for each `_launch`."""
        if outcome.error is not None or not self._finish_well(outcome, clock.now()):
            self._report(outcome)
            self._code_ended()

    def _finish_well(self, outcome: Outcome, now: float) -> bool:
        """`_report` and `_code_ended` in one for a value that nothing outweighs, as most are."""
        if self._remember is not None:
            return False
        with self._lock:
            if self._reported or self._verdict is not None or self._state in TERMINAL:
                return False
            self._reported = True
            self._in_code = False
            waiters, watchers = self._into_terminal(_SUCCEEDED, outcome, now)
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
            if self._remember is not None:
                self._remember(outcome)
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
            self._emit(event)
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
            timers, self._grace_timers = self._grace_timers, ()
            again, instead = self._to_retry is not None, self._instead
        self._release_place()
        for timer in timers:
            timer.cancel()
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
                (self._runtime._limits or self._runtime.limits).release(self._lane)

    # -- another attempt -------------------------------------------------------------------------------

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
            failed = outcome.error
            if error.__context__ is None and error not in (failed, failed.__cause__, failed.__context__):
                error.__context__ = failed
            error.add_note(f"raised while deciding whether to retry {self.task.name} after {failed!r}")
            worth, delay, outcome = False, 0.0, Outcome.failed(error)
        if not worth:
            self._settle(_FAILED, outcome)
        elif self._enter_retrying():
            if self._watched or bus.wanted(bus.WARNING):
                self._emit_retried(outcome, delay)
            self._wait_and_admit(delay)

    @abstractmethod
    def _wait_and_admit(self, delay: float) -> None:
        """Go back to admission after `delay` seconds; `starting` knows the way."""

    def _emit_retried(self, outcome: Outcome, delay: float) -> None:
        from woflo.kernel.events import RunRetried

        assert outcome.error is not None
        event = RunRetried(run_id=self.id, task=self.task.name, attempt=self.attempt, delay=delay, error=outcome.error)
        self._emit(event)

    # -- the end ---------------------------------------------------------------------------------------

    def _settle(self, state: RunState, outcome: Outcome, *, only_idle: bool = False) -> bool:
        """Into a terminal state, once; everybody is told.

        False where the run was terminal already, or, with `only_idle`, where its code is running.
        """
        with self._lock:
            old = self._state
            if old in TERMINAL or (only_idle and self._in_code):
                return False
            if state not in ALLOWED[old]:
                # Where a runner queues, the outcome may be the first sign of the start.
                check_transition(_RUNNING if self.traits.queues else old, state)
            waiters, watchers = self._into_terminal(state, outcome, clock.now())
        self._tell(waiters, watchers)
        return True

    def _tell(self, waiters: Any, watchers: list[Watcher] | None) -> None:
        """The run is terminal: put away what it held, and tell everybody."""
        is_counted = self._is_untold and self._is_counted()
        self._args, self._kwargs, self._current = _NO_ARGS, NO_KWARGS, None
        if self._timer is not None:
            self._timer.cancel()
        if self._deadline_timer is not None:
            self._deadline_timer.cancel()
        if is_counted:
            bus.count_skipped(self.task.name)
        elif self._watched or bus.listeners or (self._state not in SUCCESSES and bus.wanted_at_exit(bus.WARNING)):
            self._tell_listeners()
        if self._is_stand_in:
            bus.stands_for.pop(self.id, None)
        self._runtime.live.discard(self)  # only now: the program may end once none is left
        for waiter in waiters:
            waiter.release()
        if watchers or self._callbacks:
            callbacks, self._callbacks = self._callbacks, ()
            _notify(self, watchers or [], callbacks)

    def _tell_untold(self) -> None:
        """The call is told of now: it is none that is skipped at once."""
        if self._take_untold():
            self._emit_created()

    def _tell_listeners(self) -> None:
        """Tell observers and the log of the end."""
        if self._state is not _SKIPPED or bus.wants_calls or not bus.passes_over_routine():
            self._emit_ended()
        if self._failure is not None and bus.is_heard(bus.WARNING):
            self._looked_at()

    def _is_counted(self) -> bool:
        """At the end of a run that is untold: True where it was skipped, so that nobody need be told more."""
        if self._state is _SKIPPED:
            return self._take_untold()
        self._tell_untold()
        return False

    def _take_untold(self) -> bool:
        """True for one of those who would tell of the call, or count it."""
        with self._lock:
            untold, self._is_untold = self._is_untold, False
            return untold

    @abstractmethod
    def _emit_created(self) -> None:
        """Tell observers of the call; `starting` knows of what."""

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
        self._emit(event)


def _notify(run: Any, watchers: list[Watcher], callbacks: Iterable[Watcher]) -> None:
    """Tell all watchers, then the callbacks of users.

    What a watcher settles in turn is told after it, so that chains do not recurse. Callbacks come when all
    watchers of this thread are done: one that waits must find launched what it waits for.
    """
    notifying, me = run._runtime.notifying, threading.get_ident()
    queue = notifying.get(me)
    if queue is not None:
        queue.append((run, watchers, callbacks))
        return
    queue = notifying[me] = deque([(run, watchers, callbacks)])
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
        del notifying[me]
    for one, callback in later:
        one._about_to_call_back()
        one._runtime.away_from_reactor(call_back, callback, one)


def call_back(fn: Callable[[Any], object], run: Any) -> None:
    """Call a callback of a user, outside of any run, and report what it raises."""
    token = current_attempt.set(None)
    run._looked_at()
    try:
        fn(run)
    except BaseException as error:  # one that calls sys.exit ends neither its thread nor the callbacks after it
        if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            raise  # Ctrl-C is meant for the program
        bus.complain(f"the callback {fn!r} of {run!r} raised")
    finally:
        current_attempt.reset(token)
