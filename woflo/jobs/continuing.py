"""`-r`: the latest run of a job that did not succeed goes on, with what is recorded of the steps that are unchanged.

the run before ──► of the same name, and of the same file: what another job has recorded is no concern of this one
               ──► nobody executes it any more: it ends as STOPPED, where it has not ended
               ──► a run in its place, with copies of the records whose steps have the same definition
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from woflo.durable.choice import current_store, is_store_there
from woflo.durable.successors import next_run, with_tags
from woflo.errors import RunUnderWayError
from woflo.jobs.variables import Recorded
from woflo.kernel import clock
from woflo.kernel.digest import digest
from woflo.kernel.state import SUCCESSES, RunState
from woflo.stores.operations import Continue, RequestStop, goes_on_as
from woflo.stores.rows import Row, place_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from woflo.durable.engine import Engine
    from woflo.jobs.plan import Plan
    from woflo.stores.contract import Store

__all__ = [
    "Before",
    "Sought",
    "before",
    "continued",
    "digests_of",
    "file_of_latest",
    "of_another_file",
    "recorded_of_latest",
    "unfinished",
]


PAGE = 100
"""How many runs are looked at to find one of a job."""


class Sought(NamedTuple):
    """Whose runs are looked for."""

    name: str
    file: Path
    """Two jobs may have the same name, above all where that is the one of their files."""

    def fits(self, store: Store, row: Row) -> bool:
        """True for a run of this job."""
        there = _file_of(store, row)
        return there is not None and (there == str(self.file) or os.path.realpath(there) == os.path.realpath(self.file))


def _file_of(store: Store, row: Row) -> str | None:
    """The job file; None for a run of something else with that name."""
    given = json.loads(store.whole(row.args or "{}"))
    there = given.get("job_file") if isinstance(given, dict) else None
    return there if isinstance(there, str) else None


def of_another_file(store: Store, job: Sought, chosen: Collection[str]) -> tuple[Row, str] | None:
    """The run that would be gone on from if the name alone counted, and its file.

    None where this file has runs of its own, for then it has not been moved.
    """
    others: dict[str, None] = {}
    for row in store.select(tasks=[job.name], newest_first=True, limit=PAGE):
        if job.fits(store, row):
            return None
        others |= {} if (file := _file_of(store, row)) is None else {file: None}
    for file in others:
        if (found := _latest(store, Sought(job.name, Path(file)), chosen)) is not None:
            return found, file
    return None


def _found(job: Sought, chosen: Collection[str]) -> tuple[Store, Row] | None:
    """The run that `unfinished` would find, and where."""
    if not is_store_there():
        return None
    store = current_store()
    latest = _latest(store, job, chosen)
    return None if latest is None else (store, latest)


def recorded_of_latest(job: Sought, chosen: Collection[str]) -> Recorded | None:
    """The variables of the run that `unfinished` would find, to which nothing happens; None where there is none."""
    found = _found(job, chosen)
    if found is None:
        return None
    store, latest = found
    return Recorded(latest.id, json.loads(store.whole(latest.args)).get("variables", {}))


def unfinished(engine: Engine, job: Sought, chosen: Collection[str]) -> tuple[Row, list[Row]] | None:
    """The latest run of a job, where it has not succeeded, and what is recorded of its steps.

    A run of a part of the steps hides no earlier one that did not succeed, also where its process died: then it ends.
    Where it went on from that, and left out some that are `chosen` now, it is the one.

    Raises `RunUnderWayError` where that run, or one of a part, is being executed.
    """
    latest = _latest(engine.store, job, chosen)
    if latest is None:
        return None
    for row in _cut_off(engine.store, job):
        if row.id != latest.id and _left_out_of(engine.store, row):
            _ended(engine, _left(engine, row))
    if latest.is_terminal:
        return latest, engine.store.steps(latest.id)
    left = _left(engine, latest)
    records = engine.store.steps(left.id)  # before the stop, which ends those that wait for a decision
    return _ended(engine, left), records


def _cut_off(store: Store, job: Sought) -> list[Row]:
    """Runs that are being executed, or were when their process died."""
    states = [RunState.RUNNING, RunState.PENDING]
    found = store.select(tasks=[job.name], states=states, newest_first=True, limit=PAGE)
    return [row for row in found if job.fits(store, row)]


def _ended(engine: Engine, left: Row) -> Row:
    """The run, which nobody executes any more, when it has ended because of that."""
    engine.store.write(RequestStop(now=clock.now(), run_id=left.id))
    return engine.store.get(left.id) or left


def _latest(store: Store, job: Sought, chosen: Collection[str]) -> Row | None:
    """The run to go on from."""
    of_a_part: Row | None = None
    seen: set[str] = set()
    for newest in _newest(store, job):
        found = _last_in_place_of(store, newest)
        if found is None or found.id in seen:
            continue
        seen.add(found.id)
        left_out = _left_out_of(store, found)
        is_done = found.state in SUCCESSES
        if found.state is RunState.WAITING or not left_out:
            return of_a_part if is_done else found
        if found.continues is not None and (not is_done or _lacks(store, found, left_out.intersection(chosen))):
            return found
        if found.continues is not None:
            return of_a_part
        of_a_part = of_a_part or (None if is_done else found)
    return of_a_part


def _newest(store: Store, job: Sought) -> Iterator[Row]:
    """The runs of a job, the newest first; mostly no more than that one is asked for."""
    found = store.select(tasks=[job.name], newest_first=True, limit=1)
    while found:
        yield from (row for row in found if job.fits(store, row))
        found = store.select(tasks=[job.name], newest_first=True, after=found[-1].id, limit=PAGE)


def _last_in_place_of(store: Store, row: Row) -> Row | None:
    found: Row | None = row
    while found is not None and (later := goes_on_as(found)) is not None:
        found = store.get(later)
    return found


def _left_out_of(store: Store, row: Row) -> set[str]:
    """The steps that it was not to call."""
    given = json.loads(store.whole(row.args or "{}"))
    return set(given.get("left_out", ()))


def _lacks(store: Store, row: Row, steps: set[str]) -> bool:
    return not steps <= _recorded_in(store, row).keys()


def _recorded_in(store: Store, row: Row) -> dict[str, str | None]:
    """The steps that ended well, with their digests."""
    return {
        one.scope.removeprefix("~"): one.digest
        for one in store.steps(row.id)
        if one.state in SUCCESSES and one.position == 0
    }


class Before(NamedTuple):
    """The run from which another one would go on, and what it leaves to that."""

    run_id: str
    kept: frozenset[str]
    """The steps that are not executed again."""
    states: dict[str, RunState]
    """How each of its steps stands."""

    def why(self, name: str, digests: Mapping[str, str]) -> str:
        """Why this step is executed anew."""
        state = self.states.get(name)
        if state in SUCCESSES:
            told = "its definition, or that of a step that it needs, is another one than in"
            return f"{told} {self.run_id}" if name in digests else "it is forced, or a step that it needs is"
        return f"it is {state} in {self.run_id}" if state is not None else f"it was not executed in {self.run_id}"


def before(job: Sought, digests: Mapping[str, str], chosen: Collection[str]) -> Before | None:
    """The run that `unfinished` would find, to which nothing happens; None where there is none."""
    found = _found(job, chosen)
    if found is None:
        return None
    store, latest = found
    kept = {name for name, told in _recorded_in(store, latest).items() if digests.get(name) == told}
    states = {row.scope.removeprefix("~"): row.state for row in store.steps(latest.id) if row.position == 0}
    return Before(latest.id, frozenset(kept), states)


def digests_of(plan: Plan) -> dict[str, str]:
    """Those of the steps whose records count, by their names: of what is forced, and of what needs it, none does."""
    from woflo.scripts.freshness import is_forced

    forced = {name for name in plan.steps if is_forced(name)}
    anew = forced.union(*(plan.depending_on(name) for name in forced))
    return {name: step.digest for name, step in plan.steps.items() if name not in anew}


def file_of_latest() -> str | None:
    """The job file of the latest run of any job in the store; None where there is none."""
    if not is_store_there():
        return None
    for row in current_store().select(newest_first=True, limit=PAGE):
        given = json.loads(row.args) if row.args.startswith('{"job_file":') else {}
        if given:
            return str(given["job_file"])
    return None


def _left(engine: Engine, row: Row) -> Row:
    """The run, which nobody executes any more."""
    engine.membership.take_over(again=True)
    row = engine.store.get(row.id) or row
    if row.state is RunState.RUNNING and row.worker is not None:
        raise RunUnderWayError(
            f"{row.task} ({row.id}) is being executed by the process {row.worker}; wait for it, or stop it first"
        )
    return row


def continued(store: Store, ended: Row, records: Iterable[Row], digests: Mapping[str, str], args: str) -> Row:
    """The run that goes on from one that has ended, with those of its records whose steps have these digests.

    Raises `RunContinuedError` where another one does already.
    """
    row = next_run(ended, args).changed(digest=digest(args))
    kept: dict[tuple[str, int | None], Row] = {}
    for record in sorted(records, key=lambda one: not one.scope.startswith("~")):
        scope = record.scope.removeprefix("~")
        if (record.state in SUCCESSES or _may_have_happened(record)) and digests.get(scope) == record.digest:
            kept[scope, record.position] = record
    copies = tuple(_copy(record, row, scope) for (scope, _), record in kept.items())
    return store.write(with_tags(Continue(now=clock.now(), row=row, steps=copies), store.tags(ended.id)))


def _may_have_happened(record: Row) -> bool:
    """True for a step with an `on_crash` of its own that was cut off: what is done about it is decided anew."""
    return not record.is_terminal and record.queue is None


def _copy(record: Row, row: Row, scope: str) -> Row:
    assert record.position is not None
    place = {"id": place_id(row.id, scope, record.position), "parent_id": row.id, "scope": scope}
    return record.changed(**place, queue=None, key=None, continues=record.id)
