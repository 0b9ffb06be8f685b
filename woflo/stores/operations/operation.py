"""What all writes are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from woflo.stores.blobs import Blob

__all__ = ["Operation"]

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Operation(Generic[T]):
    """A write. `T` is what it returns.

    Never changed, and yet not frozen: each step makes one, and making a frozen one takes three times as long.
    """

    now: float
    blobs: tuple[Blob, ...] = ()
    """Large values that it names: kept together with it. Put there by the store, not by callers."""

    def is_news(self, result: T) -> bool:
        """True where others may have waited for what it changed; who only looks and finds nothing tells nobody.

        Telling costs as much as a commit where many hear of it: each of them looks at the store.
        """
        return True
