"""Which store is used: the one named in code, else by `WOFLO_STORE`, else the SQLite file beside the code."""

from __future__ import annotations

import os
import threading
from typing import Any

from woflo.stores.contract import Store

__all__ = ["current_store", "use_store"]

DEFAULT = "sqlite:///.woflo/woflo.db"
_lock = threading.Lock()
_chosen: Store | None = None


def use_store(store: str | Store | None) -> Store | None:
    """Keep the runs of this process in `store`, by its URL or the object; None goes back to the default.

    Returns the one that was used until now, where one was named in code.
    """
    global _chosen
    with _lock:
        before, _chosen = _chosen, _opened(store) if isinstance(store, str) else store
    return before


def current_store() -> Store:
    """The store of this process, opened on first use."""
    global _chosen
    if _chosen is None:
        with _lock:
            if _chosen is None:
                _chosen = _opened(os.environ.get("WOFLO_STORE") or DEFAULT)
    return _chosen


def _opened(url: str) -> Any:
    from woflo.stores.opening import open_store

    return open_store(url)
