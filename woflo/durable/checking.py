"""Whether the runs in flight fit the code as it is now, before anything executes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from woflo.durable.choice import current_store, opened
from woflo.durable.serving import is_workflow
from woflo.errors import OptionError
from woflo.kernel.state import TERMINAL, RunState

if TYPE_CHECKING:
    from woflo.kernel.task import Task
    from woflo.stores.contract import Store
    from woflo.stores.rows import Row

__all__ = ["Checked", "Misfit", "check"]

PAGE = 500
"""How many runs are read at once."""
AT_ONCE = 64
"""How many are replayed beside each other."""


class Misfit(NamedTuple):
    """A run that would stop with the code as it is now."""

    run_id: str
    task: str
    problem: str
    """Which call, what is recorded there, and what was called."""


class Checked(NamedTuple):
    """What came of the runs in flight."""

    fitting: int
    """How many go on as if nothing had changed."""
    misfits: tuple[Misfit, ...]
    unknown: Mapping[str, int]
    """How many there are of workflows that were not named, by their names."""


def check(*workflows: Task[..., Any], store: str | Store | None = None) -> Checked:
    """Replay every run in flight of these workflows against the code as it is now.

    Nothing is written, and no step is executed: each replay ends where the record of its run ends. The code of the
    workflows themselves is executed, as it is at every replay. Raises `OptionError` for what is no workflow, and
    `TimeoutError` where the code of one goes on for a minute without coming to the end of its record.
    """
    from woflo.durable.dry import DryEngine, dry_replays

    known = {task.name: task for task in workflows}
    for task in workflows:
        if not is_workflow(task):
            raise OptionError(f"check was given {task!r}, which is no workflow")
    where = current_store() if store is None else opened(store)
    engine = DryEngine(where)
    misfits: list[Misfit] = []
    unknown: Counter[str] = Counter()
    fitting = 0
    for rows in _batches(_begun(where)):
        unknown.update(row.task for row in rows if row.task not in known and _has_records(where, row))
        runs = [(row, known[row.task]) for row in rows if row.task in known]
        found = dry_replays(engine, runs)
        fitting += found.count(None)
        misfits += [
            Misfit(row.id, row.task, str(problem))
            for (row, _), problem in zip(runs, found, strict=True)
            if problem is not None
        ]
    return Checked(fitting, tuple(misfits), dict(unknown))


def _has_records(store: Store, row: Row) -> bool:
    """True for what is a workflow, whether its code is known or not.

    A call from a queue has no records, and those of a job have the names of its steps where a workflow has branches.
    """
    return any(
        step.position is not None and step.queue is None and _BRANCH.fullmatch(step.scope)
        for step in store.steps(row.id)
    )


_BRANCH = re.compile(r"~?[\d.]*")


def _begun(store: Store) -> Iterator[Row]:
    """The runs that have begun and not ended, those below them included."""
    states = [state for state in RunState if state not in TERMINAL]
    after = ""
    while rows := store.select(states=states, after=after, limit=PAGE):
        after = rows[-1].id
        for row in rows:
            yield from _with_those_below(store, row)


def _with_those_below(store: Store, row: Row) -> Iterator[Row]:
    if row.fence == 0 and row.continues is None:
        return  # nobody has begun it, so it has no records
    yield row
    for child in store.steps(row.id):
        if child.queue is not None and not child.is_terminal:
            yield from _with_those_below(store, child)


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    yield batch
