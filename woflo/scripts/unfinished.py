"""Attempts that make files at this moment, and those that were cut off with their program, as their marks tell.

No store knows of them: a run is kept when it has ended.
"""

from __future__ import annotations

import json
import os
from fnmatch import fnmatchcase
from typing import NamedTuple

from woflo.scripts.marks import STAYED, is_taken
from woflo.scripts.places import below

__all__ = ["Unfinished", "unfinished"]


class Unfinished(NamedTuple):
    """An attempt."""

    task: str
    outputs: tuple[str, ...]
    """What it was to make: names, and globs, within the project."""
    began: float
    pid: int
    host: str
    log: str
    """What it has printed, as a path from here; of a function there is nothing in it."""
    is_under_way: bool
    inputs: tuple[str, ...] = ()
    """What it reads: names within the project."""

    @property
    def state(self) -> str:
        """One word for it."""
        return "RUNNING" if self.is_under_way else "CUT_OFF"


def unfinished(file: str | None = None) -> list[Unfinished]:
    """Those of this project, the newest first; of a `file`, a name within the project, those that were to make it."""
    folder = below("making")
    try:
        names = [name for name in os.listdir(folder) if name.endswith(STAYED)]
    except FileNotFoundError:
        return []
    found = [one for name in names if (one := _read(os.path.join(folder, name))) is not None]
    meant = [one for one in found if file is None or any(_is_of(file, output) for output in one.outputs)]
    return sorted(meant, key=lambda one: one.began, reverse=True)


def _is_of(file: str, output: str) -> bool:
    return file == output or fnmatchcase(file, output)


def _read(path: str) -> Unfinished | None:
    """None where it has ended meanwhile, or was written by an earlier version."""
    mark = path.removesuffix(STAYED)
    is_under_way = is_taken(mark)
    try:
        with open(path, encoding="ascii") as file:
            told = json.load(file)
        return Unfinished(
            str(told["task"]),
            tuple(map(str, told["outputs"])),
            float(told["began"]),
            int(told["pid"]),
            str(told["host"]),
            os.path.relpath(mark),
            is_under_way,
            tuple(map(str, told.get("inputs", ()))),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
