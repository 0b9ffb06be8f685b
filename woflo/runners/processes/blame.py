"""Which value it is that keeps the code of a task from being packed: a global, or what a closure holds."""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any

from woflo.kernel.task import Task
from woflo.runners.processes import shipping
from woflo.runners.processes.snapshot import MISSING, content_of, names_in, travels_by_name

__all__ = ["blamed"]


def blamed(root: Any) -> tuple[str, str, str, Exception] | None:
    """What cannot be packed of what `root`, a function or class, refers to, however many functions stand in between.

    "global" or "closure", its name, who uses it, and why it could not be packed; None where nothing alone is to blame.
    """
    done: set[int] = set()
    open_values = [root]
    while open_values:
        for function in _functions(open_values.pop()):
            if id(function) in done or travels_by_name(function):
                continue
            done.add(id(function))
            for kind, name, value in _used_by(function):
                error = _refusal(value)
                if error is None:
                    continue
                if isinstance(value, MethodType) or all(travels_by_name(one) for one in _functions(value)):
                    return kind, name, function.__name__, error
                open_values.append(value)
    return None


def _functions(value: Any) -> Iterator[FunctionType]:
    """The functions that a value is, stands for, or has."""
    value = value.body.fn if isinstance(value, Task) else value
    value = getattr(value, "func", value)  # a partial function
    value = value.__func__ if isinstance(value, MethodType | classmethod | staticmethod) else value
    if isinstance(value, FunctionType):
        yield value
    elif isinstance(value, type) and not travels_by_name(value):
        for one in vars(value).values():
            if isinstance(one, FunctionType):
                yield one


def _used_by(function: FunctionType) -> Iterator[tuple[str, str, Any]]:
    for name in sorted(names_in(function.__code__)):
        if name in function.__globals__:
            yield "global", name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        value = content_of(cell)
        if value is not MISSING:
            yield "closure", name, value


def _refusal(value: Any) -> Exception | None:
    try:
        shipping.dump(value).close()
        return None
    except Exception as error:
        return error
