"""What a command prints, told to observers as it comes: its output is in a file, which is read where somebody listens.

    command ─► its file ─► one thread for all commands under way, ten times a second ─► events of the run

Lines are told whole. What is left at the end is told before the end of the run is.
"""

from __future__ import annotations

import codecs
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from woflo.kernel import bus

__all__ = ["Telling"]

LOOK = 0.1
"""Seconds between two looks at the files."""
PIECE = 1 << 16
"""Bytes that are read at once, and characters of a line that are kept back until it is complete."""
MOST_AT_ONCE = 64
"""Pieces of one file that are told before the next one has its turn."""


class Telling:
    """Of one attempt. `tell(text)` is given what has come since."""

    def __init__(self, path: str, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._decoder: Any = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""
        """The line that is not complete yet."""
        self._file: int | None = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def begin(self) -> Telling:
        """Tell from now on."""
        _Looking.add(self)
        return self

    def end(self) -> None:
        """The command has ended: all that it has written was told when this returns.

        What it left behind may go on writing, and is not waited for.
        """
        _Looking.remove(self)
        with self._lock:
            assert self._file is not None
            end = os.fstat(self._file).st_size
            while os.lseek(self._file, 0, os.SEEK_CUR) < end and self._go_on():
                pass
            os.close(self._file)
            self._file = None
            rest = self._begun + self._decoder.decode(b"", True)
            if rest:
                self._tell(rest)

    def look(self) -> None:
        """Tell what has come, and no more than a few pieces of it."""
        with self._lock:
            for _ in range(MOST_AT_ONCE):
                if self._file is None or not self._go_on():
                    return

    def _go_on(self) -> bool:
        assert self._file is not None
        data = os.read(self._file, PIECE)
        lines = self._begun + self._decoder.decode(data)
        whole, newline, self._begun = lines.rpartition("\n")
        if len(self._begun) > PIECE:
            whole, newline, self._begun = lines, "", ""
        if whole or newline:
            self._tell(whole + newline)
        return bool(data)


class _Looking:
    """The thread that looks at all files, as long as there are any."""

    lock = threading.Lock()
    every: tuple[Telling, ...] = ()
    is_there = False

    @classmethod
    def add(cls, one: Telling) -> None:
        with cls.lock:
            cls.every = (*cls.every, one)
            if not cls.is_there:
                cls.is_there = True
                threading.Thread(target=cls.look, name="woflo-telling", daemon=True).start()

    @classmethod
    def remove(cls, one: Telling) -> None:
        with cls.lock:
            cls.every = tuple(other for other in cls.every if other is not one)

    @classmethod
    def look(cls) -> None:
        while True:
            time.sleep(LOOK)
            for one in cls.every:
                try:
                    one.look()
                except Exception as error:  # of one file; the others are told all the same
                    cls.remove(one)
                    bus.complain("what a command prints cannot be told to observers while it executes", error)
            with cls.lock:
                if not cls.every:
                    cls.is_there = False
                    return

    @classmethod
    def forget(cls) -> None:
        """In a child the thread is not there, and the commands are the parent's."""
        cls.lock, cls.every, cls.is_there = threading.Lock(), (), False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Looking.forget)
