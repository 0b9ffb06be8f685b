"""Which store is used.

The first of: the one named in code, the URL in `WOFLO_STORE`, `url` in the table `[store]` of `woflo.toml`, the SQLite
file `.woflo/woflo.db` beside that `woflo.toml`, and where there is none, in the current folder.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote
from weakref import WeakKeyDictionary

from woflo.errors import SettingsError
from woflo.stores.contract import Store

__all__ = [
    "chosen_url",
    "current_store",
    "is_store_there",
    "making_none",
    "opened",
    "opened_for",
    "told_store",
    "use_store",
]

_BEGIN, _DEFAULT = "sqlite:///", ".woflo/woflo.db"
DEFAULT = f"{_BEGIN}{_DEFAULT}"
_RELATIVE = ("sqlite:///", "dir:")
"""How URLs begin that name a path; without a further slash it is relative, and in a file meant from its folder."""
_lock = threading.Lock()
_chosen: Store | None = None
_urls: WeakKeyDictionary[Store, str] = WeakKeyDictionary()
"""By which stores were opened here."""


def use_store(store: str | Store | None) -> Store | None:
    """Keep the runs of this process in `store`, by its URL or the object; None goes back to the default.

    Returns the one that was used until now, where one was named in code.
    """
    global _chosen
    with _lock:
        before, _chosen = _chosen, None if store is None else opened(store)
    return before


def is_store_there() -> bool:
    """False where `current_store` would make one. Nothing is opened."""
    from woflo.stores.opening import is_there

    return _chosen is not None or is_there(chosen_url())


@contextmanager
def making_none() -> Iterator[None]:
    """Within this, where there is no store yet, what asks for one gets an empty one, of which nothing is left.

    One that cannot be written is read.
    """
    from woflo.stores.opening import is_protected, is_there, open_as_it_is

    url = "" if _chosen is not None else chosen_url()
    if not url or (is_there(url) and not is_protected(url)):
        yield
        return
    with closing(open_as_it_is(url if is_there(url) else "memory:")) as kept:
        before = use_store(kept)
        try:
            yield
        finally:
            use_store(before)


def current_store() -> Store:
    """The store of this process, opened on first use."""
    global _chosen
    if _chosen is None:
        with _lock:
            if _chosen is None:
                _chosen = opened(chosen_url())
    return _chosen


def chosen_url() -> str:
    """The URL of the store of this process, where none is named in code.

    Raises `SettingsError` where `woflo.toml` cannot be read, or its `url` is no text.
    """
    return os.environ.get("WOFLO_STORE") or _url_by_file() or DEFAULT


def _url_by_file() -> str | None:
    from woflo.durable import project

    path = project.find(project.FILE)
    table = project.table_of(path, "store")
    url = table.get("url")
    if path is None:
        return None
    for name in table.keys() - {"url"}:
        raise SettingsError(f"{path}: [store] has {name!r}, which is not known here; it has `url` alone")
    if url is None:
        return None if path.parent == Path.cwd() else f"{_BEGIN}{quote(str(path.parent))}/{_DEFAULT}"
    if not isinstance(url, str):
        raise SettingsError(f"{path}: [store] url must be the URL of a store as text, and is {url!r}")
    if ":" not in url:
        raise SettingsError(f"{path}: [store] url: {url!r} is no URL of a store; write one as sqlite:///{url}")
    for begin in _RELATIVE:
        if url.startswith(begin) and not url.startswith(f"{begin}/"):
            return f"{begin}{quote(str(path.parent))}/{url.removeprefix(begin)}"
    return url


def opened(store: str | Store) -> Store:
    """The store of this URL, or `store` itself where it is one."""
    if not isinstance(store, str):
        return store
    from woflo.stores.opening import open_store

    made = open_store(store)
    _urls[made] = store
    return made


def told_store() -> str:
    """The URL of the store of this process, as people are told it: from everywhere, and without a password."""
    from woflo.kernel.masking import mask

    url = chosen_url() if _chosen is None else _urls.get(_chosen, type(_chosen).__name__)
    for begin in _RELATIVE:
        if url.startswith(begin) and not url.startswith(f"{begin}/"):
            url = f"{begin}{os.path.abspath(url.removeprefix(begin))}"
    return str(mask("", url))


@contextmanager
def opened_for(store: str | Store | None) -> Iterator[Store]:
    """The store of this URL, closed at the end; or `store` itself; or that of this process."""
    if not isinstance(store, str):
        yield current_store() if store is None else store
        return
    with closing(opened(store)) as made:
        yield made
