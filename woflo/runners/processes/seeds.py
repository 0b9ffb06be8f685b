"""The random numbers of a child: others than those of its caller and of other children, as Python does for `random`."""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = ["advance", "reseed"]

_NUMBERS = 1 << 32
"""How many seeds there are that numpy takes fast; more bits take a child ten times as long."""
_seed = 0
"""That of the next child. They are numbered from one that is random: no two children of a process have the same."""
_owner = 0
"""The process whose children are numbered; a forked one begins anew."""


def advance() -> None:
    """In the caller, before it forks a child."""
    global _owner, _seed
    if _owner != (own := os.getpid()):
        _owner, _seed = own, int.from_bytes(os.urandom(4), "little")
    _seed = (_seed + 1) % _NUMBERS


def reseed() -> None:
    """In a child that has inherited numpy's global generator: seed that anew. All other generators are the user's."""
    numpy: Any = sys.modules["numpy.random.mtrand"]
    try:
        shared = numpy._rand
        lock = shared._bit_generator.lock
        if lock.acquire(False):  # where a thread of the caller holds it, nobody can use the generator here
            try:
                shared.seed(_seed)
            finally:
                lock.release()
    except Exception:
        pass  # being imported, or a generator of another kind that the user has put there, and seeds
