"""Workers that give signs of life, go or die."""

from __future__ import annotations

from dataclasses import dataclass

from woflo.stores.operations.operation import Operation
from woflo.stores.rows import Claim, WorkerRow

__all__ = ["Beat", "Leave", "Recover"]


@dataclass(slots=True, kw_only=True)
class Beat(Operation[None]):
    """A sign of life: the worker keeps its claims until its new `lease_until`.

    The first one (`is_first`) makes the worker known, to those as well who are to notice its death. Any other is
    refused with `LeaseLostError` where the worker is not known, because it left or was taken for dead: its claims are
    gone.
    """

    worker: WorkerRow
    is_first: bool = False

    def is_news(self, result: None) -> bool:
        return self.is_first


@dataclass(slots=True, kw_only=True)
class Leave(Operation[None]):
    """The worker is gone in order: what it still holds is given back, as by `Release`. Without effect if unknown."""

    worker: str


@dataclass(slots=True, kw_only=True)
class Recover(Operation[list[str]]):
    """Free the runs of workers whose lease ended before `now`, of those that are `dead`, and of those not known.

    They become PENDING again with the reason "worker lost"; at the third death that counts, WAITING with the reason
    "suspect". Where the worker has `told` what it had begun, its death counts only for claims among the `begun`.
    Of all others, such as those whose lease ended, nothing is known, and it counts for all that they held. Returns the
    ids, in their order.
    """

    dead: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    """Those of the dead that have left word of all that they had begun."""
    begun: tuple[Claim, ...] = ()
    """What they had begun; claims that they do not hold any more count for nothing."""

    def is_news(self, result: list[str]) -> bool:
        return bool(result)
