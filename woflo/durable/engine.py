"""What executes workflows in this process: one engine for each store, with a lease of its own.

It claims runs, executes them, follows those that others execute, and takes over from processes that died.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from woflo.durable.called import as_called
from woflo.durable.execution import Ending, Execution
from woflo.durable.following import Following
from woflo.durable.leaving import Leaving
from woflo.durable.looking import Looking
from woflo.durable.loop_writing import LoopWriter
from woflo.durable.membership import IDLE_LOOK, LOOK
from woflo.durable.telling import Telling
from woflo.errors import LeaseLostError, OptionError, StoreError
from woflo.kernel import clock, runtime
from woflo.stores.codec import Codec
from woflo.stores.operations import ClaimReady, Release

if TYPE_CHECKING:
    from woflo.durable.serving import Serving, Share
    from woflo.kernel.task import Task
    from woflo.stores.contract import Store
    from woflo.stores.rows import Claim, Row

__all__ = ["Engine", "engine_of"]

PAUSE = 5.0
"""Seconds after which a run goes on whose store had failed."""
MOST = 64
"""How many plain workflows execute at once; each has a thread."""


class Engine(Looking):
    """The workflows of one store in this process."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._tasks: dict[str, Task[..., Any]] = {}
        """The workflows that this process knows, by the names under which they are stored."""
        self._own: set[str] = set()
        """Runs that are executed here when they are ready."""
        self.following: Following = Following(self)
        self.telling: Telling = Telling(self)
        self._writers: WeakKeyDictionary[Any, LoopWriter] = WeakKeyDictionary()
        self._to_give_back: list[Claim] = []
        """Claims of runs that are not executed any more."""
        self._serving: Serving | None = None
        """What is executed here for others."""
        self._claimed_at = 0.0
        """When it was looked last whether there is something to claim for others."""
        self.causes: dict[str, BaseException] = {}
        """What code has raised here that did not fit its records, by its run, as long as nobody has decided."""
        self.hold: float = 0.5
        """Seconds that a wait holds its thread or coroutine before the workflow is parked."""

    def codec(self, task: Task[..., Any]) -> Codec:
        """How the calls of this task are stored."""
        known, kind = task.body.codes, task.options.codec
        found: Codec | None = known.get(kind)
        if found is None:
            found = known[kind] = Codec(task.body.fn, pickles=kind == "pickle")
        return found

    def writer_on(self, loop: Any) -> LoopWriter:
        """Through which code on this loop writes."""
        with self._lock:
            if loop not in self._writers:
                self._writers[loop] = LoopWriter(self.store, loop)
            return self._writers[loop]

    # -- runs that execute here ------------------------------------------------------------------------

    def knows(self, task: Task[..., Any]) -> None:
        """Runs of this workflow may be executed here."""
        self._tasks[task.name] = task

    def has_room(self) -> bool:
        """True where another workflow may begin at once."""
        return len(self.executions) < MOST and not self._closing.is_set()

    def start(self, row: Row, loop: Any = None) -> None:
        """Execute a run that this engine has claimed, here until it ends."""
        with self._lock:
            self._own.add(row.id)
        self._execute(row, loop)

    def _execute(self, row: Row, loop: Any = None) -> None:
        self.causes.pop(row.id, None)
        reading = self.membership.begins(row.claim)  # what it recorded: alone that may be too much for a process
        try:
            execution = self._execution_of(row, loop)
        finally:
            reading.end()
        self.executions[row.id] = execution
        self.telling.begins(row)
        execution.watch_deadline()
        execution.start()

    def _execution_of(self, row: Row, loop: Any) -> Execution:
        from woflo.durable.coroutines import AsyncExecution
        from woflo.durable.plain import PlainExecution

        task = as_called(self._tasks[row.task], row)
        if task.body.is_async:
            from woflo.runners.asynchronous import own_loop

            return AsyncExecution(self, row, task, loop or own_loop(runtime.current))
        return PlainExecution(self, row, task)

    def execution_ended(self, execution: Execution, ending: Ending) -> None:
        """The code has ended; the run has where `ending` tells how."""
        run_id = execution.row.id
        execution.code_ended.set()
        if ending.state is not None:
            self.telling.ended(execution.row, ending.state, None if ending.outcome is None else ending.outcome.error)
        if ending.successor is not None:
            self.executions.pop(run_id, None)
            self._go_on(run_id, ending.successor)
        elif ending.state is not None and ending.outcome is not None:
            self._own.discard(run_id)
            followers = self.following.forget(run_id)
            self.executions.pop(run_id, None)
            for run in followers:
                run.ended(ending.state, ending.outcome)
        else:
            if execution.was_refused:
                self._to_give_back.append(execution.claim)
            self.executions.pop(run_id, None)
        if self._serving is not None:
            self._serving.workflow_ended(run_id)
        if self._is_waiting():
            self._wake.set()

    def _go_on(self, run_id: str, successor: str) -> None:
        """Another run is in the place of one that executed here."""
        with self._lock:
            if run_id in self._own:
                self._own.discard(run_id)
                self._own.add(successor)
        for run in self.following.forget(run_id):
            run.went_on(successor)
        self._wake.set()

    def _give_back(self) -> None:
        """What a failing store did not let go on is executed again later: nobody else may, as long as this lives."""
        while self._to_give_back:
            now = clock.now()
            release = Release(now=now, claim=self._to_give_back[0], reason="the store failed", run_after=now + PAUSE)
            try:
                self.store.write(release)
            except LeaseLostError:
                pass  # it was kept after all, or somebody has taken over
            del self._to_give_back[0]

    def serve(self, serving: Serving | None) -> None:
        """Claim and execute what waits for a worker; None ends that."""
        if serving is not None and self._serving is not None:
            raise OptionError("this process has a worker on this store already; give that one all tasks")
        self._serving = serving
        if serving is not None:
            _import_what_executes()
            for task in serving.workflows.values():
                self.knows(task)
            serving.schedules.start()
            if serving.drains_on_signal:
                self.membership.ends_on_signal()
            self.wake()

    # -- runs that matter here -------------------------------------------------------------------------

    def can_execute(self, task: str) -> bool:
        """True where runs of the workflow of this name may be executed here."""
        return task in self._tasks

    def known(self, name: str) -> Task[..., Any] | None:
        """The task of this name, where this process executes it."""
        found = self._tasks.get(name)
        return found if found is not None or self._serving is None else self._serving.tasks.get(name)

    def disown(self, run_id: str) -> None:
        """The run has ended."""
        with self._lock:
            self._own.discard(run_id)

    def own(self, run_id: str) -> None:
        """Execute this run here whenever it is ready."""
        with self._lock:
            is_new = run_id not in self._own
            self._own.add(run_id)
        if is_new:  # each look comes by here for what parked runs wait for, and would be followed by another at once
            self._wake.set()

    def _is_waiting(self) -> bool:
        """True where a run that does not execute here matters here."""
        if self._serving is not None:
            return True
        here = self.executions.keys()
        return not (self._own <= here and self.following.ids() <= here)

    # -- what is looked at -----------------------------------------------------------------------------

    def _seconds_to_rest(self) -> float:
        queues = () if self._serving is None else self._serving.queues
        due = self.store.next_time(queues, self._claimed_at) if self._is_waiting() else None
        tick = None if self._serving is None else self._serving.schedules.next_time()
        soonest = min((at for at in (due, tick) if at is not None), default=None)
        rest = max(LOOK, min(IDLE_LOOK, self.membership.seconds_to_beat())) if self._is_idle() else LOOK
        return rest if soonest is None else max(0.001, min(rest, soonest - clock.now()))

    def _is_idle(self) -> bool:
        """True where all that it waits for are calls for others: those are heard of, and it holds nothing meanwhile."""
        if self._serving is None or self._serving.under_way or self._to_give_back:
            return False
        return not (self.executions or self._own or self.following.ids())

    def _look(self) -> None:
        is_first = not self._looked_at
        self._looked_at, self._has_heard = time.monotonic(), False
        if self.membership.is_beat_due():
            self._beat()
        if is_first:
            self.membership.take_over()  # what somebody who died has left is there to be claimed at once
        self._claim_own()
        self._claim_for_others()  # early: somebody waits for that, and for little of what follows
        self._stop_those_asked()
        self.following.look()
        self._give_back()
        self.membership.take_over()

    def _beat(self) -> None:
        try:
            self.membership.beat()
        except LeaseLostError as error:
            self.complain("this process was taken for dead; it gives up what it executes, and begins anew", error)
            for execution in list(self.executions.values()):
                execution.end(error)
            self.membership.begin_anew()

    def _stop_those_asked(self) -> None:
        if self.executions or self._serving is not None:
            for run_id in self.store.asked_to_stop(self.id):
                execution = self.executions.get(run_id)
                if execution is not None:
                    execution.stop()
                elif self._serving is not None:
                    self._serving.stop(run_id)

    def _claim_own(self) -> None:
        with self._lock:
            ids = tuple((self._own | self.following.ids()) - self.executions.keys())
        room = MOST - len(self.executions)
        tasks = tuple(self._tasks)
        if ids and tasks and room > 0:  # who only waits for calls of workers has nothing to claim
            for row in self.store.write(ClaimReady(now=clock.now(), worker=self.id, limit=room, tasks=tasks, ids=ids)):
                self.start(row)

    def _claim_for_others(self) -> None:
        """As a worker: workflows as long as there is room for them, and plain calls in batches."""
        serving = self._serving
        if serving is None or serving.is_draining:
            return
        serving.schedules.submit_due()
        self._claimed_at = clock.now()
        found_nothing = True
        for share in serving.shares():
            room = serving.room(share, MOST - len(self.executions))
            rows = self._claimed(serving, share, room) if room > 0 else []
            found_nothing = found_nothing and room > 0 and not rows
        serving.looked(found_nothing=found_nothing)

    def _claimed(self, serving: Serving, share: Share, room: int) -> list[Row]:
        now = clock.now()
        ready = ClaimReady(now=now, worker=self.id, limit=room, tasks=share.tasks, queues=serving.queues)
        rows = self.store.write(ready)
        if not rows:
            return rows
        if not (serving.take_workflows if share.are_workflows else serving.take)(rows):
            self.store.submit([Release(now=now, claim=row.claim) for row in rows], lambda _: None)
        elif share.are_workflows:
            for row in rows:
                self._execute(row)
        return rows

    # -- the end ---------------------------------------------------------------------------------------

    def close(self, grace: float | None = None) -> None:
        """Give back what is executed here: others, or the next program, go on with it.

        Steps under way end, and are recorded, before; they get `grace` seconds. Without, they get as long as they take;
        where the program is interrupted, a few seconds, and only those more that nothing can end.
        """
        if not self._stop() or self._thread is None:
            return
        executions = list(self.executions.values())
        for execution in executions:
            execution.leave()
        try:
            Leaving(self.membership, executions).wait(grace)
        finally:  # also where that is interrupted once more
            try:
                self.membership.leave()
            except StoreError as error:  # closed already, or gone: its lease will end
                self.complain("what this process executed could not be given back", error)

    def abandon(self) -> None:
        """End as a process does that is killed: nothing is given back."""
        if self._stop() and self._thread is not None:
            for execution in list(self.executions.values()):
                execution.end(ClosingError("the process that executed it has ended"))
            self.membership.vanish()

    def _stop(self) -> bool:
        has_stopped = super()._stop()
        if has_stopped:
            runtime.current.services.pop((Engine, id(self.store)), None)  # who calls later gets a new one
        return has_stopped


def _import_what_executes() -> None:
    """Before the first claim: a run that a worker holds while it imports would be under way when that is killed."""
    for name in ("coroutines", "plain"):
        import_module(f"woflo.durable.{name}")


class ClosingError(StoreError):
    """The engine gives up what it executes."""


def engine_of(store: Store) -> Engine:
    """The engine of this process for a store, made on first use."""
    engine: Engine = runtime.current.service((Engine, id(store)), lambda: Engine(store))
    return engine
