"""What a file is known by: size and time, which one `stat` tells, and its contents where the time alone differs."""

from __future__ import annotations

import os
import stat
import time
from hashlib import blake2b
from typing import NamedTuple

__all__ = [
    "ABSENT",
    "Found",
    "Place",
    "Print",
    "contents",
    "found_at",
    "is_same",
    "look",
    "place",
    "seen",
    "taken",
    "was_away",
]

COARSE, FINE = 2_000_000_000, 20_000_000
"""Nanoseconds within which two changes of a file may have one time: where times are whole seconds, and elsewhere."""
_PIECE = 1 << 20


class Print(NamedTuple):
    """A file at some moment."""

    size: int
    """-1 for what is no file, as a folder."""
    time: int
    """Of its last change, in nanoseconds since the epoch."""
    digest: str = ""
    """Of its contents; empty where nobody looked at them."""
    is_fresh: bool = False
    """True where it was changed so shortly before, that it might change again and have the same time."""


_new = Print._make

ABSENT = Print(-2, 0)
"""There is nothing."""


def look(path: str) -> Print:
    """What one `stat` tells."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ABSENT
    return _new((found.st_size if found.st_mode & 0o170000 == stat.S_IFREG else -1, found.st_mtime_ns, "", False))


class Found(NamedTuple):
    """What is found in place of an output before an attempt."""

    there: Print
    link: int | None
    """The inode of the link that it is; None for what is none."""

    def has_stayed(self, path: str) -> bool:
        """True where it is as it was: the file, or the link, whatever is where that leads."""
        if self.link is not None:
            return _link(path) == self.link
        return self.there.size >= 0 and look(path) == self.there


def found_at(path: str) -> Found:
    """What is there."""
    return Found(look(path), _link(path))


def _link(path: str) -> int | None:
    try:
        there = os.lstat(path)
    except (OSError, ValueError):
        return None
    return there.st_ino if stat.S_ISLNK(there.st_mode) else None


def seen(path: str) -> Print:
    """The file before somebody reads it: with its contents where a change meanwhile might not show by its time."""
    now = time.time_ns()
    found = look(path)
    if found.size < 0 or not _is_fresh(found, now):
        return found
    return Print(found.size, found.time, contents(path, found), True)


def taken(path: str, before: Print | None = None) -> Print:
    """The file with its contents. Where it is not as it was `before`, that is taken: it will be found changed."""
    now = time.time_ns()
    found = look(path)
    if before is not None and found[:2] != before[:2]:
        return before
    if found.size < 0:
        return found
    digest = contents(path, found)
    if look(path) != found:
        return found if before is None else before
    if before is not None and before.digest and before.digest != digest:
        return before
    return Print(found.size, found.time, digest, _is_fresh(found, now))


class Place(NamedTuple):
    """What tells that a file was moved away and came back meanwhile: then its size and time are the same."""

    inode: int
    changed: int
    """When its inode was changed last, in nanoseconds: by whatever is done to the file but reading it."""
    others: tuple[int, ...]
    """What else changes that: links, rights and owners."""


def place(path: str) -> Place | None:
    """Where a file is; None where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    others = (found.st_nlink, found.st_mode, found.st_uid, found.st_gid)
    return Place(found.st_ino, found.st_ctime_ns, others)


def was_away(before: Place | None, now: Place | None) -> bool:
    """True for a file that is the same, and that was somewhere else between these two looks."""
    return before is not None and now is not None and before != now and before.others == now.others


def _is_fresh(found: Print, now: int) -> bool:
    """True where the file may be changed again, and have the same time."""
    grain = COARSE if found.time % 1_000_000_000 == 0 else FINE
    return now - found.time < grain


def is_same(path: str, known: Print) -> tuple[bool, bool]:
    """Whether a file is what it was, and whether its contents had to be read for that."""
    found = look(path)
    size, changed, digest, is_fresh = known
    if found[0] != size:
        return False, False
    if found[1] == changed and not is_fresh:
        return True, False
    if size < 0 or not digest:
        return found[1] == changed, False
    return contents(path, found) == digest, True


_known: dict[str, tuple[int, int, str]] = {}
"""By path: size, time and digest of what was read, so that many readers of a file read it once for this."""
_MOST_KNOWN = 100_000


def contents(path: str, found: Print) -> str:
    """The digest of a file's contents; empty where it cannot be read."""
    whole = os.path.abspath(path)
    there = _known.get(whole)
    is_settled = time.time_ns() - found.time > COARSE
    if there is not None and there[:2] == found[:2] and is_settled:
        return there[2]
    digest = _read(path)
    if is_settled:
        if len(_known) > _MOST_KNOWN:
            _known.clear()
        _known[whole] = (found.size, found.time, digest)
    return digest


def _read(path: str) -> str:
    digest = blake2b(digest_size=16)
    try:
        with open(path, "rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError:
        return ""
    return digest.hexdigest()
