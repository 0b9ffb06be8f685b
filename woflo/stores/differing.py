"""Which part of a value would not come back from a store as it is, and what to do about that."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, NamedTuple

from woflo.kernel.hiding import is_secret_name

__all__ = ["SCALARS", "Difference", "first_difference", "first_foreign"]

SCALARS = (int, str, bool, float, type(None))
"""What JSON knows that has no parts."""

MOST_DEEP = 100
"""How many values within values are gone into."""


def first_foreign(value: Any) -> Any:
    """The first part of `value` that JSON does not know as it is, or None. None itself is known."""
    todo = [value]
    seen: set[int] = set()  # what holds itself is not walked through for ever
    while todo:
        one = todo.pop()
        kind = type(one)
        if kind in (list, dict):
            if id(one) in seen:
                continue
            seen.add(id(one))
        if kind is list:
            todo += one
        elif kind is dict and all(type(key) is str for key in one):
            todo += one.values()
        elif kind not in SCALARS:
            return one
    return None


class Difference(NamedTuple):
    """The first part that would come back as something else."""

    place: str
    """As code has it behind the value: `[1]`, `['name']`, `.name`; empty for the value itself."""
    given: Any
    again: Any
    secret: str = ""
    """A name on the way there that is one of a secret, or nothing."""

    def advice(self) -> str:
        """What its user can do."""
        if isinstance(self.given, deque) and self.given.maxlen is not None:
            return f"its maxlen of {self.given.maxlen} is not stored: pass a list, and the number beside it"
        if isinstance(self.given, datetime) and isinstance(self.again, datetime):
            return "a time zone is stored as its offset: pass .astimezone(UTC), and the name of the zone beside it"
        return f"annotate {'that part' if self.place else 'it'} with its own type"


def first_difference(given: Any, again: Any) -> Difference | None:
    """Where `again` is not what was `given`; None where that is nowhere to be seen."""
    return _within(Difference("", given, again), MOST_DEEP)


def _within(pair: Difference, depth: int) -> Difference | None:
    given, again = pair.given, pair.again
    if type(given) is not type(again):
        return pair
    if isinstance(given, deque) and given.maxlen != again.maxlen:
        return pair
    parts = _parts(pair) if depth else None
    if parts is None:
        return pair if given != again and given == given else None  # noqa: PLR0124 - NaN is not
    for part in parts:
        found = _within(part, depth - 1)
        if found is not None:
            return found
    return None


def _parts(pair: Difference) -> Iterator[Difference] | None:
    """Those that stand at the same places; None for what has none, or not the same ones."""
    given, again = pair.given, pair.again
    if isinstance(given, list | tuple | deque):
        pairs = enumerate(zip(given, again, strict=False))
        return _beside(pair, ((f"[{at}]", "", one, other) for at, (one, other) in pairs), len(given) == len(again))
    if isinstance(given, Mapping):
        named = ((f"[{key!r}]", str(key), value, again[key]) for key, value in given.items())
        return _beside(pair, named, given.keys() == again.keys())
    if is_dataclass(given):
        names = [one.name for one in fields(given)]
    else:
        names = list(getattr(type(given), "model_fields", ()))
    attributes = ((f".{name}", name, getattr(given, name), getattr(again, name)) for name in names)
    return _beside(pair, attributes, bool(names))


def _beside(
    pair: Difference, parts: Iterator[tuple[str, str, Any, Any]], has_parts: bool
) -> Iterator[Difference] | None:
    if not has_parts:
        return None
    return (
        Difference(pair.place + place, one, other, pair.secret or (name if is_secret_name(name) else ""))
        for place, name, one, other in parts
    )
