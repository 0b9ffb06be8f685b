"""`crash_everywhere`: a user's workflow, killed at each of its writes in turn, and what came of it.

trial without a crash ──► how it ends, what it did
for each write, before and after it:
    new store ──► CrashingStore ──► engine: call, signals, answers; time that is waited for is skipped
                      ✂ at that write: the engine is abandoned, the store freed as after a `kill -9`
                  store ──► another engine: the same call by the same key goes on to the end
    compared with the trial without a crash
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from woflo.durable.workflow import WorkflowTaskRun
from woflo.errors import OptionError
from woflo.kernel import clock
from woflo.stores.contract import Store
from woflo.testing.clock import FakeClock
from woflo.testing.crash_report import Crash, CrashReport, Ended
from woflo.testing.quiet import simulated_crashes_unlogged
from woflo.testing.trial import Trial
from woflo.testing.trial_process import Plan

if TYPE_CHECKING:
    from woflo.kernel.task import Task

__all__ = ["crash_everywhere"]

KEY = "crash-everywhere"


def crash_everywhere(
    workflow: Task[..., Any],
    /,
    *args: Any,
    signals: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
    answers: Mapping[Any, Any] | None = None,
    serving: Iterable[Task[..., Any]] = (),
    store: str | Callable[[], Store] = "sqlite",
    before: Callable[[], object] | None = None,
    effects: Callable[[Store], Any] | None = None,
    same: Callable[[Any, Any], bool] = operator.eq,
    timeout: float = 30.0,
    **kwargs: Any,
) -> CrashReport:
    """Call `workflow(*args, **kwargs)`, crash it at every write in turn, and have it go on each time.

        def test_my_workflow():
            crash_everywhere(order, "book", signals={"approved": True}).check()

    Each trial has a store of its own, and crashes just before or just after one write is kept. What woflo had in memory
    is then gone, as by `kill -9`; what your own code keeps in this process is not. A fake clock skips what the workflow
    sleeps.

    Arguments:
        workflow: what is called; it executes in this process.
        *args: its arguments.
        signals: what is sent to the run once it is called, by name; pairs where a name comes more than once.
        answers: what ends manual steps, by the task or its name: a value, or an exception.
        serving: tasks with `runner="queue"` that a worker executes beside it.
        store: "sqlite" (a new file each time), "memory", or what makes a new, empty store each time.
        before: called before each trial; to reset what your steps have done.
        effects: called with the store after each trial; what it returns must be the same as without a crash.
        same: whether two results, or two values of `effects`, are the same; for those that tell of time or chance.
        timeout: real seconds that one trial may take.
        **kwargs: its arguments.

    Raises `OptionError` for what is no workflow, and where the workflow does not end even without a crash.

    """
    if not issubclass(workflow.runner, WorkflowTaskRun):
        raise OptionError(f"{workflow.name} is no workflow: only what @workflow has made is recorded and goes on")
    pairs = tuple(signals.items() if isinstance(signals, Mapping) else signals)
    told = {getattr(one, "name", one): value for one, value in (answers or {}).items()}
    call = partial(workflow.with_options(key=KEY), *args, **kwargs)
    plan = Plan(call, pairs, told, tuple(serving), store, before, effects, timeout)
    with ExitStack() as stack:
        moved = clock.current()
        faked = moved if isinstance(moved, FakeClock) else stack.enter_context(FakeClock())
        stack.enter_context(simulated_crashes_unlogged())
        return _Everywhere(workflow.name, plan, faked, same).report()


class _Everywhere:
    """All trials of one workflow."""

    def __init__(self, name: str, plan: Plan, faked: FakeClock, same: Callable[[Any, Any], bool]) -> None:
        self._name = name
        self._plan = plan
        self._clock = faked
        self._same = same

    def report(self) -> CrashReport:
        whole = Trial(self._plan, self._clock, None, kept=False)
        whole.run()
        if whole.ended.stopped is not None:
            raise OptionError(
                f"{self._name} does not end without a crash either: {whole.ended.stopped}; "
                "give what it waits for as signals=, answers= or serving="
            )
        crashes: list[Crash] = []
        for at in range(whole.writes):
            for kept in (False, True):
                trial = Trial(self._plan, self._clock, at, kept=kept)
                trial.run()
                if trial.at is not None:  # chance or time may take it another way, with fewer writes
                    crashes.append(self._compared(trial, whole))
        return CrashReport(workflow=self._name, ended=whole.ended, effects=whole.effects, crashes=tuple(crashes))

    def _compared(self, trial: Trial, whole: Trial) -> Crash:
        wrong = [f"{step} was recorded, and executed again" for step in trial.again]
        if not self._ended_alike(trial.ended, whole.ended):
            wrong.append(str(trial.ended))
        if not self._same(trial.effects, whole.effects):
            wrong.append(f"the effects were {trial.effects!r} and not {whole.effects!r}")
        assert trial.at is not None
        return Crash(
            write=trial.number,
            kept=trial.kept,
            at=trial.at,
            ended=trial.ended,
            twice=trial.twice,
            effects=trial.effects,
            wrong=tuple(wrong),
        )

    def _ended_alike(self, one: Ended, other: Ended) -> bool:
        if one.stopped is not None:
            return False
        if one.error is not None or other.error is not None:
            return type(one.error) is type(other.error) and str(one.error) == str(other.error)
        return self._same(one.value, other.value)
