"""Calls on their way to a worker: each in a frame of its own, or, where all arguments are plain, many in one."""

from __future__ import annotations

import marshal
import struct
from collections.abc import Iterator
from typing import Any

from woflo.runners.processes import wire

__all__ = ["ANNOUNCE", "CALL_HEAD", "calls_in", "plain_frames", "plain_head"]

CALL_HEAD = struct.Struct("<IIB")
"""Number of the code, attempt, flags. What follows in a CALL frame is pickled: the positional arguments, the keyword
arguments, the task's name, the id of the run that made the call, the last heartbeat of the attempt before, and the span
of the run. In a PLAIN_CALLS frame it is marshalled: for each call its number and its positional arguments, which are
plain."""
ANNOUNCE = 1
"""Flag of a call: its start is to be told."""
MOST_IN_FRAME = 128
"""A worker begins with the calls of a frame when it has all of it."""
_NO_REFERENCES = 2
"""The version of marshal that writes each value out: what one call gets is no object that another one gets too."""


def plain_head(code: int, attempt: int = 1, flags: int = 0) -> bytes:
    """What calls have in common that may share a frame."""
    return CALL_HEAD.pack(code, attempt, flags)


def plain_frames(head: bytes, calls: list[Any]) -> Iterator[bytes]:
    """The frames of calls with plain arguments: `_number` and `_content` of each."""
    for at in range(0, len(calls), MOST_IN_FRAME):
        pairs = [(call._number, call._content) for call in calls[at : at + MOST_IN_FRAME]]
        yield wire.frame(wire.PLAIN_CALLS, 0, head + marshal.dumps(pairs, _NO_REFERENCES))


def calls_in(payload: bytes) -> list[Any]:
    """What a PLAIN_CALLS frame holds, as if each call had come by itself: kind, number, arguments, head."""
    head = CALL_HEAD.unpack_from(payload)
    pairs = marshal.loads(payload[CALL_HEAD.size :])
    return [(wire.PLAIN_CALLS, number, args, head) for number, args in pairs]
