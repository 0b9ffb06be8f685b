"""`-r`: the latest run of a job that did not succeed goes on, with what is recorded of the steps that are unchanged.

the run before ──► nobody executes it any more: it ends as STOPPED, where it has not ended
               ──► a run in its place, with copies of the records whose steps have the same definition
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from woflo.durable.choice import chosen_url, current_store
from woflo.durable.successors import next_run
from woflo.errors import RunUnderWayError
from woflo.kernel import clock
from woflo.kernel.digest import digest
from woflo.kernel.state import SUCCESSES, RunState
from woflo.stores.opening import is_there
from woflo.stores.operations import Continue, RequestStop, goes_on_as
from woflo.stores.rows import Row, place_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from woflo.durable.engine import Engine
    from woflo.stores.contract import Store

__all__ = ["continued", "file_of_latest", "recorded", "unfinished"]


PAGE = 100
"""How many runs are looked at to find one of a job."""


def unfinished(engine: Engine, job: str) -> tuple[Row, list[Row]] | None:
    """The latest run of a job, where it has not succeeded, and what is recorded of its steps.

    Raises `RunUnderWayError` where it is being executed.
    """
    latest = _latest(engine.store, job)
    if latest is None or latest.state in SUCCESSES:
        return None
    if latest.is_terminal:
        return latest, engine.store.steps(latest.id)
    left = _left(engine, latest)
    records = engine.store.steps(left.id)  # before the stop, which ends those that wait for a decision
    engine.store.write(RequestStop(now=clock.now(), run_id=left.id))
    return engine.store.get(left.id) or left, records


def _latest(store: Store, job: str) -> Row | None:
    newest = store.select(tasks=[job], newest_first=True, limit=1)
    found = newest[0] if newest else None
    while found is not None and (later := goes_on_as(found)) is not None:
        found = store.get(later)
    return found


def recorded(job: str, digests: Mapping[str, str]) -> set[str]:
    """The steps whose records the latest run would leave to one that goes on from it."""
    if not is_there(chosen_url()):
        return set()
    store = current_store()
    latest = _latest(store, job)
    if latest is None or latest.state in SUCCESSES:
        return set()
    scopes = {
        one.scope.removeprefix("~"): one.digest
        for one in store.steps(latest.id)
        if one.state in SUCCESSES and one.position == 0
    }
    return {name for name, told in scopes.items() if digests.get(name) == told}


def file_of_latest() -> str | None:
    """The job file of the latest run of any job in the store; None where there is none."""
    url = chosen_url()
    if not is_there(url):
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


def continued(store: Store, before: Row, records: Iterable[Row], digests: Mapping[str, str], args: str) -> Row:
    """The run that goes on from one that has ended, with those of its records whose steps have these digests.

    Raises `RunContinuedError` where another one does already.
    """
    row = next_run(before, args).changed(digest=digest(args))
    kept: dict[tuple[str, int | None], Row] = {}
    for record in sorted(records, key=lambda one: not one.scope.startswith("~")):
        scope = record.scope.removeprefix("~")
        if (record.state in SUCCESSES or _may_have_happened(record)) and digests.get(scope) == record.digest:
            kept[scope, record.position] = record
    copies = tuple(_copy(record, row, scope) for (scope, _), record in kept.items())
    return store.write(Continue(now=clock.now(), row=row, steps=copies))


def _may_have_happened(record: Row) -> bool:
    """True for a step with an `on_crash` of its own that was cut off: what is done about it is decided anew."""
    return not record.is_terminal and record.queue is None


def _copy(record: Row, row: Row, scope: str) -> Row:
    assert record.position is not None
    place = {"id": place_id(row.id, scope, record.position), "parent_id": row.id, "scope": scope}
    return record.changed(**place, queue=None, key=None, continues=record.id)
