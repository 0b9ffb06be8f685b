"""Executing a workflow against its records alone: nothing is written, no step is executed.

It ends where the record ends: where the code waits for what is not recorded. What it calls beyond that, beside what it
waits for, is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from woflo.durable.coroutines import AsyncExecution
from woflo.durable.engine import Engine
from woflo.durable.execution import Execution, loaded
from woflo.durable.parking import Parked
from woflo.durable.plain import PlainExecution
from woflo.durable.steps import StepRun
from woflo.errors import NonDeterminismError, SerializationError, StoreError
from woflo.kernel import runtime
from woflo.kernel.outcome import Outcome
from woflo.kernel.state import RunState
from woflo.runners.asynchronous import own_loop
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import Operation, goes_on_as
from woflo.stores.rows import Row

if TYPE_CHECKING:
    from woflo.durable.branches import Branch
    from woflo.durable.keeping import StepKeeper
    from woflo.durable.recording import Told
    from woflo.durable.waits import Wait
    from woflo.kernel.attempt import Attempt
    from woflo.kernel.task import Task
    from woflo.stores.contract import Store

__all__ = ["DryEngine", "Problem", "dry_replays"]

R = TypeVar("R")
REST = 0.02
"""Seconds without a call after which an async workflow is taken to wait in all its branches."""
Problem = NonDeterminismError | SerializationError
PATIENCE = 60.0
"""Seconds after which the code of a workflow is taken never to come to the end of its record."""


class RecordsOnly(MemoryStore):
    """The records of another store; nothing may be written."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def apply(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        return [StoreError("nothing is written while a workflow is replayed dry") for _ in operations]

    def get(self, run_id: str) -> Row | None:
        return self._store.get(run_id)

    def whole(self, text: str) -> str:
        return self._store.whole(text)

    def steps(self, parent_id: str) -> list[Row]:
        return self._store.steps(parent_id)


class DryEngine(Engine):
    """Knows how calls are stored, and executes nothing. Its thread is never started."""

    def __init__(self, store: Store) -> None:
        super().__init__(RecordsOnly(store))
        self.hold: float = REST


class DryRun(StepRun[R]):
    """The handle of a call that is recorded, or that never ends."""

    def wait_here(self, execution: Execution, row: Row) -> None:
        """There is no record of its end."""
        self._execution, self._row = execution, row

    def send(self, name: str, value: Any = None) -> None:
        """Of a child: an effect, which is not had."""

    def stop(self, grace: float = 5.0) -> bool:
        """The same."""
        return False


class DryReplay(Execution):
    """What a dry execution does in place of another one."""

    found: Problem | None = None
    """What does not fit, once the code has ended."""

    def _begins(self) -> None:
        """Nobody has claimed it."""

    def call(self, branch: Branch, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The handle of what is called, as it is recorded, whatever executes it."""
        self.check()
        row = self.row_of_call(branch, task, args, kwargs)
        record = self.find(row)
        run: DryRun[Any] = DryRun(task, args, kwargs)
        if record is not None and record.is_terminal:
            self.settle(run, self._last_of(record), self.engine.codec(task))
        else:
            run.wait_here(self, row)
        return run

    def _last_of(self, record: Row) -> Row:
        """The run that a child went on as."""
        while (successor := goes_on_as(record)) is not None:
            later = self.store.get(successor)
            if later is None or not later.is_terminal:
                return record
            record = later
        return record

    def take_signal(self, row: Row, name: str) -> str | None:
        """None is there but what is recorded."""
        return None

    def look_for_signal(self, row: Row, name: str, told: Callable[[str | None], object]) -> None:
        """The same."""
        told(None)

    def publish(self, row: Row, name: str, value: str) -> None:
        """Nothing is shown."""

    def attempt(self) -> Attempt:
        """Arguments that do not fit do not fit the code. Nobody is told how far it comes."""
        try:
            attempt = super().attempt()
            attempt.channel = None
            return attempt
        except SerializationError as error:
            self.found = error
            raise

    def watch_deadline(self) -> None:
        """However late it is, the code is looked at."""

    def record(self, row: Row, keeper: StepKeeper | None, told: Told) -> None:
        """Nothing is."""

    def park(self, waits: tuple[Wait, ...], tokens: tuple[str, ...]) -> bool:
        """Here the record ends."""
        self.end(Parked("the record ends here"))
        return True

    def judge(self, outcome: Outcome) -> None:
        """The code has ended: by its own end, or because it waits."""
        if self._ended is None and self.found is None:
            self._check_journal(outcome)
        if isinstance(self._ended, NonDeterminismError):
            self.found = self._ended
        self.code_ended.set()


class DryPlain(DryReplay, PlainExecution):
    """The code of a plain workflow."""

    def _finish_open_steps(self) -> None:
        """None executes."""

    def wait_for(self, wait: Wait) -> None:
        self.check()
        if not wait.is_over():
            self.park((wait,), ())
            self.check()

    def _finish(self, outcome: Outcome) -> None:
        self.judge(outcome)


class DryAsync(DryReplay, AsyncExecution):
    """The code of an async one."""

    async def _run(self) -> None:
        todo = loaded(self)
        outcome = todo if isinstance(todo, Outcome) else await todo.execute_async()
        self._end_branches()
        self.judge(outcome)

    async def until(self, step: StepRun[Any]) -> None:
        await Execution.until(self, step)

    def tokens(self, waits: Any) -> tuple[str, ...] | None:
        """Whatever it waits for is not there."""
        return ()

    def _is_soon_over(self) -> bool:
        return False


def dry_replays(engine: DryEngine, runs: Sequence[tuple[Row, Task[..., Any]]]) -> list[Problem | None]:
    """Execute the code of each run against its records; what does not fit, or None.

    Raises `TimeoutError` where the code of one does not come to the end of its record.
    """
    made = [_made(engine, row, task) for row, task in runs]
    for replay in made:
        replay.start()
    for replay in made:
        if not replay.code_ended.wait(PATIENCE):
            raise TimeoutError(
                f"{replay.task.name} ({replay.row.id}) did not come to the end of its record within {PATIENCE:g} s"
            )
    return [replay.found for replay in made]


def _made(engine: DryEngine, row: Row, task: Task[..., Any]) -> DryReplay:
    claimed = row.changed(state=RunState.RUNNING, worker="nobody", fence=max(2, row.fence))  # as the next to execute it
    if task.body.is_async:
        return DryAsync(engine, claimed, task, own_loop(runtime.current))
    return DryPlain(engine, claimed, task)
