"""Writes of code on an event loop, which goes on meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from woflo.stores.contract import Store

__all__ = ["LoopWriter"]


class LoopWriter:
    """What one pass of an event loop writes goes into one commit, and the loop goes on meanwhile."""

    def __init__(self, store: Store, loop: Any) -> None:
        self._store = store
        self._loop = loop
        self._queue: list[tuple[Any, Callable[[Any], object]]] = []

    def put(self, operation: Any, told: Callable[[Any], object]) -> None:
        """Write it; `told(result)` is called on the loop, with an exception where it was refused."""
        if not self._queue:
            self._loop.call_soon(self._flush)
        self._queue.append((operation, told))

    def _flush(self) -> None:
        queue, self._queue = self._queue, []

        def done(results: list[Any]) -> None:
            self._loop.call_soon_threadsafe(_answer, queue, results)

        self._store.submit([operation for operation, _ in queue], done)


def _answer(queue: Iterable[tuple[Any, Callable[[Any], object]]], results: list[Any]) -> None:
    for (_, told), result in zip(queue, results, strict=True):
        told(result)
