"""How operations ask a database: in lists of named statements, whose answers they are sent.

An operation is a generator. It yields lists of statements that do not depend on each other's answers: whoever drives it
may ask one after the other, or all in one round trip, also together with the statements of other operations.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, NamedTuple, TypeVar

__all__ = ["Answer", "Doing", "Statement", "Values", "answer_of", "asked", "asked_all", "drive"]

T = TypeVar("T")
Values = dict[str, Any] | tuple[Any, ...]
Statement = tuple[str, Values]
"""Its name, which each database spells out in SQL of its own, and the values that it needs."""


class Answer(NamedTuple):
    """What a statement found or returned, and how many rows it wrote where it writes."""

    rows: list[tuple[Any, ...]]
    changed: int


answer_of: Callable[[tuple[list[tuple[Any, ...]], int]], Answer] = partial(tuple.__new__, Answer)
"""Makes an `Answer` of both its parts, without the function in Python by which a `NamedTuple` is made."""

Doing = Generator[list[Statement], list[Answer], T]
"""An operation under way: it yields what is to be asked, and returns its result."""


def drive(doing: Doing[T], ask: Callable[[list[Statement]], list[Answer]], answers: list[Answer] | None = None) -> T:
    """The operation's result; `ask` gives the answers to statements, in their order.

    `answers` are those to what it has asked already, where it has begun.
    """
    try:
        statements = doing.send(answers)  # type: ignore[arg-type]  # None begins
        while True:
            statements = doing.send(ask(statements))
    except StopIteration as end:
        result: T = end.value
        return result


def asked(name: str, values: Values) -> Doing[list[tuple[Any, ...]]]:
    """What a statement finds or returns."""
    (answer,) = yield [(name, values)]
    return answer.rows


def asked_all(statements: list[Statement]) -> Doing[None]:
    """Ask them, if there are any."""
    if statements:
        yield statements
