"""Which store is used: the one named in code, else by `WOFLO_STORE`, else the SQLite file beside the code."""

from __future__ import annotations

import os
import threading

from woflo.stores.contract import Store

__all__ = ["current_store", "opened", "use_store"]

DEFAULT = "sqlite:///.woflo/woflo.db"
_lock = threading.Lock()
_chosen: Store | None = None


def use_store(store: str | Store | None) -> Store | None:
    """Keep the runs of this process in `store`, by its URL or the object; None goes back to the default.

    Returns the one that was used until now, where one was named in code.
    """
    global _chosen
    with _lock:
        before, _chosen = _chosen, None if store is None else opened(store)
    return before


def current_store() -> Store:
    """The store of this process, opened on first use."""
    global _chosen
    if _chosen is None:
        with _lock:
            if _chosen is None:
                _chosen = opened(os.environ.get("WOFLO_STORE") or DEFAULT)
    return _chosen


def opened(store: str | Store) -> Store:
    """The store of this URL, or `store` itself where it is one."""
    if not isinstance(store, str):
        return store
    from woflo.stores.opening import open_store

    return open_store(store)
