"""Where a project is, and what lies in it: nothing is moved or removed elsewhere."""

from __future__ import annotations

import os
from functools import lru_cache

from woflo.errors import ArgumentError

__all__ = ["below", "check_written", "folder", "is_inside", "project"]

_TOPS = ("woflo.toml", "pyproject.toml", ".git")


def project() -> str:
    """The folder of the project: the nearest above the current one with a `woflo.toml`, `pyproject.toml` or `.git`.

    Where there is none, the current folder.
    """
    return _project_of(os.getcwd())


@lru_cache(maxsize=16)
def _project_of(here: str) -> str:
    at = here
    while True:
        if any(os.path.exists(os.path.join(at, name)) for name in _TOPS):
            return at
        above = os.path.dirname(at)
        if above == at:
            return here
        at = above


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
