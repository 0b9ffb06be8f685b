"""Removing what woflo has made: files that the record knows, that are as they were made, and nothing else.

Whatever is not certain stays: what was there before the run that should have made it, what was changed since, inputs of
their own maker, protected files, links and folders, what is being made or read at the moment, what lies outside of the
project.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from typing import NamedTuple

from woflo.scripts.marks import Mark, is_marked
from woflo.scripts.places import is_inside, project
from woflo.scripts.prints import COARSE, Print, contents, look
from woflo.scripts.provenance import Made
from woflo.scripts.unfinished import Unfinished, unfinished

__all__ = ["Cleaned", "cleaned"]


class Cleaned(NamedTuple):
    """An output, and why it stays; an empty reason where it goes."""

    name: str
    why: str


def cleaned(every: Iterable[Made], is_meant: Callable[[str], bool], *, remove: bool) -> list[Cleaned]:
    """The outputs that are there and meant, and whether each goes; with `remove` they are gone when this returns."""
    found: list[Cleaned] = []
    under_way = [one for one in unfinished() if one.is_under_way]
    for made in every:
        names = [name for name in made.outputs if is_meant(name) and os.path.lexists(os.path.join(project(), name))]
        if names:
            used = {name: why for name in names if (why := _use(name, under_way))}
            found += [Cleaned(name, why) for name, why in used.items()]
            if free := [name for name in names if name not in used]:
                found += _of(made, free, remove=remove)
    return found


def _use(name: str, under_way: list[Unfinished]) -> str:
    """What is done with it at this moment, if anything, as far as marks tell."""
    for one in under_way:
        who = f"{one.task}, which is under way (process {one.pid} on {one.host})"
        if one.was_to_make(name):
            return f"it is being made by {who}"
        if any(name == read or name.startswith(f"{read}/") for read in one.inputs):
            return f"it is an input of {who}"
    return ""


def _of(made: Made, names: list[str], *, remove: bool) -> list[Cleaned]:
    target = made.success.target
    if is_marked(target):
        return [Cleaned(name, "it is being made, or an attempt to make it was cut off") for name in names]
    if not remove:
        return [Cleaned(name, _reason(name, made)) for name in names]
    mark = Mark.take(target, lambda: False)
    if mark is None:
        return [Cleaned(name, "it is being made") for name in names]
    try:
        return [_removed(name, made) for name in names]
    finally:
        mark.end()
        mark.give()


def _removed(name: str, made: Made) -> Cleaned:
    why = _reason(name, made)
    if not why:
        try:
            os.unlink(os.path.join(project(), name))
        except OSError as error:
            why = f"it cannot be removed: {error.strerror or error}"
    return Cleaned(name, why)


def _reason(name: str, made: Made) -> str:
    """Why it stays; empty where it is certain that woflo has made it, and that it is as it was made."""
    path = os.path.join(project(), name)
    if os.path.isabs(name) or not is_inside(path, project()):
        return "it lies outside of the project"
    if name in made.inputs or _is_input(path, made):
        return "it is an input of what made it"
    try:
        there = os.lstat(path)
    except OSError:
        return "it is not there"
    if not stat.S_ISREG(there.st_mode):
        return "it is no file"
    if not _is_as_made(path, made.outputs[name]):
        return "it was changed since it was made"
    return _not_made(name, made, there) or ("" if there.st_mode & 0o222 else "it is protected")


def _not_made(name: str, made: Made, there: os.stat_result) -> str:
    """Why it may not be woflo's, though the record has it."""
    begun = made.record.get("started_at")
    if made.is_accepted or begun is None:
        return "it was accepted as it was, and woflo has not made it"
    if there.st_mtime_ns < begun * 1e9 - COARSE:
        return "it is older than the run that should have made it"
    return "it was there before, and woflo has not made it" if name in made.stayed else ""


def _is_input(path: str, made: Made) -> bool:
    real = os.path.realpath(path)
    return any(os.path.realpath(os.path.join(project(), name)) == real for name in made.inputs)


def _is_as_made(path: str, before: Print) -> bool:
    there = look(path)
    if there.size < 0 or list(there[:2]) != list(before[:2]):
        return False
    return not before[3] or contents(path, there) == before[2]
