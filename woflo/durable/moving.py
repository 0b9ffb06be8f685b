"""`move`: a run, and all that belongs to it, from one store to another, of whatever kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from woflo.durable.choice import opened_for
from woflo.errors import KeyConflictError, OptionError, TaskStoppedError
from woflo.kernel import clock
from woflo.kernel.masking import mask
from woflo.stores.failures import dump_error
from woflo.stores.moving import BEFORE, as_before
from woflo.stores.operations import Adopt, Prune, SetAside
from woflo.stores.refusals import unknown_run
from woflo.stores.rows import Tag

if TYPE_CHECKING:
    from woflo.stores.contract import Store
    from woflo.stores.rows import Row, Signal

__all__ = ["move"]


def move(run_id: str, *, to: str | Store, store: str | Store | None = None) -> None:
    """Move a run with all below it, its signals, tags and published values; a parked workflow goes on there.

    First nothing of it goes on in `store` (that of this process by default), then all of it is kept in the store `to`
    by one write, then it is taken away here. Whoever was cut off between calls `move` again with the same stores: until
    then it is executable in one of them at most.

    Raises `UnknownRunError`; `RunUnderWayError` where a worker has the run, or something below it; `KeyConflictError`
    where another run has its key there, and then it stays as it was; `StoreError` for a run that another one called.
    """
    with opened_for(store) as source, opened_for(to) as target:
        _move(run_id, source, target)


def _move(run_id: str, source: Store, target: Store) -> None:
    place = _told(target)
    if source is target or _told(source) == place:
        raise OptionError(f"move({run_id!r}, to={place}): it is in that store")
    error = dump_error(TaskStoppedError(f"the run {run_id} was moved to {place}"))
    source.write(SetAside(now=clock.now(), run_id=run_id, to=place, error=error))
    bundle = _bundle(source, run_id)
    try:
        target.write(bundle)
    except KeyConflictError:
        source.write(bundle)  # nothing of it is there, and here it goes on
        raise
    source.write(Prune(now=clock.now(), ids=(run_id,)))


def _told(store: Store) -> str:
    """Which store it is, without a password."""
    return str(
        mask("store", str(getattr(store, "where", None) or getattr(store, "path", None) or f"memory {id(store)}"))
    )


def _bundle(source: Store, run_id: str) -> Adopt:
    """All that belongs to a run, as it was before it was set aside."""
    row = source.get(run_id)
    if row is None:
        raise unknown_run(run_id)
    rows = as_before(_tree(source, row), source.published(run_id).get(BEFORE))
    published = [(one.id, name, value) for one in rows for name, value in source.published(one.id).items()]
    return Adopt(
        now=clock.now(),
        runs=tuple(map(source.whole_row, rows)),
        signals=tuple(_whole(source, signal) for one in rows for signal in source.signals(one.id)),
        published=tuple((run, name, source.whole(value)) for run, name, value in published if name != BEFORE),
        tags=tuple(Tag(one.id, name, value) for one in rows for name, value in source.tags(one.id).items()),
    )


def _whole(source: Store, signal: Signal) -> Signal:
    return replace(signal, value=source.whole(signal.value))


def _tree(source: Store, row: Row) -> list[Row]:
    return [row, *(below for step in source.steps(row.id) for below in _tree(source, step))]
