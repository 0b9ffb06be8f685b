"""What executes a workflow that is tried, as a process of its own would: it may die alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from woflo.durable.choice import use_store
from woflo.durable.engine import Engine, engine_of
from woflo.durable.outside import complete, send
from woflo.durable.worker import Worker
from woflo.errors import NonDeterminismError, RunEndedError, RunSuspectError
from woflo.kernel import runtime
from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.operations import MANUAL, Recover
from woflo.stores.rows import Row
from woflo.testing.clock import FakeClock
from woflo.testing.crash_report import Ended
from woflo.testing.crashing import CrashingStore, SimulatedCrashError

if TYPE_CHECKING:
    from woflo.durable.execution import Execution
    from woflo.kernel.task import Task

__all__ = ["Plan", "Process"]

LOOK = 0.01
"""Seconds between two looks at a trial that nothing is heard of."""
STILL = 5
"""Looks in a row at which nothing was under way nor to come, after which a run is taken to stay as it is."""


@dataclass(frozen=True)
class Plan:
    """What is done in each trial."""

    call: Callable[[], Any]
    signals: tuple[tuple[str, Any], ...]
    answers: Mapping[str, Any]
    serving: tuple[Task[..., Any], ...]
    store: str | Callable[[], Store]
    before: Callable[[], object] | None
    effects: Callable[[Store], Any] | None
    timeout: float


class Process:
    """What executes the workflow, as a process of its own would: it may die alone."""

    def __init__(self, plan: Plan, store: Store, faked: FakeClock) -> None:
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
        states = {step._state for execution in self._executions() for step in list(execution._open)}
        is_serving = self._worker is not None and bool(self._worker.serving._under_way)
        if RunState.RETRYING in states and RunState.RUNNING not in states and not is_serving:
            self._skip_to(runtime.current.reactor.next_time(), self._clock.monotonic())
        return True

    def _executions(self) -> list[Execution]:
        """Of this process: what one that died had called stays as it was for ever. And no groups, which wait too."""
        return list(self._engine.executions.values())

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
            runtime._leave_to_stores(runtime.current)  # groups of children: their ends are told to nobody here
        else:
            if self._worker is not None:
                self._worker.drain(self._plan.timeout)
            self._engine.close(self._plan.timeout)
        if died and self._worker is not None:
            self._worker.serving.threads.end()


def _ended(run: Any) -> Ended:
    error = run.exception()
    return Ended(value=run.get_result()) if error is None else Ended(error=error)


def _is_ready(row: Row) -> bool:
    is_own = row.queue is None and row.worker is None
    return row.state in (RunState.PENDING, RunState.RETRYING) and row.run_after is None and not is_own
