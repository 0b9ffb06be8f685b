"""The files of a project that woflo reads: `woflo.toml` and `.env`.

Each is looked for in the current folder and its parents, up to the one that has a `pyproject.toml` or a `.git`; where
none has, up to the nearest `woflo.toml`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from woflo.errors import SettingsError
from woflo.kernel.texts import did_you_mean
from woflo.scripts.places import folders

__all__ = ["FILE", "TABLES", "find", "table_of"]

FILE = "woflo.toml"
TABLES = ("logs", "observers", "retention", "settings", "store")
_OF_OTHERS = "tool"
"""The table in which other programs may have theirs, as in `pyproject.toml`."""


def find(name: str) -> Path | None:
    """The nearest file of this name."""
    return next((path for folder in folders() if (path := Path(folder, name)).is_file()), None)


def table_of(path: Path | None, *names: str) -> dict[str, Any]:
    """The table `[a.b]` of a TOML file for the names a and b; empty where it, or the file, is not there.

    Raises `SettingsError` where the file cannot be read, has something else under that name, or anything that nobody
    would read.
    """
    found: Any = {} if path is None else _parsed(path)
    for name in names:
        found = found.get(name, {})
        if not isinstance(found, dict):
            raise SettingsError(f"{path}: {name!r} must be a table, [{'.'.join(names)}], and is {found!r}")
    return dict(found)


def _parsed(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    for name in found:
        if name not in (*TABLES, _OF_OTHERS):
            hint = did_you_mean(name, TABLES) or f" (known: {', '.join(TABLES)}; {_OF_OTHERS} is for others)"
            raise SettingsError(f"{path}: {name!r} is not known here{hint}")
    return found
