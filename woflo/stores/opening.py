"""Stores by their URL."""

from __future__ import annotations

from woflo.errors import UnknownNameError
from woflo.stores.contract import Store

__all__ = ["open_store"]


def open_store(url: str) -> Store:
    """The store at `url`. Raises `UnknownNameError` for a kind that is not known."""
    if url == "memory:":
        from woflo.stores.memory import MemoryStore

        return MemoryStore()
    raise UnknownNameError(f"there is no store for the URL {url!r}; known: memory:")
