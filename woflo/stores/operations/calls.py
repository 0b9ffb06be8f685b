"""Calls and claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from woflo.stores.operations.operation import Operation
from woflo.stores.rows import Row, Tag

__all__ = ["Accepted", "ClaimReady", "Submit"]


class Accepted(NamedTuple):
    """What became of a run that was submitted: the row as it stands, and whether this made it."""

    row: Row
    is_new: bool


@dataclass(slots=True, kw_only=True)
class Submit(Operation[list[Accepted]]):
    """Keep new runs, all or none.

    A run whose id, or whose task and key, are there already is attached to that one, in whatever state it is.
    A row that names a worker is claimed by it at once. Refused with `KeyConflictError` where the task or the
    arguments of the one that is there differ. Where one run has the id and another the key, the id decides.
    """

    runs: tuple[Row, ...]
    tags: tuple[Tag, ...] = ()
    """Of these runs; those of a run that was there already are not kept."""


@dataclass(slots=True, kw_only=True)
class ClaimReady(Operation[list[Row]]):
    """Take up to `limit` ready runs, of these tasks and queues, highest priority first, then oldest.

    Each becomes RUNNING with a fence higher than any before; no other claim gets it until it is given back or
    its worker is lost. With `ids`, only runs among these are taken, whatever their queue. A worker beats before it
    claims: `Recover` frees what one has that is not known.

    What is set for a queue holds exactly, however many claim at once: nothing is taken from one that is paused, and no
    more than its limits and its rate allow. A run for whose key there is no place is passed over. Every run of the
    queue that a worker has counts as under way, and every claim as a start. With `ids`, what is set is not asked.
    """

    worker: str
    limit: int
    tasks: tuple[str, ...]
    queues: tuple[str, ...] = ()
    ids: tuple[str, ...] | None = None

    def is_news(self, result: list[Row]) -> bool:
        """Nobody waits for a beginning. To tell all would keep the claimer from it, and wake who waits for the end."""
        return False
