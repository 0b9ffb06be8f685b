"""Real runs against a plain model: whatever happens in whatever order, both tell the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from unit_helpers import PATIENCE, CooperativeRun, MemoryRun, in_thread, settle_down

from woflo import RunState, task
from woflo.errors import TaskStoppedError, TaskTimeoutError, UpstreamFailedError
from woflo.kernel import runtime
from woflo.kernel.outcome import Outcome
from woflo.kernel.state import ALLOWED
from woflo.testing.clock import FakeClock

pytestmark = pytest.mark.unmeasured

S = RunState
PLACES = 3
GRACE = 4.0

POLICIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "single": {"max_concurrency": 1, "retries": 1},
    "again": {"retries": 2},
    "patient": {"retries": 2, "retry_sleep_time": 5},
    "timed": {"retries": 1, "timeout": 10},
    "bound": {"retries": 3, "retry_sleep_time": 5, "deadline": 20, "timeout": 15},
}


# -- the model -----------------------------------------------------------------------------------------


@dataclass(eq=False)
class Wanted:
    """What a run must be like."""

    policy: str
    number: int
    state: RunState = S.PENDING
    attempts: int = 0
    in_code: bool = False
    reported: bool = True
    holds: bool = False
    verdict: str | None = None  # "stop" | "deadline" | "timeout": why the attempt under way is being ended
    retry_after_code: bool = False
    missing: int = 0
    dependents: list[Wanted] = field(default_factory=list)
    error: type | None = None
    timers: dict[str, Any] = field(default_factory=dict)
    ending: str | None = None  # asked to end after its outcome came, before its code has ended

    @property
    def options(self) -> dict[str, Any]:
        return POLICIES[self.policy]

    @property
    def lane(self) -> str:
        return "single" if self.policy == "single" else "runner"

    @property
    def attempts_left(self) -> bool:
        return self.attempts <= self.options.get("retries", 0)


class Model:
    """The rules once more, for one thread and in no hurry."""

    def __init__(self, killable: bool) -> None:
        self.killable = killable
        self.now = 0.0
        self.runs: list[Wanted] = []
        self.used = {"runner": 0, "single": 0}
        self.queues: dict[str, list[Wanted]] = {}  # lanes in the order in which they began to wait
        self.timers: list[tuple[float, int, str, Wanted, Any]] = []
        self.timer_number = 0
        self.telling: list[Wanted] | None = None

    # places

    def room(self, lane: str) -> bool:
        return self.used["runner"] < PLACES and (lane != "single" or self.used["single"] < 1)

    def take(self, run: Wanted, sign: int = 1) -> None:
        run.holds = sign > 0
        self.used["runner"] += sign
        if run.lane == "single":
            self.used["single"] += sign

    def admit(self, run: Wanted) -> None:
        if run.lane not in self.queues and self.room(run.lane):
            self.start(run)
        else:
            self.queues.setdefault(run.lane, []).append(run)

    def release(self, run: Wanted) -> None:
        self.take(run, -1)
        for lane in list(self.queues):
            queue = self.queues[lane]
            while queue and self.room(lane):
                self.start(queue.pop(0))
            if not queue:
                del self.queues[lane]

    # attempts

    def start(self, run: Wanted) -> None:
        self.take(run)
        run.state, run.attempts = S.RUNNING, run.attempts + 1
        run.in_code, run.reported, run.verdict = True, False, None
        if "timeout" in run.options:
            self.set_timer("timeout", run, run.options["timeout"])

    def report(self, run: Wanted, kind: str) -> None:
        if run.reported:
            return
        run.reported = True
        run.timers.pop("timeout", None)
        if run.verdict == "stop":
            self.settle(run, S.STOPPED, TaskStoppedError)
        elif run.verdict == "deadline":
            self.settle(run, S.FAILED, TaskTimeoutError)
        elif kind == "value" and run.verdict is None:
            self.settle(run, S.SUCCEEDED, None)
        elif kind == "interrupted" and run.verdict is None:
            self.settle(run, S.STOPPED, TaskStoppedError)
        elif run.attempts_left:
            run.retry_after_code = True
        else:
            self.settle(run, S.FAILED, TaskTimeoutError if run.verdict else ValueError)

    def end_code(self, run: Wanted) -> None:
        if not run.in_code:
            return
        run.in_code = False
        self.release(run)
        if run.retry_after_code:
            run.retry_after_code = False
            self.retry(run)

    def retry(self, run: Wanted) -> None:
        if run.state.is_terminal:
            return
        if run.ending is not None:
            self.settle(run, *ENDS[run.ending])
            return
        run.state = S.RETRYING
        delay = run.options.get("retry_sleep_time", 0)
        if delay:
            self.set_timer("retry", run, delay)
        else:
            self.admit(run)

    # ends

    def settle(self, run: Wanted, state: RunState, error: type | None) -> None:
        if run.state.is_terminal:
            return
        run.state, run.error = state, error
        run.timers.clear()
        first, self.telling = self.telling is None, self.telling or []
        self.telling.append(run)
        while first and self.telling:
            self.tell(self.telling.pop(0))
        if first:
            self.telling = None

    def tell(self, ended: Wanted) -> None:
        for run in ended.dependents:
            run.missing -= 1
            if not ended.state.is_success:
                self.settle(run, S.UPSTREAM_FAILED, UpstreamFailedError)
            elif run.missing == 0 and not run.state.is_terminal:
                self.admit(run)

    def end(self, run: Wanted, why: str) -> None:
        """By `stop` or by the deadline."""
        if run.state.is_terminal:
            return
        if not run.in_code:
            self.settle(run, *ENDS[why])
            if run in self.queues.get(run.lane, ()):
                self.queues[run.lane].remove(run)
                if not self.queues[run.lane]:
                    del self.queues[run.lane]
        elif run.reported:
            run.ending = why  # of two reasons the later one stands here too
            if why == "stop":
                self.set_grace(run)
        else:
            run.verdict = why  # of two reasons the later one stands
            if not self.killable and why == "deadline":
                self.give_up(run)
            else:
                self.set_grace(run)

    def set_grace(self, run: Wanted) -> None:
        if not self.killable and "grace" not in run.timers:
            self.set_timer("grace", run, GRACE)

    def give_up(self, run: Wanted) -> None:
        """Its code cannot be ended: the handle ends alone."""
        run.reported = True
        why = run.verdict or "timeout"
        self.settle(run, *ENDS[why])

    def time_out(self, run: Wanted) -> None:
        if run.in_code and not run.reported and run.verdict is None:
            run.verdict = "timeout"
            if not self.killable and not run.attempts_left:
                self.give_up(run)

    # time

    def set_timer(self, kind: str, run: Wanted, delay: float) -> None:
        self.timer_number += 1
        run.timers[kind] = self.timer_number
        self.timers.append((self.now + delay, self.timer_number, kind, run, run.attempts))

    def advance(self, seconds: float) -> None:
        self.now += seconds
        due = sorted(timer[:2] for timer in self.timers if timer[0] <= self.now)
        by_number = {timer[1]: timer for timer in self.timers}
        self.timers = [timer for timer in self.timers if timer[0] > self.now]
        for _, number in due:
            _, _, kind, run, attempt = by_number[number]
            if run.timers.get(kind) != number:
                continue
            del run.timers[kind]
            if kind == "timeout" and run.attempts == attempt:
                self.time_out(run)
            elif kind == "retry":
                self.admit(run)
            elif kind == "deadline":
                self.end(run, "deadline")
            elif kind == "grace" and not run.reported:
                self.give_up(run)
            elif kind == "grace" and run.ending is not None:
                self.settle(run, *ENDS[run.ending])


ENDS = {
    "stop": (S.STOPPED, TaskStoppedError),
    "deadline": (S.FAILED, TaskTimeoutError),
    "timeout": (S.FAILED, TaskTimeoutError),
}


# -- the machine ---------------------------------------------------------------------------------------


class _Seen:
    """Notes every state that a run is put into."""

    seen: tuple[Any, ...] = (S.PENDING,)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_state":
            self.seen = (*self.seen, value)
        super().__setattr__(name, value)


class KillableRun(_Seen, MemoryRun):
    pass


class AskedRun(_Seen, CooperativeRun):
    pass


class Runs(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.clock.__enter__()
        self.real: list[Any] = []
        self.calls: list[int] = []
        self.waiters: list[tuple[int, Any]] = []

    @initialize(killable=st.booleans())
    def choose_runner(self, killable: bool) -> None:
        self.model = Model(killable)
        self.kind = (KillableRun if killable else AskedRun).configured(max_concurrency=PLACES)

        def work(*args: Any) -> None: ...

        self.tasks = {name: task(runner=self.kind, name=name, **policy)(work) for name, policy in POLICIES.items()}

    # -- what may happen

    @rule(policy=st.sampled_from(sorted(POLICIES)), data=st.data())
    def call(self, policy: str, data: st.DataObject) -> None:
        numbers: set[int] = set()
        if self.real and data.draw(st.integers(0, 2)) == 0:
            numbers = data.draw(st.sets(st.sampled_from(range(len(self.real))), min_size=1, max_size=2))
        wanted = Wanted(policy, len(self.real))
        needed = [self.model.runs[number] for number in sorted(numbers)]
        self.model.runs.append(wanted)
        if "deadline" in wanted.options:
            self.model.set_timer("deadline", wanted, wanted.options["deadline"])
        wanted.missing = len(needed) + 1
        for one in needed:
            if not one.state.is_terminal:
                one.dependents.append(wanted)
            else:
                wanted.missing -= 1
                if not one.state.is_success:
                    self.model.settle(wanted, S.UPSTREAM_FAILED, UpstreamFailedError)
        wanted.missing -= 1
        if wanted.missing == 0 and not wanted.state.is_terminal:
            self.model.admit(wanted)
        run = self.tasks[policy](*[self.real[number] for number in sorted(numbers)])
        self.real.append(run)
        self.calls.append(0)
        run.add_done_callback(lambda _, number=wanted.number: self.count(number))

    def count(self, number: int) -> None:
        self.calls[number] += 1

    def _draw(self, data: st.DataObject, of: Any) -> tuple[Any, Wanted]:
        wanted = data.draw(st.sampled_from([run for run in self.model.runs if of(run)]))
        return self.real[wanted.number], wanted

    def some(of: Any) -> Any:  # used while the class is made
        return precondition(lambda self: any(of(run) for run in self.model.runs))

    under_way = staticmethod(lambda run: run.in_code and not run.reported)
    stoppable = staticmethod(lambda run: not run.state.is_terminal)
    ended = staticmethod(lambda run: run.state.is_terminal)
    lingering = staticmethod(lambda run: run.in_code and run.reported)

    @some(under_way)
    @rule(data=st.data(), kind=st.sampled_from(["value", "error", "interrupted"]))
    def finish(self, data: st.DataObject, kind: str) -> None:
        run, wanted = self._draw(data, self.under_way)
        self.model.report(wanted, kind)
        self.model.end_code(wanted)
        run._finish(OUTCOMES[kind]())

    @some(under_way)
    @rule(data=st.data(), kind=st.sampled_from(["value", "error", "interrupted"]))
    def report_early(self, data: st.DataObject, kind: str) -> None:
        run, wanted = self._draw(data, self.under_way)
        self.model.report(wanted, kind)
        run._report(OUTCOMES[kind]())

    @some(lingering)
    @rule(data=st.data())
    def end_late(self, data: st.DataObject) -> None:
        run, wanted = self._draw(data, self.lingering)
        self.model.end_code(wanted)
        run._finish(Outcome("too late to count"))

    @some(stoppable)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        run, wanted = self._draw(data, self.stoppable)
        self.model.end(wanted, "stop")
        run._ask_to_stop(GRACE)

    @some(ended)
    @rule(data=st.data())
    def stop_after_the_end(self, data: st.DataObject) -> None:
        run, _ = self._draw(data, self.ended)
        run._ask_to_stop(GRACE)

    @rule(seconds=st.sampled_from([1, 4, 5, 6, 10, 30]))
    def let_time_pass(self, seconds: int) -> None:
        self.model.advance(seconds)
        self.clock.advance(seconds)

    @some(lambda run: not run.state.is_terminal)
    @rule(data=st.data())
    def wait_in_a_thread(self, data: st.DataObject) -> None:
        run, wanted = self._draw(data, lambda run: not run.state.is_terminal)
        self.waiters.append((wanted.number, in_thread(run.wait)))

    # -- what must hold

    @invariant()
    def what_must_hold(self) -> None:
        settle_down()
        self.real_and_model_agree()
        self.only_what_has_not_ended_is_live()
        self.places_are_counted()
        self.waiters_return_at_the_end()

    def real_and_model_agree(self) -> None:
        for run, wanted, calls in zip(self.real, getattr(self, "model", Model(True)).runs, self.calls, strict=True):
            told = f"{run!r} against {wanted}"
            assert run.state is wanted.state, told
            assert run.attempt == wanted.attempts == len(run.attempts), told
            assert run._in_code == wanted.in_code, told
            assert all(after in ALLOWED[before] for before, after in pairwise(run.seen)), run.seen
            if wanted.state.is_terminal:
                assert calls == 1, told
                error = run.exception(timeout=0)
                assert type(error) is (wanted.error or type(None)), told
                assert run.finished_at is not None
                assert run.get_result(timeout=0, raise_exceptions=False) is (error or run._outcome.value)
            else:
                assert calls == 0, told

    def only_what_has_not_ended_is_live(self) -> None:
        mine = {run for run in runtime.current.live if run in self.real}
        assert mine == {run for run in self.real if run.is_running()}

    def places_are_counted(self) -> None:
        gate = runtime.current.limits._runner_gates.get(getattr(self, "kind", None))
        if gate is not None:
            assert gate.used == self.model.used["runner"] <= PLACES

    def waiters_return_at_the_end(self) -> None:
        for number, returned in self.waiters:
            if not self.real[number].is_running():
                assert returned(PATIENCE) is True
        self.waiters = [(number, returned) for number, returned in self.waiters if self.real[number].is_running()]

    def teardown(self) -> None:
        try:
            if hasattr(self, "model"):
                self._end_all()
        finally:
            self.clock.__exit__(None, None, None)

    def _end_all(self) -> None:
        for _ in range(5):  # what has attempts left may use them, where `stop` came late
            for run in self.real:
                run._ask_to_stop(GRACE)
                run._finish(Outcome("at last"))
        settle_down()
        assert not any(run.is_running() for run in self.real)
        self.waiters_return_at_the_end()
        fresh = [self.tasks["plain"]() for _ in range(PLACES)]
        assert [run.state for run in fresh] == [S.RUNNING] * PLACES, "places have leaked"
        for run in fresh:
            run.succeed()


OUTCOMES = {
    "value": lambda: Outcome("a value"),
    "error": lambda: Outcome.failed(ValueError("a failure")),
    "interrupted": lambda: Outcome(None, TaskStoppedError("told to end"), interrupted=True),
}

TestRuns = Runs.TestCase
TestRuns.__doc__ = "Runs go through the states that the model says, tell everybody once, and give their places back."
TestRuns.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
