"""Handles of runs that are in a store already: found by their ids, or by what is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from woflo.durable.choice import current_store, opened
from woflo.durable.engine import Engine, engine_of
from woflo.durable.stored import StoredTaskRun
from woflo.errors import OptionError, SerializationError, UnknownRunError
from woflo.kernel import clock
from woflo.kernel.body import Body
from woflo.kernel.lifecycle import Watcher
from woflo.kernel.options import Options, whole_number
from woflo.kernel.outcome import Outcome
from woflo.kernel.state import TERMINAL, RunState
from woflo.kernel.task import Task
from woflo.stores.contract import Span
from woflo.stores.operations import goes_on_as
from woflo.stores.refusals import unknown_run

if TYPE_CHECKING:
    from woflo.stores.contract import Store
    from woflo.stores.rows import Row

__all__ = ["FoundRun", "find_runs", "get_run", "task_named"]

R = TypeVar("R")


class FoundRun(StoredTaskRun[R]):
    """A handle of a run that somebody called, here or elsewhere. It looks at the store when it is asked."""

    @classmethod
    def of(cls, engine: Engine, task: Task[..., R], row: Row) -> FoundRun[R]:
        """The handle of the run of this row."""
        run = cls(task, (), {})
        run._engine, run._row, run._text, run.is_kept = engine, row, row.args, True
        run.parent_id, run.attempt, run.started_at = row.parent_id, row.attempt, row.started_at
        run._final = run._in_code = True  # attempts are counted, and tried again, where they are made
        run._reported = False
        run._take(row)
        return run

    _is_followed = False

    def _take(self, row: Row) -> None:
        """How the run stands, or the one that went on in its place."""
        while (later := goes_on_as(row)) is not None:
            found = self._engine.store.get(later)
            if found is None:
                raise unknown_run(later)
            row = found
        self._row = row
        if not row.is_terminal:
            self.look(row)
            return
        self.attempt: int = max(1, row.attempt)
        self.started_at: float | None = row.started_at
        with self._lock:
            if self._state not in TERMINAL:
                self._reported, self._in_code, self._row = True, False, row
                self._into_terminal(row.state, self._loaded(row), row.finished_at or clock.now())
        self._looked_at()  # whoever called it was told

    def _loaded(self, row: Row) -> Outcome:
        try:
            return self._engine.codec(self.task).load_outcome(self._engine.store.whole_row(row))
        except SerializationError as error:
            return Outcome.failed(error)

    def _refresh(self) -> None:
        if self._state in TERMINAL or self._is_followed:
            return
        row = self._engine.store.get(self.id)
        if row is None:
            raise UnknownRunError(
                f"{self.task.name} ({self.id}) is not in its store any more: it was taken away or moved"
            )
        self._take(row)

    @property
    def state(self) -> RunState:
        """As the store has it now."""
        self._refresh()
        return super().state

    def is_running(self) -> bool:
        """True until the run has ended."""
        self._refresh()
        return super().is_running()

    # -- waiting ---------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """From now on the engine looks after it, and tells its end."""
        self._refresh()
        with self._lock:
            if self._is_followed or self._state in TERMINAL:
                return
            self._is_followed = True
        self._engine.following.follow(self)
        self._engine.wake()

    def _await_end(self, timeout: float | None) -> bool:
        self._follow()
        return super()._await_end(timeout)

    def _watch(self, watcher: Watcher) -> bool:
        self._follow()
        return super()._watch(watcher)

    def _watch_for(self, waiter: Watcher) -> bool:
        self._follow()
        return super()._watch_for(waiter)

    def add_done_callback(self, fn: Any) -> None:
        """See there."""
        self._follow()
        super().add_done_callback(fn)

    def _ask_to_stop(self, grace: float) -> None:
        self._follow()
        super()._ask_to_stop(grace)


@overload
def get_run(run_id: str, task: Task[..., R], *, store: str | Store | None = ...) -> FoundRun[R]: ...
@overload
def get_run(run_id: str, task: None = ..., *, store: str | Store | None = ...) -> FoundRun[Any]: ...
def get_run(run_id: str, task: Task[..., Any] | None = None, *, store: str | Store | None = None) -> FoundRun[Any]:
    """The handle of a stored run, by its id: from any process that can open the store.

    With the `task`, its value is what that returns; without, it is of what JSON knows, unless this process executes
    the task. Raises `UnknownRunError`, and `OptionError` where it is a run of another task.
    """
    engine = _engine(store)
    row = engine.store.get(run_id)
    if row is None:
        raise unknown_run(run_id)
    if task is not None and task.name != row.task:
        raise OptionError(f"get_run({run_id!r}, task={task!r}): that is a run of {row.task!r}")
    return FoundRun.of(engine, task or task_named(engine, row.task), row)


def find_runs(
    *,
    task: Task[..., Any] | str | None = None,
    state: RunState | str | Iterable[RunState | str] = (),
    key: str | None = None,
    tags: Mapping[str, str] | None = None,
    since: datetime | float | None = None,
    until: datetime | float | None = None,
    after: str = "",
    limit: int = 100,
    store: str | Store | None = None,
) -> list[FoundRun[Any]]:
    """Handles of the runs for which all that is given holds, in the order of their calls.

    Arguments:
        task: the task or its name.
        state: a state or several.
        key: what the call was given as `key`.
        tags: all of them, with these values. Then runs that were called by others are found, too.
        since: called from then on; a datetime with a time zone, or seconds since the epoch.
        until: called before then.
        after: the id of a run; those behind it are meant. With the last one's, the next page is found.
        limit: how many at most.
        store: its URL or object; that of this process by default.

    """
    engine = _engine(store)
    rows = engine.store.select(
        states=_states(state),
        tasks=() if task is None else [task if isinstance(task, str) else task.name],
        key=key,
        tags=Options(tags=tags).tags,
        created=Span(seconds("since", since), seconds("until", until)),
        after=after,
        limit=whole_number("limit", limit, least=1),
    )
    given = task if isinstance(task, Task) else None
    return [FoundRun.of(engine, given or task_named(engine, row.task), row) for row in rows]


def _engine(store: str | Store | None) -> Engine:
    return engine_of(current_store() if store is None else opened(store))


def _states(given: RunState | str | Iterable[RunState | str]) -> list[RunState]:
    found = [given] if isinstance(given, str) else list(given)
    try:
        return [RunState(one) for one in found]
    except ValueError as error:
        known = ", ".join(RunState)
        raise OptionError(f"state={given!r}: the states of runs are: {known}") from error


def seconds(name: str, when: datetime | float | None) -> float | None:
    """A time as seconds since the epoch. Raises `OptionError` for a datetime that has no time zone."""
    if not isinstance(when, datetime):
        return when
    if when.tzinfo is None:
        raise OptionError(f"{name}={when!r}: give it a time zone, for example with .astimezone()")
    return when.timestamp()


def task_named(engine: Engine, name: str) -> Task[..., Any]:
    """The task of this name, or one that stands for it, whose values are of what JSON knows."""
    return engine.known(name) or cast("Task[..., Any]", Task(Body(_unknown), Options(name=name)))


def _unknown(**arguments: Any) -> Any:
    raise NotImplementedError(arguments)  # stands for tasks of other programs, and is never called
