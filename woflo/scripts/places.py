"""Where a project is, and what lies in it: nothing is moved or removed elsewhere.

`woflo.toml`, `pyproject.toml` and `.git` mark a project. They are looked for in the current folder and its parents, but
for those into which everybody may write, as `/tmp`: what stands there may be anybody's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import lru_cache

from woflo.errors import ArgumentError

__all__ = ["below", "check_written", "folder", "folders", "is_inside", "project"]

_OWN = ("woflo.toml",)
_OF_OTHERS = ("pyproject.toml", ".git")


def project() -> str:
    """The folder of the project: the nearest above the current one with a `woflo.toml`, `pyproject.toml` or `.git`.

    Where there is none, the current folder.
    """
    return _project_of(os.getcwd())


@lru_cache(maxsize=16)
def _project_of(here: str) -> str:
    return next((at for at in _up(here) if _has(at, _OWN + _OF_OTHERS)), here)


def folders() -> list[str]:
    """Where files of the project are looked for, the nearest first: up to the one with `pyproject.toml` or `.git`.

    Where there is none, up to the one with `woflo.toml`, else in the current folder alone.
    """
    up = list(_up(os.getcwd()))
    tops = [number for marks in (_OF_OTHERS, _OWN) for number, at in enumerate(up) if _has(at, marks)]
    return up[: tops[0] + 1 if tops else 1]


def _up(here: str) -> Iterator[str]:
    """A folder, and those above it that are not everybody's."""
    yield here
    at = here
    while (above := os.path.dirname(at)) != at:
        at = above
        if not _is_everybodys(at):
            yield at


def _is_everybodys(folder: str) -> bool:
    try:
        mode = os.stat(folder).st_mode
    except OSError:
        return True
    return bool(mode & stat.S_IWOTH and mode & stat.S_ISVTX)


def _has(folder: str, names: tuple[str, ...]) -> bool:
    return any(os.path.exists(os.path.join(folder, name)) for name in names)


def below(*names: str) -> str:
    """What lies in woflo's own folder in the project, and need not be there."""
    return "/".join((project(), ".woflo", *names))


def folder(*names: str) -> str:
    """A folder of woflo's own in the project, made where it is missing, for this user only."""
    path = below(*names)
    if path not in _made:
        os.makedirs(below(), mode=0o700, exist_ok=True)
        os.makedirs(path, mode=0o700, exist_ok=True)
        _made.add(path)
    return path


_made: set[str] = set()


def is_inside(path: str, folder: str) -> bool:
    """True where the path, wherever links lead, lies in the folder."""
    above, name = os.path.split(path)
    real = os.path.realpath(path if name == ".." else above)  # `..` is that of where a link leads
    top = os.path.realpath(folder)
    return real == top or real.startswith(top.rstrip(os.sep) + os.sep)


def check_written(name: str, option: str, path: str, written: str, base: str) -> None:
    """Raise `ArgumentError` where a value has led a path out of the project, and of the folder that was written."""
    whole = os.path.join(base, path)
    if not is_inside(whole, project()) and not (written and is_inside(whole, os.path.join(base, written))):
        raise ArgumentError(
            f"{name}: a value leads {option} {path!r} out of the project ({project()}); write the folder into "
            f"`{option}` where it is meant"
        )
