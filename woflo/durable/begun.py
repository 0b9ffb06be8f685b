"""What a worker has begun of all that it claimed, told in a file beside its lock. Who takes over from it reads that.

    claim a, b, c ──► begin a ──► word: [a] ──► code of a ──✂      a counts; b and c have not begun, for certain

A mark is set before anything of a run is read or executed, and goes when what is to be written about it is written. The
file is mapped into memory, because that outlives the process, costs less than a microsecond, and lets no other thread
in between. It is not the file of the lock: a mapping has a descriptor of its own, whose end would end the lock.

The word is none where it may not be whole: another boot of the machine, no room on the disk, an id that is too long.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
from collections import deque
from weakref import WeakSet

from woflo.stores.rows import Claim

__all__ = ["Begun", "Mark", "begun_in"]

SIZE = 256
"""Bytes of a mark. The first place is that of the header."""
SEGMENT = 64 * SIZE
"""Bytes that are mapped at once: a multiple of every system's pages."""
_HEAD = struct.Struct("<BHQ")
"""Whether there is a mark, how long its id is, the fence; then comes the id."""
MOST = SIZE - _HEAD.size
_NO_MARK, _NAMED, _TOO_LONG = range(3)
_NOWHERE = bytearray(SEGMENT)
"""Where marks are set that nobody reads."""


class _Segment:
    """A part of the file."""

    __slots__ = ("map",)

    def __init__(self, there: mmap.mmap | bytearray) -> None:
        self.map: mmap.mmap | bytearray = there


class Mark:
    """A place in the file, and in it the run that has begun."""

    __slots__ = ("_free", "_offset", "_segment")

    def __init__(self, segment: _Segment, offset: int, free: deque[Mark]) -> None:
        self._segment = segment
        self._offset = offset
        self._free = free

    def set(self, run_id: str, fence: int) -> None:
        """The run has begun; to be called by `Begun` only."""
        name = run_id.encode()
        size = len(name)
        told = _HEAD.pack(_NAMED, size, fence) + name if size <= MOST else _HEAD.pack(_TOO_LONG, 0, fence)
        self._segment.map[self._offset : self._offset + len(told)] = told

    def end(self) -> None:
        """It is written how the run went on. To be called once."""
        self._segment.map[self._offset] = _NO_MARK
        self._free.append(self)


class Begun:
    """The word of this process. Without a `path`, or where the file fails, it is told to nobody."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._free: deque[Mark] = deque()
        self._segments: list[_Segment] = []
        self._lock = threading.Lock()
        self._grow()
        _OF_THIS_PROCESS.add(self)

    def mark(self, run_id: str, fence: int) -> Mark:
        """Leave word that this claim of a run begins."""
        try:
            mark = self._free.pop()
        except IndexError:
            mark = self._another()
        mark.set(run_id, fence)
        return mark

    def _another(self) -> Mark:
        with self._lock:
            if not self._free:
                self._grow()
            return self._free.pop()

    def _grow(self) -> None:
        number = len(self._segments)
        segment = _Segment(self._mapped(number))
        self._segments.append(segment)
        places = range(0 if number else SIZE, SEGMENT, SIZE)
        self._free.extend(Mark(segment, offset, self._free) for offset in reversed(places))

    def _mapped(self, number: int) -> mmap.mmap | bytearray:
        """One more part of the file; memory of this process where that fails, and then all before it is void."""
        header = _header()
        if self._path is None or header is None:
            return _NOWHERE
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC | (0 if number else os.O_CREAT | os.O_EXCL), 0o600)
            try:
                return _more(fd, number, header)
            finally:
                os.close(fd)
        except (OSError, ValueError):
            self._path = None
            if self._segments:
                self._segments[0].map[:SIZE] = bytes(SIZE)
            return _NOWHERE

    def end(self) -> None:
        """Nobody is to read it any more. Marks that are left, or made yet, go nowhere; the mappings end here."""
        self._path = None
        for segment in self._segments:
            segment.map = _NOWHERE

    def leave_to_parent(self) -> None:
        """In a forked child: what it marks is not for others. The mappings stay, whose numbers may be others' soon."""
        self._lock = threading.Lock()
        _INHERITED.extend(segment.map for segment in self._segments)
        self.end()


def _more(fd: int, number: int, header: bytes) -> mmap.mmap:
    """The next part, which is on the disk before it is mapped: room that is missing later would end the process."""
    empty = bytes(SEGMENT)
    if os.pwrite(fd, empty, number * SEGMENT) != SEGMENT:
        raise OSError
    mapped = mmap.mmap(fd, SEGMENT, offset=number * SEGMENT)
    if not number:
        mapped[: len(header)] = header
    return mapped


def begun_in(path: str, worker_id: str) -> tuple[Claim, ...] | None:
    """The claims that a dead worker had begun; None where it left no word, or not all of it.

    To be asked only when it is certain that it is dead.
    """
    header = _header()
    try:
        with open(path, "rb") as file:
            told = file.read()
    except OSError:
        return None
    if header is None or not told.startswith(header) or len(told) % SEGMENT:
        return None
    claims: list[Claim] = []
    for offset in range(SIZE, len(told), SIZE):
        kind, size, fence = _HEAD.unpack_from(told, offset)
        if kind not in (_NO_MARK, _NAMED) or size > MOST:
            return None
        if kind == _NAMED:
            start = offset + _HEAD.size
            claims.append(Claim(told[start : start + size].decode(errors="replace"), worker_id, fence))
    return tuple(claims)


def _header() -> bytes | None:
    """How the file begins that was written since the machine was started; None where the system does not tell.

    After a loss of power a file may be there of which the last marks are not.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            return b"woflo begun 1\n" + file.read(64)
    except OSError:
        return None


_OF_THIS_PROCESS: WeakSet[Begun] = WeakSet()
_INHERITED: list[object] = []


def _forget_in_child() -> None:
    for begun in list(_OF_THIS_PROCESS):
        begun.leave_to_parent()
    _OF_THIS_PROCESS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
