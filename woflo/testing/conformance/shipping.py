"""Whatever can be called can be a task, wherever it comes from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

from woflo import Task, task
from woflo.testing.conformance.checks import Runner, check
from woflo.testing.conformance.tools import error_of, on, value_of

_MAIN = """
from dataclasses import dataclass
from woflo import task

FACTOR = 2

@dataclass
class Point:
    x: int

class PointError(Exception):
    pass

def doubled(x):
    return Point(x.x * FACTOR)

def refuse():
    raise PointError("no")
"""


class Adder:
    """Has methods of every kind, and can be called itself."""

    def __init__(self, base: int) -> None:
        self.base = base

    def add(self, x: int) -> int:
        return self.base + x

    def __call__(self, x: int) -> int:
        return self.base + x

    @classmethod
    def zero(cls, x: int) -> int:
        return cls(0).add(x)

    @staticmethod
    def one(x: int) -> int:
        return 1 + x


def add(a: int, b: int) -> int:
    """A function that a module holds."""
    return a + b


def call_task(other: Task[[int], int], x: int) -> int:
    """Calls another task."""
    return value_of(other(x))


@task(runner="sequential")
def known_by_name(x: int) -> int:
    """A task that its module holds under its name."""
    return x + 100


@check()
def lambdas_and_closures(runner: Runner) -> None:
    """Lambdas, closures and functions of a function are tasks."""
    base = 10

    def inner(x: int) -> int:
        return base + x

    assert value_of(on(runner, lambda x: x + 1)(1)) == 2
    assert value_of(on(runner, inner)(1)) == 11


@check()
def methods(runner: Runner) -> None:
    """Bound methods, class methods, static methods and callable objects are tasks."""
    some = Adder(5)
    for fn, expected in ((some.add, 6), (some, 6), (Adder.zero, 1), (some.one, 2)):
        assert value_of(on(runner, fn)(1)) == expected


@check()
def partials_and_builtins(runner: Runner) -> None:
    """`functools.partial` and functions written in C are tasks."""
    assert value_of(on(runner, partial(add, 2))(3)) == 5
    assert value_of(on(runner, partial(Adder(1).add))(3)) == 4
    assert value_of(on(runner, sum)([1, 2, 3])) == 6


@check()
def functions_that_call_themselves(runner: Runner) -> None:
    """A closure that calls itself is a task."""

    def factorial(n: int) -> int:
        return n * factorial(n - 1) if n else 1

    assert value_of(on(runner, factorial)(5)) == 120


@check()
def functions_as_values(runner: Runner) -> None:
    """A function may be an argument, and a result."""
    twice: Callable[[Any], Any] = lambda fn: lambda x: fn(fn(x))  # noqa: E731  # closures are the subject
    assert value_of(on(runner, twice)(lambda x: x * 3))(1) == 9


@check()
def tasks_as_values(runner: Runner) -> None:
    """A task may be an argument of another, which calls it, whether or not it stands in a module."""
    assert value_of(on(runner, call_task)(known_by_name, 1)) == 101
    made: Task[[int], int] = task(runner="sequential")(lambda x: x + 7)
    assert value_of(on(runner, call_task)(made, 1)) == 8


@check()
def things_of_main(runner: Runner) -> None:
    """Functions, classes and exceptions of `__main__` work; what comes back is of the caller's classes."""
    with _things_of_main() as main:
        result = value_of(on(runner, main.doubled)(main.Point(4)))
        assert type(result) is main.Point
        assert result == main.Point(8)
        error_of(on(runner, main.refuse)(), main.PointError)


@contextmanager
def _things_of_main() -> Iterator[ModuleType]:
    main = sys.modules["__main__"]
    before = dict(vars(main))
    exec(_MAIN, vars(main))
    try:
        yield main
    finally:
        vars(main).clear()
        vars(main).update(before)
