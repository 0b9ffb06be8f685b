"""Exceptions as values: they arrive as themselves, with the traceback of where they were raised."""

from __future__ import annotations

from typing import Any

from woflo.errors import TaskCrashedError
from woflo.kernel.exceptions import BUILT_IN, rebuild

__all__ = ["describe", "flatten", "restore"]

MAX_CAUSES = 5


def describe(error: BaseException, origin: str) -> str:
    """An exception in words, for where it cannot be loaded."""
    return f"the exception was {type(error).__qualname__}, raised {origin}:\n{_in_words(error).rstrip()}"


def _in_words(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error))


def flatten(error: BaseException, origin: str, depth: int = 0) -> tuple[Any, ...]:
    """An exception as a tuple that pickles where its parts do; `origin` says where it was raised.

    An exception whose class takes other arguments than its `args` cannot be pickled by the default way:
    loading would call the class with the wrong number. So the class, `args` and the attributes travel apart.
    """
    cause = None
    if error.__cause__ is not None and depth < MAX_CAUSES:
        cause = flatten(error.__cause__, "", depth + 1)
    tells_itself = isinstance(error, TaskCrashedError)  # the trace is part of it
    origin = "" if tells_itself else origin
    text = _in_words(error) if origin else ""
    if _reduces_itself(type(error)):
        return ("whole", error, (), {}, cause, origin, text)
    if isinstance(error, BaseExceptionGroup):
        members = [flatten(one, "", depth + 1) for one in error.exceptions]
        return ("group", type(error), (error.message, members), dict(error.__dict__), cause, origin, text)
    reduced: Any = error.__reduce__()
    state = {**getattr(error, "__dict__", {}), **(reduced[2] if len(reduced) > 2 and reduced[2] else {})}
    return ("parts", type(error), reduced[1], state, cause, origin, text)


def _reduces_itself(cls: type) -> bool:
    """True where a class of the user says how it is pickled.

    `__getstate__` and `__getnewargs__` alone say nothing: the way of built-in exceptions asks neither.
    """
    for base in cls.__mro__:
        if base in BUILT_IN:
            return False
        if {"__reduce__", "__reduce_ex__"} & vars(base).keys():
            return True
    return False


def restore(flat: tuple[Any, ...]) -> BaseException:
    """The exception again. The traceback of its origin is added as a note."""
    kind, what, args, state, cause, origin, text = flat
    error: BaseException
    if kind == "whole":
        error = what
    elif kind == "group":
        error = what(args[0], [restore(one) for one in args[1]])
    else:
        error = rebuild(what, args)
    if state:
        error.__setstate__(state)
    if cause is not None:
        error.__cause__ = restore(cause)
    if origin:
        error.add_note(f"raised {origin}:\n{text.rstrip()}")
    return error
