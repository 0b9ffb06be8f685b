"""Taking runs away, and what nothing names any more; moving runs to another store."""

from __future__ import annotations

from dataclasses import dataclass

from woflo.stores.operations.operation import Operation
from woflo.stores.rows import Row, Signal, Tag

__all__ = ["Adopt", "Prune", "SetAside", "Sweep"]


@dataclass(slots=True, kw_only=True)
class Prune(Operation[list[str]]):
    """Take runs away that have ended, each with all below it, its signals, tags and what it published.

    Their keys are free by that. Left as they are: what is not there, what has not ended, what ended at `before` or
    later, a run that another one called (it goes with that one), and one below which something may still execute.
    Returns the ids of those that are gone, in the order of `ids`.
    """

    ids: tuple[str, ...]
    before: float | None = None

    def is_news(self, result: list[str]) -> bool:
        return bool(result)


@dataclass(slots=True, kw_only=True)
class SetAside(Operation[None]):
    """Let nothing of a run, and of all below it, go on here, because it is on its way to another store.

    What had not ended is STOPPED, with the reason "moved to TO" and the `error`; how it was is kept beside it, and
    `Adopt` brings it back. Without effect where all has ended. Doing it again for the same `to` changes nothing.
    Refused with `UnknownRunError`, with `RunUnderWayError` where a worker has any of it, and with `StoreError` for a
    run that another one called, and for one that is on its way to another `to`.
    """

    run_id: str
    to: str
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Adopt(Operation[bool]):
    """Take over what another store had of a run: it goes on here as it stood there.

    The first of `runs` is the one that is moved, the others are below it. Where it was set aside here, it is put back.
    Returns False, and keeps nothing, where it is here already. Refused with `KeyConflictError` where another run has an
    id or a key of them.
    """

    runs: tuple[Row, ...]
    signals: tuple[Signal, ...] = ()
    published: tuple[tuple[str, str, str], ...] = ()
    """Of which run, under which name, what value."""
    tags: tuple[Tag, ...] = ()


@dataclass(slots=True, kw_only=True)
class Sweep(Operation[int]):
    """Remove large values that nothing names any more, and that were kept last more than `REST` seconds before `now`.

    Returns how many. What takes runs away (`Forget`) does the same where it took away the name of one.
    """

    def is_news(self, result: int) -> bool:
        return False
