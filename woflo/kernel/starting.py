"""From the call to the launch: what a call waits for, and how each of its attempts begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from woflo.errors import InheritedHandleError, LaunchError, TaskStoppedError, UpstreamFailedError, WofloError
from woflo.kernel import bus, clock, tracing
from woflo.kernel.attempt import Attempt
from woflo.kernel.graph import ATOMS, Handle, find_handles, substitute
from woflo.kernel.heartbeats import Watch
from woflo.kernel.outcome import Outcome
from woflo.kernel.state import SUCCESSES, TERMINAL, RunState
from woflo.kernel.stopping import Stopping

if TYPE_CHECKING:
    from woflo.kernel.ports import Admission
    from woflo.kernel.reactor import Timer

__all__ = ["Starting"]

_RETRYING, _FAILED = RunState.RETRYING, RunState.FAILED
_NEVER = 1 << 60


class Starting(Stopping):
    """The way of a call to the runner, and of a retry back to it."""

    started_at: float | None = None

    # -- the call and what it depends on ---------------------------------------------------------------

    def _begin(self) -> None:
        """Take the call in. Returns when the run is launched or queued."""
        self._runtime.live.add(self)
        self._watched = bus.wanted()
        if self._watched and (bus.wants_routine or bus.wants_calls or self.parent_id):
            self._tell_called()
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
            if options.resources:
                self._lane = self._runtime.limits.lane_of(self)  # type: ignore[arg-type]  # or it raises, at the call
            handles, touched = find_handles(self._args, self._kwargs)
            if (handles or options.after) and options.admission is not None:
                options.admission.called(self, handles)  # type: ignore[arg-type]
            if handles or options.after:
                self._await_dependencies([*handles, *options.after])
            elif touched:
                self._resolve_and_admit()
            else:
                self._admit()
        except BaseException as error:
            self._settle(_FAILED, Outcome.failed(error))
            self._looked_at()
            raise
        if self._is_untold:
            self._tell_untold()

    def _tell_called(self) -> None:
        """Tell observers of the call, unless they only count those that are skipped, and this may be one of them."""
        if bus.wants_routine or self.parent_id or self.task.options.admission is None or not bus.passes_over_routine():
            self._emit_created()
        else:
            self._is_untold = True

    def _emit_created(self) -> None:
        from woflo.kernel.events import RunCreated

        needed = self._ids_of_needed() if bus.listeners and not self._is_alone() else ()
        given = self._given_in_short() if bus.listeners else ""
        parent_id = self.parent_id and bus.stands_for.get(self.parent_id, self.parent_id)
        told: dict[str, Any] = {"parent_id": parent_id, "depends_on": needed, "arguments": given}
        self._emit(RunCreated(run_id=self.id, task=self.task.name, **told))

    def _given_in_short(self) -> str:
        """What tells this run from others of its task."""
        from woflo.kernel.arguments import given_in_short

        return given_in_short(self.task.body, self._args, self._kwargs)

    def _is_alone(self) -> bool:
        """True where one look at the arguments says that the call depends on no other."""
        return self.task.is_plain and not self._kwargs and ATOMS.issuperset(map(type, self._args))

    def _ids_of_needed(self) -> tuple[str, ...]:
        try:
            handles, _ = find_handles(self._args, self._kwargs)
        except Exception:  # the call itself will find that out, and fail by it
            return ()
        return tuple(dict.fromkeys(run.id for run in (*handles, *self.task.options.after)))

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
        run._looked_at()
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

    # -- admission -------------------------------------------------------------------------------------

    def _admit(self) -> None:
        """Go on when the limits allow it; raises where they never will."""
        limits = self._runtime._limits or self._runtime.limits
        lane = self._lane
        if lane is None:
            lane = self._lane = limits.lane_of(self)  # type: ignore[arg-type]
        if lane is None or limits.admit(self, lane):
            self._launch_admitted()

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

    def _launch_admitted(self) -> None:
        """Start an attempt; its places are taken."""
        if (self.traits.pickles or self.task.options.admission is not None) and self._runtime.on_reactor():
            self._runtime.deliverer.post(self._start_attempt)
        else:
            self._start_attempt()

    # -- the start of an attempt -----------------------------------------------------------------------

    def _start_attempt(self) -> None:
        self._holds_place = self._lane is not None
        admission = self.task.options.admission
        if (admission is not None and self._is_skipped(admission)) or not self._enter_attempt():
            self._release_place()
            for run in self._waits_for:
                self._go_on_after(run)
            return
        if self._is_untold:
            self._tell_untold()
        try:
            if not self.traits.queues:
                self._attempt_started()
            self._launch(self._make_attempt())
        except Exception as error:
            self._finish(Outcome.failed(self._launch_error(error)))

    def _is_skipped(self, admission: Admission) -> bool:
        """Ask the admission port, before the first attempt, whether there is anything to execute now."""
        if self.attempt:
            return False
        try:
            outcome = admission.admit(self)  # type: ignore[arg-type]
        except Exception as error:
            return self._settle(_FAILED, Outcome.failed(error))
        if isinstance(outcome, Handle):
            self._waits_for = (outcome,)
            return True
        return outcome is not None and self._settle(RunState.SKIPPED, outcome)

    def _go_on_after(self, run: Any) -> None:
        """The admission is asked again when this other one has ended."""
        if not run._watch(self._go_on):
            self._go_on(run)

    def _go_on(self, run: Any) -> None:
        self._waits_for = ()
        if run._state not in SUCCESSES:
            self._upstream_failed(run)
        elif self._state not in TERMINAL:
            self._runtime.away_from_reactor(self._admit)

    def _make_attempt(self) -> Attempt:
        """What the runner is given, and what a request to stop and the messages of the code refer to."""
        task = self.task
        self._current = attempt = Attempt(
            "", task.name, self.attempt, task.body, self._args, self._kwargs, self.parent_id, self
        )
        if self._heartbeat is not None:
            attempt.last_heartbeat = self._heartbeat
        if tracing.carrier is not None:
            attempt.trace = tracing.trace_of(self.id)
        return attempt

    def _attempt_started(self) -> None:
        """The code of the attempt begins now: the clock of its timeout starts."""
        if self.started_at is None:
            self.started_at = clock.now()
        timeout = self.task.options.timeout
        if timeout is not None:
            self._timer = self._runtime.reactor.call_later(timeout, self._timed_out, self.attempt)
        if self.task.options.heartbeat_timeout is not None:
            self._timer = Watch(self, self.attempt, None if timeout is None else cast("Timer", self._timer))
        if self._watched or bus.listeners:
            from woflo.kernel.events import AttemptStarted

            self._emit(AttemptStarted(run_id=self.id, task=self.task.name, attempt=self.attempt))

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


def _value_of(run: Any) -> Any:
    return run._outcome.value


def _verb(state: RunState) -> str:
    words = {
        RunState.FAILED: "failed",
        RunState.STOPPED: "was stopped",
        RunState.UPSTREAM_FAILED: "was not executed either",
    }
    return words[state]
