"""Folders among inputs: what lies below one, so that an edit of a file in it is noticed, and named.

    before the start    every file below is looked at, as other inputs are
    after a success     those are kept in the record, with their contents, beside the folder
    the next time       each is compared, and what is new or gone is told

woflo's own folder and the outputs of the same call do not count. Links to folders are followed, each folder once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from woflo.kernel.digest import digest
from woflo.scripts.plan import Plan
from woflo.scripts.prints import Print, is_same, look, taken

__all__ = ["ALL", "changed_below", "files_below", "is_folder", "kept_below", "looked_below", "newest_below"]

MOST_NAMED = 10_000
"""Files below one folder that a record names; of more it has one digest of names, sizes and times."""
ALL = ""
"""What that digest is found by."""


def is_folder(plan: Plan, path: str, there: Print) -> bool:
    """True for an input that is a folder; `there` is what it looks like."""
    return there[0] == -1 and os.path.isdir(plan.path(path))


def looked_below(plan: Plan, path: str, at: Callable[[str], Print] = look) -> dict[str, Print]:
    """The files below a folder, by their paths within it, each as `at` tells; or one for all of them."""
    own = {os.path.abspath(plan.path(output)) for output in plan.found()}
    return files_below(plan.path(path), own, at)


def files_below(top: str, own: set[str], at: Callable[[str], Print] = look) -> dict[str, Print]:
    """The same for any folder; `own` are the absolute paths of outputs, which do not count."""
    found = {name: at(os.path.join(top, name)) for name in sorted(_names(top, "", own, set()))}
    if len(found) <= MOST_NAMED:
        return found
    listing = "\n".join(f"{name!r} {there.size} {there.time}" for name, there in found.items())
    return {ALL: Print(len(found), 0, digest(listing))}


def _names(top: str, within: str, own: set[str], seen: set[tuple[int, int]]) -> Iterator[str]:
    folder = os.path.join(top, within)
    try:
        there = os.stat(folder)
        entries = list(os.scandir(folder))
    except OSError:
        return  # gone meanwhile, or nobody's to read: the command would not read it either
    if (there.st_dev, there.st_ino) in seen:
        return  # a link leads here again
    seen.add((there.st_dev, there.st_ino))
    for entry in entries:
        name = os.path.join(within, entry.name)
        if entry.name == ".woflo" or _is_aside(entry.name) or os.path.abspath(os.path.join(top, name)) in own:
            continue
        if _is_dir(entry):
            yield from _names(top, name, own, seen)
        else:
            yield name


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_aside(name: str) -> bool:
    """True for what an attempt has moved aside."""
    return name.startswith(".") and name.endswith((".woflo-aside", ".woflo-part"))


def kept_below(plan: Plan, path: str) -> dict[str, Print]:
    """For the record: the files as they were before the start, with their contents."""
    before = plan.below.get(path, {})
    top = plan.path(path)
    return {name: there if name == ALL else taken(os.path.join(top, name), there) for name, there in before.items()}


def changed_below(plan: Plan, path: str, before: dict[str, Any]) -> Iterator[str]:
    """What is another way than it was: one sentence for each file. What was read anew is put into `before`."""
    now = looked_below(plan, path)
    if (ALL in now) or (ALL in before):
        if [list(one) for one in now.values()] != [list(one) for one in before.values()]:
            yield f"{path} has changed"
        return
    for name in sorted(now.keys() | before.keys()):
        told, whole = os.path.join(path, name), os.path.join(plan.path(path), name)
        if name not in before:
            yield f"{told} is a new input"
        elif name not in now:
            yield f"{told} does not exist"
        else:
            same, was_read = is_same(whole, before[name])
            if not same:
                yield f"{told} has changed"
            elif was_read:
                before[name] = taken(whole)


def newest_below(plan: Plan, path: str) -> tuple[str, int] | None:
    """The file below that was changed last, and when; None where there is none."""
    found: Mapping[str, Print] = looked_below(plan, path)
    newest = max(found, key=lambda name: found[name].time, default=None)
    return None if newest is None else (os.path.join(path, newest), found[newest].time)
