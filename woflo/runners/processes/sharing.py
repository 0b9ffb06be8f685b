"""Large values that many calls get: sent once to each worker, and its arrays mapped, not copied.

A worker's calls share one object, so it is to be read only; arrays in it are read-only there.
"""

from __future__ import annotations

import os
import weakref
from itertools import count
from typing import Any

from woflo.runners.processes import shipping

__all__ = ["Shared", "receive_shared", "share"]

LEAST = 1 << 20
"""From how many bytes on a value is shared."""
_numbers = count(1)
_received: dict[int, Any] = {}
"""In a worker: what it was sent, by number."""
_failed: dict[int, Exception] = {}
"""In a worker: why a value could not be loaded."""


class Shared:
    """Stands for a large value in the arguments of calls. It pickles as its number."""

    __slots__ = ("__weakref__", "data", "fd", "number")

    def __init__(self, parcel: shipping.Parcel) -> None:
        assert parcel.fd is not None
        self.number: int = next(_numbers)
        self.data: bytes = parcel.data
        self.fd: int = parcel.fd
        # Not at exit: calls that were made before it are still to be sent then, and the number may be reused.
        weakref.finalize(self, _close, parcel.fd, os.getpid()).atexit = False

    def __reduce__(self) -> Any:
        return (_look_up, (self.number,))


def _close(fd: int, owner: int) -> None:
    if os.getpid() == owner:  # a forked worker has closed it, and the number may be another's
        os.close(fd)


def _look_up(number: int) -> Any:
    if number in _failed:
        raise _failed[number]
    return _received[number]


def share(value: Any) -> Any:
    """`value`, or, where it is large, what stands for it. Raises what packing raises."""
    if isinstance(value, int | float | str | bool | type(None)):
        return value
    parcel = shipping.dump(value)
    if parcel.fd is None or os.fstat(parcel.fd).st_size < LEAST:
        parcel.close()
        return value
    return Shared(parcel)


def receive_shared(number: int, parcel: shipping.Parcel) -> None:
    """In a worker: take the value in; its buffers stay in the memory that all workers map.

    A failure is kept for the calls that need the value.
    """
    _failed.pop(number, None)  # of the process that this one was forked from, which counts from another start
    try:
        _received[number] = shipping.load(parcel, mapped=True)
    except Exception as error:
        _failed[number] = error


def forget_shared(number: int) -> None:
    """In a worker: no further call will need it."""
    _received.pop(number, None)
    _failed.pop(number, None)
