"""The functions that all rivals call, in a module that spawned processes and pools can import."""

from __future__ import annotations

import importlib
import os
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

SIZE = 100_000_000  # bytes: the "100 MB" of the data figures
PAGE = 4096  # bytes
AT_ONCE = 32  # woflo's own limit of processes


def add_one(number: int) -> int:
    """A call so small that only the way to it and back is measured."""
    return number + 1


def sum_of_add_one(n: int) -> int:
    """What `add_one` over `range(n)` must add up to."""
    return n * (n + 1) // 2


async def add_one_async(number: int) -> int:
    """As `add_one`, as a coroutine. It awaits nothing: a switch would only flatter the ratio."""
    return number + 1


def add_parents(left: int, right: int) -> int:
    """The value of a node in the graph figure, kept small."""
    return (left + right + 1) % 1_000_003


@cache
def kept_bytes() -> bytes:
    """100 MB, made once per process and kept, so that only their way out is measured."""
    return b"\x01" * SIZE


@cache
def kept_array() -> numpy.ndarray:
    """100 MB of float64, made once per process and kept."""
    import numpy

    return numpy.ones(SIZE // 8)


def big_bytes(_: int) -> bytes:
    """A task that returns 100 MB of bytes."""
    return kept_bytes()


def big_array(_: int) -> numpy.ndarray:
    """A task that returns 100 MB of float64."""
    return kept_array()


def read_bytes(data: bytes) -> int:
    """Read a byte of every page; return their sum."""
    return sum(data[::PAGE])


def read_array(array: numpy.ndarray) -> int:
    """Read a number of every page; return their sum."""
    return int(array[:: PAGE // array.itemsize].sum())


def usable_cpus() -> int:
    """How many cores this process may use: the number of workers that every pool gets."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_window(n: int, start: Callable[[int], Any], finish: Callable[[Any], int]) -> int:
    """Keep `AT_ONCE` calls alive, first in first out; return the sum of the results."""
    alive: deque[Any] = deque()
    total = 0
    for number in range(n):
        if len(alive) == AT_ONCE:
            total += finish(alive.popleft())
        alive.append(start(number))
    return total + sum(finish(child) for child in alive)


def import_the_same(*modules: str) -> None:
    """Import what any rival of a figure imports, as far as it is there.

    Fork copies the page tables of its caller, so a caller with fewer modules forks faster. With the
    same modules in all callers, the ratio tells what the rival adds, not what its import weighs.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError:
            continue
