"""What a step may have kept together with its record: rows of the user, calls of other tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from woflo.durable.called import called, tags_of
from woflo.errors import CallLimitError, NotDurableError, OptionError, StoreError
from woflo.kernel import clock
from woflo.kernel.options import checked_text
from woflo.stores.codec import ValueCodec
from woflo.stores.operations import Claimed, Publish
from woflo.stores.rows import Claim, Row, Tag, place_id

if TYPE_CHECKING:
    from woflo.durable.branches import Branch
    from woflo.durable.engine import Engine
    from woflo.kernel.task import Task
    from woflo.stores.contract import Transaction

__all__ = ["BranchKeeper", "StepKeeper", "checked_calls"]

T = TypeVar("T")
BEATS = 1.0
"""Seconds that pass at least between two heartbeats that are written."""
HEARTBEAT = "woflo.heartbeat:"
"""How the name begins under which the last heartbeat of a step, or a stored call, is published; then comes its id."""


class StepKeeper:
    """One attempt of a step, or of a stored call, as its code may write through it."""

    # Set on the object only where the code asks for something: most does not, and there is one for each step.
    calls: tuple[Row, ...] = ()
    """What is submitted together with the end of the step."""
    tags: tuple[Tag, ...] = ()
    """Those of the calls."""
    beside: tuple[Row, ...] = ()
    """What is recorded together with the end of the step, at places of its own."""
    is_open: bool = False
    """True where the step has a transaction, which only `commit` or `roll_back` end."""
    _calls_made = 0
    _plain_calls = 0
    _beat: str | None = None
    """The last heartbeat, as long as it is not written."""
    _next_beat = 0.0
    _opened: AbstractContextManager[Transaction] | None = None
    _transaction: Transaction | None = None

    def __init__(self, engine: Engine, claim: Claim, run_id: str, task: Task[..., Any]) -> None:
        self.idempotency_key = run_id
        self._task = task
        self._engine = engine
        self._claim = claim

    # -- from within the code --------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Lend the connection; it stays open until the step has ended. An exception undoes what was written."""
        if asyncio._get_running_loop() is not None:
            raise StoreError(
                "transaction() was called on an event loop, where whoever else writes would stop the loop; make the "
                "step a plain function"
            )
        if self._transaction is None:
            self._opened = self._engine.store.transaction()
            self._transaction = self._opened.__enter__()
            self.is_open = True
        try:
            yield self._transaction.connection
        except BaseException:
            self.roll_back()
            raise

    def enqueue(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The id of a run that is submitted together with the end of the step."""
        if not task.runner.traits.durable:
            raise OptionError(
                f"enqueue was given {task!r}, whose runs are not kept in a store; give it runner='queue', or a workflow"
            )
        self._calls_made = checked_calls(self._task, self._calls_made)
        text = self._engine.codec(task).dump_call(args, kwargs)
        new = Row(id=place_id(self.idempotency_key, "", len(self.calls)), task=task.name)
        row = called(new, task, text, clock.now())
        self.calls, self.tags = (*self.calls, row), (*self.tags, *tags_of(row.id, task))
        return row.id

    def next_call(self) -> str:
        """The id of a stored call that the code makes plainly: the same at the same place of every attempt.

        So an attempt that follows attaches to what this one has called. Raises `CallLimitError`.
        """
        self._calls_made = checked_calls(self._task, self._calls_made)
        place = self._plain_calls
        self._plain_calls = place + 1
        return place_id(self.idempotency_key, "call", place)

    def publish(self, name: str, value: Any) -> None:
        """Show a value to whoever looks at the run; in a step, at its workflow."""
        text = _dumped(name, value)
        self._engine.store.write(Publish(now=clock.now(), claim=self._claim, name=name, value=text))

    def heartbeat(self, value: str) -> None:
        """Keep it for an attempt that follows, but write no more often than once a second."""
        self._beat, now = value, clock.monotonic()
        if now >= self._next_beat:
            self._next_beat = now + BEATS
            self.keep_heartbeat()

    def keep_heartbeat(self) -> None:
        """Write the last one, if it is not written yet. Returns at once."""
        if self._beat is not None:
            value, self._beat = self._beat, None
            name = f"{HEARTBEAT}{self.idempotency_key}"
            show = Publish(now=clock.now(), claim=self._claim, name=name, value=value)
            self._engine.store.submit((show,), lambda _: None)

    def last_heartbeat(self) -> str | None:
        """What the attempt before has left."""
        return self._engine.store.published(self._claim.run_id).get(f"{HEARTBEAT}{self.idempotency_key}")

    # -- around the code -------------------------------------------------------------------------------

    def commit(self, operation: Claimed[T]) -> T:
        """Keep the operation, with what the step has written."""
        assert self._transaction is not None and self._opened is not None
        opened, transaction = self._opened, self._transaction
        self._opened, self._transaction, self.is_open = None, None, False
        try:
            return transaction.commit(operation)
        finally:
            opened.__exit__(None, None, None)

    def roll_back(self) -> None:
        """The attempt has failed: nothing of what it wrote is kept."""
        opened, self._opened, self._transaction, self.is_open = self._opened, None, None, False
        self.calls, self.tags = (), ()
        if opened is not None:
            opened.__exit__(None, None, None)


class BranchKeeper:
    """The code of a workflow itself, as it may write: what it shows is recorded, so that it is shown once."""

    def __init__(self, branch: Branch) -> None:
        self.idempotency_key: str = branch.execution.row.id
        self._branch = branch

    def transaction(self) -> AbstractContextManager[Any]:
        """Refused: this code may be executed more than once."""
        raise NotDurableError(
            "transaction() was called in the code of a workflow, which may be executed twice; call it in a step"
        )

    def enqueue(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Refused: a plain call is recorded here."""
        raise NotDurableError(
            f"enqueue was called in the code of a workflow, whose calls are recorded anyway; call {task.name}(…) itself"
        )

    def publish(self, name: str, value: Any) -> None:
        """Show a value to whoever looks at the workflow."""
        self._branch.publish(name, _dumped(name, value))

    def heartbeat(self, value: str) -> None:
        """Refused: what takes long is a step."""
        raise NotDurableError("heartbeat() was called in the code of a workflow; call it in a step, which takes long")

    def last_heartbeat(self) -> str | None:
        """There is none."""
        return None


def checked_calls(task: Task[..., Any], made: int) -> int:
    """How many stored calls a run of this task has made, with one more. Raises `CallLimitError`."""
    most = task.options.max_calls
    if most is not None and made >= most:
        raise CallLimitError(
            f"a run of {task.name} may make {most} stored calls (max_calls={most}), and this is one more; raise "
            f"max_calls, or let it call a few runs that call the rest"
        )
    return made + 1


def _dumped(name: str, value: Any) -> str:
    checked_text("name", name)
    return ValueCodec(Any, f"the value published as {name!r}").dump(value)
