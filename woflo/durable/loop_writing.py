"""Writes of code on an event loop, which goes on meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
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
            self._loop.call_soon(self.flush)
        self._queue.append((operation, told))

    def flush(self) -> None:
        """What others write from now on comes after what was put in. To be called on the loop."""
        queue, self._queue = self._queue, []
        if not queue:
            return

        def done(results: list[Any]) -> None:
            try:
                self._loop.call_soon_threadsafe(_answer, queue, results)
            except RuntimeError:  # the loop is closed: what goes on without it is told here
                _answer_anyway(queue, results)

        self._store.submit([operation for operation, _ in queue], done)


_Queue = Iterable[tuple[Any, Callable[[Any], object]]]


def _answer(queue: _Queue, results: list[Any]) -> None:
    for (_, told), result in zip(queue, results, strict=True):
        told(result)


def _answer_anyway(queue: _Queue, results: list[Any]) -> None:
    for (_, told), result in zip(queue, results, strict=True):
        with suppress(RuntimeError):
            told(result)
