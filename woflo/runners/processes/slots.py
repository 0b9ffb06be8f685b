"""The page that a caller, its children and its guardian share.

A slot belongs to one child. What stands in it survives the child's SIGKILL, and the caller's.

    | session 8 | call under way 8 | begun at (ns) 8 | call to stop 8 | asked to end 8 | ready 8 | … to 64 bytes |
"""

from __future__ import annotations

import mmap
import os

from woflo.errors import LaunchError
from woflo.runners.processes.shipping import shared_file

__all__ = ["BEGUN", "CALL", "ENDING", "READY", "SESSION", "STOP", "Slots"]

COUNT = 16384
WORDS = 8
SESSION, CALL, BEGUN, STOP, ENDING, READY = range(6)


class Slots:
    """All slots of a caller. Whoever has the descriptor can map them: a child that inherited it, the guardian."""

    def __init__(self, fd: int | None = None) -> None:
        self.fd: int = shared_file(COUNT * WORDS * 8, "woflo-slots") if fd is None else fd
        self._map = mmap.mmap(self.fd, COUNT * WORDS * 8)
        self.words: memoryview[int] = memoryview(self._map).cast("q")
        self._free = list(range(COUNT - 1, -1, -1)) if fd is None else []

    def take(self) -> int:
        """A free slot, as the index of its first word."""
        if not self._free:
            raise LaunchError(f"{COUNT} child processes are alive, and no more are supported; lower max_concurrency")
        return self._free.pop() * WORDS

    def give(self, slot: int) -> None:
        """The child of this slot has been waited for."""
        for word in range(WORDS):
            self.words[slot + word] = 0
        self._free.append(slot // WORDS)

    def sessions(self) -> list[int]:
        """The sessions of the children that may be alive."""
        return [self.words[at] for at in range(0, COUNT * WORDS, WORDS) if self.words[at]]

    def close(self) -> None:
        self.words.release()
        self._map.close()
        os.close(self.fd)
