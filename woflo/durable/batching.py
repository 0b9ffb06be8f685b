"""Calls that are kept together, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from woflo.durable.called import called, tags_of
from woflo.durable.choice import current_store
from woflo.durable.engine import Engine, engine_of
from woflo.errors import KeyConflictError, OptionError, WofloError
from woflo.kernel import clock, tracing
from woflo.kernel.task import Task
from woflo.stores.codec import Codec
from woflo.stores.operations import Submit
from woflo.stores.rows import Row

if TYPE_CHECKING:
    from woflo.durable.stored import StoredTaskRun

__all__ = ["Batch", "Pattern", "batch", "current_batch"]


class Pattern(NamedTuple):
    """What the calls of one task have in common."""

    engine: Engine
    codec: Codec
    row: Row


class Batch:
    """The calls of one block, until they are kept."""

    def __init__(self) -> None:
        self._calls: list[tuple[StoredTaskRun[Any], Row]] = []
        self._patterns: dict[Task[..., Any], Pattern] = {}

    def pattern_of(self, task: Task[..., Any]) -> Pattern:
        """Made with the first call of the task. Raises `OptionError` for an option that cannot travel with a call."""
        found = self._patterns.get(task)
        if found is None:
            engine = engine_of(current_store())
            row = called(Row(id="", task=task.name), task, "", clock.now())
            found = self._patterns[task] = Pattern(engine, engine.codec(task), row)
        return found

    def add(self, run: StoredTaskRun[Any], row: Row) -> None:
        """Keep the call with the others. Raises `OptionError` where those are for another store."""
        if self._calls and self._calls[0][0].engine is not run.engine:
            raise OptionError(f"{run.task.name} is for another store than the calls before it in this batch")
        self._calls.append((run, row))

    def keep(self) -> None:
        """Write all calls in one transaction. Raises what one of them is refused with; then none is kept."""
        calls = self._taken()
        try:
            _keep(calls)
        except WofloError as error:
            _refuse(calls, error)
            raise

    def keep_each(self) -> None:
        """The same of calls that have nothing to do with each other: one that is refused does not take others with it.

        Its handle tells why.
        """
        calls = self._taken()
        try:
            _keep(calls)
        except KeyConflictError:
            for call in calls:
                try:
                    _keep([call])
                except WofloError as error:
                    _refuse([call], error)
        except WofloError as error:
            _refuse(calls, error)

    def drop(self) -> None:
        """Keep none of them."""
        _refuse(
            self._taken(), OptionError("the block of its batch was left by an exception, and nothing of it was kept")
        )

    def _taken(self) -> list[tuple[StoredTaskRun[Any], Row]]:
        calls, self._calls = self._calls, []
        return calls


def _keep(calls: list[tuple[StoredTaskRun[Any], Row]]) -> None:
    if not calls:
        return
    engine: Engine = calls[0][0].engine
    now = clock.now()
    for _, row in calls:
        row.created_at = now  # nobody else has it yet
    rows = tuple([row for _, row in calls])
    all_have = tracing.carrier is not None
    tags = tuple([tag for run, row in calls if all_have or run.task.options.tags for tag in tags_of(row.id, run.task)])
    accepted = engine.store.write(Submit(now=now, runs=rows, tags=tags))
    for (run, _), (row, is_new) in zip(calls, accepted, strict=True):
        run.kept_as(row, is_new=is_new)


def _refuse(calls: list[tuple[StoredTaskRun[Any], Row]], error: WofloError) -> None:
    for run, _ in calls:
        run.refused_with(error)


current_batch: ContextVar[Batch | None] = ContextVar("woflo_batch", default=None)


@contextmanager
def batch() -> Iterator[None]:
    """Keep all calls of this block that are for workers in one transaction, at its end: all of them, or none.

    It is for calls with `runner="queue"`; others, and those whose arguments are handles that have not ended, go their
    own way. A handle is not to be waited for before the block has ended. Left by an exception, nothing is kept. In a
    workflow the calls are recorded one by one, as without it.

    Raises, at the end of the block, what a call is refused with, such as `KeyConflictError`, which names it; then
    none of them is kept.
    """
    if current_batch.get() is not None:
        yield  # part of the one around it
        return
    made = Batch()
    token = current_batch.set(made)
    try:
        yield
    except BaseException:
        made.drop()
        raise
    finally:
        current_batch.reset(token)
    made.keep()
