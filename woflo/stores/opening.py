"""Opening a store by its URL."""

from __future__ import annotations

import os
from urllib.parse import unquote

from woflo.errors import StoreError
from woflo.kernel import hiding
from woflo.kernel.registry import STORES, load_store
from woflo.stores.contract import Store

__all__ = ["is_protected", "is_there", "open_as_it_is", "open_store"]


def is_there(url: str) -> bool:
    """False where the URL names a file or a folder that is not there, and that `open_store` would make."""
    scheme, _, rest = url.partition(":")
    path = unquote(rest.removeprefix("//").removeprefix("/") if scheme == "sqlite" else rest.removeprefix("//"))
    return scheme not in ("sqlite", "dir") or os.path.exists(path)


def open_store(url: str) -> Store:
    """The store that `url` names.

    `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://user:password@host/database`,
    `dir:///absolute/folder`, or `memory:`. Stores of others are found by the scheme under which their distributions
    bring them (entry points of the group `woflo.stores`). Raises `UnknownNameError` for a scheme that nobody brings,
    and `StoreError` for what is no URL, or where the store cannot be opened.
    """
    hiding.know_url(url)
    scheme, colon, _ = url.partition(":")
    if not colon:
        raise StoreError(f"{url!r} is no URL of a store; write one as sqlite:///{url} (known: {', '.join(STORES)})")
    store: Store = load_store(scheme).from_url(url)
    return store


def open_as_it_is(url: str) -> Store:
    """The same; a file that cannot be written is opened so that it can be read. Raises `StoreError`."""
    try:
        return open_store(url)
    except StoreError:
        if not is_protected(url):
            raise
        from woflo.stores.sqlite.looking import LookedAtSQLiteStore

        return LookedAtSQLiteStore(url)


def is_protected(url: str) -> bool:
    """True where the URL names an SQLite file that is there, and that this user, or anybody, cannot write."""
    if not url.startswith("sqlite:///"):
        return False
    path = os.path.realpath(unquote(url.removeprefix("sqlite:///")))
    return os.path.exists(path) and not all(os.access(one, os.W_OK) for one in (path, os.path.dirname(path)))
