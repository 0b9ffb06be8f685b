"""The files of a project that woflo reads: `woflo.toml` and `.env`.

Each is looked for in the current folder and its parents, up to the one that has a `pyproject.toml` or a `.git`. Where
none has, only in the current folder: those above may be anybody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from woflo.errors import SettingsError

__all__ = ["FILE", "find", "table_of"]

FILE = "woflo.toml"
_TOPS = ("pyproject.toml", ".git")


def find(name: str) -> Path | None:
    """The nearest file of this name."""
    return next((folder / name for folder in _folders() if (folder / name).is_file()), None)


def _folders() -> Iterator[Path]:
    here = Path.cwd()
    up = [here, *here.parents]
    tops = [number for number, folder in enumerate(up) if any((folder / name).exists() for name in _TOPS)]
    yield from up[: tops[0] + 1 if tops else 1]


def table_of(path: Path | None, *names: str) -> dict[str, Any]:
    """The table `[a.b]` of a TOML file for the names a and b; empty where it, or the file, is not there.

    Raises `SettingsError` where the file cannot be read, or has something else under that name.
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
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
