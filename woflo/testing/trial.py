"""One call of a workflow that crashes at most once, and goes on: what came of it."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from woflo.errors import OptionError
from woflo.stores.contract import Store
from woflo.stores.opening import open_store
from woflo.stores.operations import Finish, Operation, Park, Publish, Record, Submit, TakeSignal
from woflo.stores.rows import Row
from woflo.testing.clock import FakeClock
from woflo.testing.crash_report import Ended
from woflo.testing.crashing import CrashingStore
from woflo.testing.executed import Executed
from woflo.testing.trial_process import Plan, Process

__all__ = ["Trial"]


class Trial:
    """One call, which crashes at most once, and goes on."""

    def __init__(self, plan: Plan, faked: FakeClock, number: int | None, *, kept: bool) -> None:
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
        self._executed = Executed()

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
        process = Process(self._plan, crashing, self._clock)
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
        process = Process(self._plan, store, self._clock)
        try:
            self.ended = process.run(threading.Event())
            rows = {row.id: row for row in store.snapshot().runs}
        finally:
            process.end()
        both = sorted((before & self._executed.take()).keys())
        self.twice = tuple(_step(rows, run_id) for run_id in both)
        recorded = [run_id for run_id in both if run_id in found and found[run_id].is_terminal]
        self.again = tuple(_step(rows, run_id) for run_id in recorded)


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
