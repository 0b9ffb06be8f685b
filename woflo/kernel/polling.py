"""Waiting for descriptors: epoll itself where there is one, and what `selectors` chooses elsewhere.

Python's selectors cost ten calls for each descriptor that comes and goes, and with a process for each call of a
task two come and go each time.
"""

from __future__ import annotations

import select
import selectors
from typing import Protocol

__all__ = ["READ", "WRITE", "Poller", "make_poller"]

READ, WRITE = 1, 4
"""As epoll's EPOLLIN and EPOLLOUT. epoll tells errors and hang-ups by further bits."""


class Poller(Protocol):
    """What the reactor needs. Descriptors are numbers; what is ready is told with its events."""

    def register(self, fd: int, events: int, /) -> object: ...
    def modify(self, fd: int, events: int, /) -> object: ...
    def unregister(self, fd: int, /) -> object: ...
    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]: ...
    def close(self) -> object: ...


class _Portable:
    """The same on every other system."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.close = self._selector.close

    def register(self, fd: int, events: int) -> None:
        self._selector.register(fd, _to_selectors(events))

    def modify(self, fd: int, events: int) -> None:
        self._selector.modify(fd, _to_selectors(events))

    def unregister(self, fd: int) -> None:
        self._selector.unregister(fd)

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        return [(key.fd, _from_selectors(events)) for key, events in self._selector.select(timeout)]


def _to_selectors(events: int) -> int:
    return (selectors.EVENT_READ if events & READ else 0) | (selectors.EVENT_WRITE if events & WRITE else 0)


def _from_selectors(events: int) -> int:
    return (READ if events & selectors.EVENT_READ else 0) | (WRITE if events & selectors.EVENT_WRITE else 0)


def make_poller() -> Poller:
    """One of this system's kind."""
    return select.epoll() if hasattr(select, "epoll") else _Portable()
