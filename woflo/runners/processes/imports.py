"""Imports that other threads of the caller were in the midst of at a fork: in the child nobody will end them.

Whoever imports such a module there would wait for ever for its lock. So the locks are dropped, and the halves of
modules as well, so that the child imports them anew. A module whose code is calling woflo stays as far as it is: the
call was made at its import, and would be made once more by importing it again.

Python has no public way to all that; where its names are others, everything is left as it is.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from importlib import _bootstrap
from types import FrameType
from typing import Any

__all__ = ["MODULE_LOCKS", "callers_of", "drop_imports", "passing_by"]

MODULE_LOCKS: dict[str, Any] = getattr(_bootstrap, "_module_locks", {})
"""By name, references to the locks of modules that are being imported; empty at most times."""


def callers_of(locks: Iterable[str]) -> Collection[str]:
    """The modules among these whose code, in whatever thread, is calling woflo. In the caller, before the fork."""
    names = set(locks)
    return {name for frame in sys._current_frames().values() for name in _importers(frame) if name in names}


def _importers(frame: FrameType | None) -> Iterable[str]:
    """The modules that are being imported by a thread, as far as functions of woflo are called by them."""
    calls = False
    while frame is not None:
        name = frame.f_globals.get("__name__") or ""
        if frame.f_code.co_name != "<module>":
            calls = calls or name.startswith("woflo.")
        elif calls:
            yield name
        frame = frame.f_back


@contextmanager
def passing_by(names: Collection[str]) -> Iterator[None]:
    """Take these modules as far as they are. In the caller, where their imports wait for what this thread does."""
    locks = {name: MODULE_LOCKS.pop(name) for name in names if name in MODULE_LOCKS}
    try:
        yield
    finally:
        MODULE_LOCKS.update(locks)


def drop_imports(kept: Collection[str]) -> None:
    """In the child: forget the imports of others. The modules in `kept` stay, without their locks."""
    own = get_ident()
    for name, reference in list(MODULE_LOCKS.items()):
        lock = reference()
        if lock is not None and lock.owner == own:
            continue
        MODULE_LOCKS.pop(name, None)
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if name not in kept and getattr(spec, "_initializing", False):
            del sys.modules[name]
    blocking = getattr(_bootstrap, "_blocking_on", None)
    if blocking is not None:
        blocking.clear()
