"""Large values: kept beside what names them, and swept away, in named statements."""

from __future__ import annotations

from itertools import islice
from typing import TypeVar

from woflo.stores.blobs import REST, Blob, chunks
from woflo.stores.operations import Operation, Sweep
from woflo.stores.sql.asking import Doing, asked

__all__ = ["sweep", "swept", "with_blobs"]

T = TypeVar("T")
AT_ONCE = 8
"""Parts of a value on their way to the database."""


def with_blobs(op: Operation[T], doing: Doing[T]) -> Doing[T]:
    """An operation, and before it the large values that it names."""
    for blob in op.blobs:
        yield from _keep_blob(blob, op.now)
    return (yield from doing)


def _keep_blob(blob: Blob, now: float) -> Doing[None]:
    values = {"name": blob.name, "now": now}
    (added,) = yield [("add_blob", values)]
    while not added.changed:
        (touched,) = yield [("touch_blob", values)]
        if touched.changed:
            return
        (added,) = yield [("add_blob", values)]  # another process has swept it away meanwhile
    parts = chunks(blob.text)
    while some := list(islice(parts, AT_ONCE)):
        yield [("add_chunk", {"name": blob.name, "number": number, "text": text}) for number, text in some]


def sweep(op: Sweep) -> Doing[int]:
    """See `Sweep`."""
    return (yield from swept(op.now))


def swept(now: float) -> Doing[int]:
    """How many large values were removed. For all that takes runs away."""
    old = yield from asked("old_blobs", {"before": now - REST})
    if not old:
        return 0
    gone = yield from asked("sweep_blobs", {"before": now - REST})
    if gone:
        yield [("sweep_chunks", {})]
    return len(gone)
