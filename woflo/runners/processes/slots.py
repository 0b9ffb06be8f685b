"""The memory that a caller, its children and its guardian share.

A slot belongs to one child. What stands in it survives the child's SIGKILL, and the caller's.

    | session 8 | call under way 8 | begun at (ns) 8 | call to stop 8 | asked to end 8 | ready 8
    | bytes in its outbox 8 | who listens in the caller 8 |

Behind all slots comes for each an outbox, where a worker of a pool keeps what it has not sent yet (see `outbox`).
"""

from __future__ import annotations

import mmap
import os

from woflo.errors import LaunchError
from woflo.runners.processes.shipping import shared_file

__all__ = ["BEGUN", "CALL", "ENDING", "HEARD", "KEPT", "OUTBOX_SIZE", "READY", "SESSION", "STARTING", "STOP", "Slots"]

COUNT = 16384
WORDS = 8
SESSION, CALL, BEGUN, STOP, ENDING, READY, KEPT, HEARD = range(8)
STARTING = -1
"""In place of a session: a command is being started whose number is not known yet."""
OUTBOX_SIZE = 2048
"""Bytes of a child's outbox. Its memory is taken from the system where something is written to it."""
_WORDS_SIZE = COUNT * WORDS * 8
_SIZE = _WORDS_SIZE + COUNT * OUTBOX_SIZE


class Slots:
    """All slots of a caller, and their outboxes.

    Whoever has the descriptor can map them: a child that inherited it, the guardian.
    """

    def __init__(self, fd: int | None = None) -> None:
        self.fd: int = shared_file(_SIZE, "woflo-slots") if fd is None else fd
        self.memory: mmap.mmap = mmap.mmap(self.fd, _SIZE)
        self.words: memoryview[int] = memoryview(self.memory)[:_WORDS_SIZE].cast("q")
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
        return [self.words[at] for at in range(0, COUNT * WORDS, WORDS) if self.words[at] > 0]

    @staticmethod
    def outbox_at(slot: int) -> int:
        """Where in the memory the outbox of a slot begins."""
        return _WORDS_SIZE + slot // WORDS * OUTBOX_SIZE

    def kept(self, slot: int) -> bytes:
        """What its child has written to its outbox and not sent yet."""
        at = self.outbox_at(slot)
        return self.memory[at : at + self.words[slot + KEPT]]

    def close(self) -> None:
        self.words.release()
        self.memory.close()
        os.close(self.fd)
