"""Outcomes that a worker has written and not sent yet.

To send costs more than a small call does. So a worker that has more calls to make writes an outcome into memory that
its caller sees, which is as safe as sent: the caller looks there when the worker has died, and where it stays within
one call. Many are then sent together. An outcome that the caller has seen so comes once more, and is ignored.
"""

from __future__ import annotations

from woflo.runners.processes.slots import KEPT, OUTBOX_SIZE, Slots

__all__ = ["ENOUGH", "Outbox"]

ENOUGH = OUTBOX_SIZE // 2
"""Bytes in it from which on it is sent."""


class Outbox:
    """The worker's side of it.

    While one call is under way nothing in it is overwritten: whoever finds the same call before and after reading
    has read what stands there.
    """

    def __init__(self, slots: Slots, slot: int) -> None:
        self._slots = slots
        self._slot = slot
        self._start = slots.outbox_at(slot)
        self.size: int = 0
        """Bytes that wait in it."""

    def keep(self, frame: bytes) -> bool:
        """Write a frame, to be sent later; False where there is no room."""
        end = self.size + len(frame)
        if end > OUTBOX_SIZE:
            return False
        self._slots.memory[self._start + self.size : self._start + end] = frame
        self._slots.words[self._slot + KEPT] = self.size = end  # from here on it is there
        return True

    def content(self) -> bytes:
        """What waits."""
        return self._slots.kept(self._slot)

    def clear(self) -> None:
        """It was sent. Nothing is kept again before the call that is under way has ended."""
        self._slots.words[self._slot + KEPT] = self.size = 0
