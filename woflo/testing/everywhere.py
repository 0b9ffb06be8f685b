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
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from woflo.durable.choice import use_store
from woflo.durable.engine import Engine, engine_of
from woflo.durable.outside import complete, send
from woflo.durable.steps import StepRun
from woflo.durable.worker import Worker
from woflo.durable.workflow import WorkflowTaskRun
from woflo.errors import NonDeterminismError, OptionError, RunEndedError, RunSuspectError
from woflo.kernel import clock, runtime
from woflo.kernel.attempt import Attempt
from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.opening import open_store
from woflo.stores.operations import MANUAL, Finish, Operation, Park, Publish, Record, Recover, Submit, TakeSignal
from woflo.stores.rows import Row
from woflo.testing.clock import FakeClock
from woflo.testing.crash_report import Crash, CrashReport, Ended
from woflo.testing.crashing import CrashingStore, SimulatedCrashError

if TYPE_CHECKING:
    from woflo.kernel.task import Task

__all__ = ["crash_everywhere"]

KEY = "crash-everywhere"
LOOK = 0.01
"""Seconds between two looks at a trial that nothing is heard of."""
STILL = 5
"""Looks in a row at which nothing was under way nor to come, after which a run is taken to stay as it is."""


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
    plan = _Plan(call, pairs, told, tuple(serving), store, before, effects, timeout)
    with ExitStack() as stack:
        moved = clock.current()
        faked = moved if isinstance(moved, FakeClock) else stack.enter_context(FakeClock())
        return _Everywhere(workflow.name, plan, faked, same).report()


@dataclass(frozen=True)
class _Plan:
    """What is done in each trial."""

    call: Callable[[], Any]
    signals: tuple[tuple[str, Any], ...]
    answers: Mapping[str, Any]
    serving: tuple[Task[..., Any], ...]
    store: str | Callable[[], Store]
    before: Callable[[], object] | None
    effects: Callable[[Store], Any] | None
    timeout: float


class _Everywhere:
    """All trials of one workflow."""

    def __init__(self, name: str, plan: _Plan, faked: FakeClock, same: Callable[[Any, Any], bool]) -> None:
        self._name = name
        self._plan = plan
        self._clock = faked
        self._same = same

    def report(self) -> CrashReport:
        whole = _Trial(self._plan, self._clock, None, kept=False)
        whole.run()
        if whole.ended.stopped is not None:
            raise OptionError(
                f"{self._name} does not end without a crash either: {whole.ended.stopped}; "
                "give what it waits for as signals=, answers= or serving="
            )
        crashes: list[Crash] = []
        for at in range(whole.writes):
            for kept in (False, True):
                trial = _Trial(self._plan, self._clock, at, kept=kept)
                trial.run()
                if trial.at is not None:  # chance or time may take it another way, with fewer writes
                    crashes.append(self._compared(trial, whole))
        return CrashReport(workflow=self._name, ended=whole.ended, effects=whole.effects, crashes=tuple(crashes))

    def _compared(self, trial: _Trial, whole: _Trial) -> Crash:
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


class _Trial:
    """One call, which crashes at most once, and goes on."""

    def __init__(self, plan: _Plan, faked: FakeClock, number: int | None, *, kept: bool) -> None:
        self.number: int = -1 if number is None else number
        self.kept: bool = kept
        self.at: str | None = None
        """At what it crashed; None where it has not."""
        self.ended: Ended = Ended(stopped="it was never called")
        self.effects: Any = None
        self.writes: int = 0
        self.twice: tuple[str, ...] = ()
        self.again: tuple[str, ...] = ()
        self._plan = plan
        self._clock = faked
        self._crash_at = number
        self._executed = _Executed()

    def run(self) -> None:
        """From the call to the end. An error of `before` or `effects` is raised."""
        if self._plan.before is not None:
            self._plan.before()
        with ExitStack() as stack:
            store = _new_store(self._plan.store, stack)
            stack.enter_context(self._executed)
            self._crash(store)
            if self.at is not None:
                self._go_on(store)
            if self._plan.effects is not None:
                self.effects = self._plan.effects(store)

    def _crash(self, store: Store) -> None:
        crashing = CrashingStore(store, self._crash_at, kept=self.kept)
        process = _Process(self._plan, crashing, self._clock)
        try:
            self.ended = process.run(crashing.has_crashed)
            if crashing.has_crashed.is_set():
                self.at = _told(crashing.last, store)
                process.wait_until_idle()
        finally:
            process.end(died=crashing.has_crashed.is_set())
            crashing.close()
        self.writes = crashing.writes

    def _go_on(self, store: Store) -> None:
        found = {row.id: row for row in store.snapshot().runs}
        before = self._executed.take()
        process = _Process(self._plan, store, self._clock)
        try:
            self.ended = process.run(threading.Event())
            rows = {row.id: row for row in store.snapshot().runs}
        finally:
            process.end()
        both = sorted((before & self._executed.take()).keys())
        self.twice = tuple(_step(rows, run_id) for run_id in both)
        recorded = [run_id for run_id in both if run_id in found and found[run_id].is_terminal]
        self.again = tuple(_step(rows, run_id) for run_id in recorded)


class _Process:
    """What executes the workflow, as a process of its own would: it may die alone."""

    def __init__(self, plan: _Plan, store: Store, faked: FakeClock) -> None:
        self._plan = plan
        self._store = store
        self._clock = faked
        self._engine: Engine = engine_of(store)
        self._engine.hold = 0.0
        self._worker = Worker(plan.serving, store) if plan.serving else None
        self._changed = threading.Event()
        self._end_listening = store.listen(self._changed.set)
        self._still = 0
        self._give_up_at = time.monotonic() + plan.timeout

    def run(self, crashed: threading.Event) -> Ended:
        """How the run ends here; not to be asked for where it crashed."""
        before = use_store(self._store)
        try:
            if self._worker is not None:
                self._worker.start()
            run = self._plan.call()
            for number, (name, value) in enumerate(self._plan.signals):
                self._send(run.id, name, value, number)
            while run.is_running() and not crashed.is_set():
                if self._is_stuck(run.id):
                    return self._stuck(run.id)
                self._changed.wait(LOOK)
                self._changed.clear()
            return Ended(stopped="it crashed") if crashed.is_set() else _ended(run)
        except SimulatedCrashError:
            return Ended(stopped="it crashed")
        except (NonDeterminismError, RunSuspectError) as error:
            return Ended(stopped=str(error))
        finally:
            use_store(before)

    def _send(self, run_id: str, name: str, value: Any, number: int) -> None:
        try:
            send(run_id, name, value, id=f"{run_id}:{number}", store=self._store)
        except RunEndedError:
            pass  # it did not wait for that one

    # -- what happens while nothing happens ------------------------------------------------------------

    def _is_stuck(self, run_id: str) -> bool:
        """True where nothing is under way nor to come. Answers manual steps, and skips time that is waited for."""
        if time.monotonic() > self._give_up_at:
            return True
        self._still = 0 if self._goes_on() else self._still + 1
        return self._still >= STILL

    def _goes_on(self) -> bool:
        if self._engine.executions:
            return self._skip_pause()
        rows = self._store.snapshot().runs
        if any(self._answer(row) for row in rows):
            return True
        if any(_is_ready(row) or row.worker is not None for row in rows):
            return True
        return self._skip_to(self._store.next_time(), self._clock.now())

    def _answer(self, row: Row) -> bool:
        if row.state is not RunState.WAITING or row.reason != MANUAL or row.task not in self._plan.answers:
            return False
        answer = self._plan.answers[row.task]
        is_error = isinstance(answer, BaseException)
        complete(row.id, None if is_error else answer, error=answer if is_error else None, store=self._store)
        return True

    def _skip_pause(self) -> bool:
        """Between two attempts of steps that execute here nobody needs to wait."""
        states = {run._state for run in list(runtime.current.live)}
        if RunState.RETRYING in states and RunState.RUNNING not in states:
            self._skip_to(runtime.current.reactor.next_time(), self._clock.monotonic())
        return True

    def _skip_to(self, due: float | None, now: float) -> bool:
        if due is None:
            return False
        self._clock.advance(max(0.0, due - now))
        return True

    def _stuck(self, run_id: str) -> Ended:
        row = self._store.get(run_id)
        assert row is not None
        return Ended(stopped=f"it stayed {row.state}" + (f" ({row.reason})" if row.reason else ""))

    # -- the end ---------------------------------------------------------------------------------------

    def wait_until_idle(self) -> None:
        """The process is dead: what its threads still do ends, and is not kept."""
        while self._engine.executions and time.monotonic() < self._give_up_at:
            self._skip_pause()
            self._changed.wait(LOOK)
            self._changed.clear()

    def end(self, *, died: bool = False) -> None:
        """In order, or as by SIGKILL; then others may take over at once."""
        self._end_listening()
        if died:
            self._engine.abandon()
            store = self._store.store if isinstance(self._store, CrashingStore) else self._store
            store.write(Recover(now=self._clock.now(), dead=(self._engine.id,)))
        else:
            if self._worker is not None:
                self._worker.drain(self._plan.timeout)
            self._engine.close(self._plan.timeout)
        if died and self._worker is not None:
            self._worker.serving.threads.end()


class _Executed:
    """Which steps have begun to execute in this process, and how often: as a context manager it looks over them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._undo = ExitStack()

    def _begins(self, step: Any) -> None:
        if isinstance(step, StepRun):
            with self._lock:
                self._counts[step.id] += 1

    def take(self) -> Counter[str]:
        """How often each has, by its id, since this was asked."""
        with self._lock:
            taken, self._counts = self._counts, Counter()
        return taken

    def __enter__(self) -> None:
        """No event tells of this: a step that was launched need not have begun when its process dies."""
        self._look_at(Attempt, "execute", lambda attempt: attempt.run)
        self._look_at(Attempt, "execute_async", lambda attempt: attempt.run)
        self._look_at(StepRun, "_start_inner", lambda step: step)

    def _look_at(self, kind: type, name: str, step_of: Callable[[Any], Any]) -> None:
        method = getattr(kind, name)

        def looked_at(self_: Any) -> Any:
            self._begins(step_of(self_))
            return method(self_)

        setattr(kind, name, looked_at)
        self._undo.callback(setattr, kind, name, method)

    def __exit__(self, *exc: object) -> None:
        self._undo.close()


def _new_store(store: str | Callable[[], Store], stack: ExitStack) -> Store:
    if callable(store):
        made = store()
    elif store == "memory":
        made = open_store("memory:")
    elif store == "sqlite":
        folder = tempfile.mkdtemp(prefix="woflo-")
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        made = open_store(f"sqlite:///{folder}/woflo.db")
    else:
        raise OptionError(f'store={store!r} must be "sqlite", "memory", or a function that makes a new, empty store')
    stack.callback(made.close)
    return made


def _ended(run: Any) -> Ended:
    error = run.exception()
    return Ended(value=run.get_result()) if error is None else Ended(error=error)


def _is_ready(row: Row) -> bool:
    is_own = row.queue is None and row.worker is None
    return row.state in (RunState.PENDING, RunState.RETRYING) and row.run_after is None and not is_own


def _step(rows: Mapping[str, Row], run_id: str) -> str:
    row = rows.get(run_id)
    return run_id if row is None else f"{row.task}({row.args.strip('{}')})"


def _told(operation: Operation[Any] | None, store: Store) -> str:
    """A write, in words."""
    if isinstance(operation, Submit):
        return f"the call of {_names(operation.runs)}"
    row = store.get(operation.claim.run_id) if operation is not None and hasattr(operation, "claim") else None
    of = "" if row is None else f" of {row.task}"
    if isinstance(operation, Record):
        return f"the record of {_names(operation.steps or operation.calls)}"
    if isinstance(operation, TakeSignal):
        return f"the signal {operation.name!r}"
    if isinstance(operation, Park):
        return f"the wait{of} for {operation.reason}"
    if isinstance(operation, Publish):
        return f"publishing {operation.name!r}"
    return f"the end{of}" if isinstance(operation, Finish) else f"{type(operation).__name__}{of}"


def _names(rows: Iterable[Row]) -> str:
    return ", ".join(_step({row.id: row}, row.id) for row in rows)
