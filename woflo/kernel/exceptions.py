"""Exceptions made again from their parts, where what carried them could not carry the object."""

from __future__ import annotations

import builtins
from typing import Any

__all__ = ["BUILT_IN", "rebuild"]

BUILT_IN = frozenset(
    value for value in vars(builtins).values() if isinstance(value, type) and issubclass(value, BaseException)
)


def rebuild(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    """An instance made without the `__init__` of the user's class, with that of the built-in one below it.

    The user's may take other arguments than the `args` that are left of them.
    """
    error = cls.__new__(cls, *args)
    base = next(base for base in cls.__mro__ if base in BUILT_IN)
    base.__init__(error, *args)
    return error
