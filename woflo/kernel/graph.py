"""Handles among the arguments of a call: finding them, and putting their values in their place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Generic, TypeVar

__all__ = ["Handle", "Quoted", "find_handles", "quote", "substitute"]

T = TypeVar("T")

MAX_DEPTH = 3
MAX_ITEMS = 1000
"""How deep, and how many items of each container, are searched: a bound on what a call may cost."""

ATOMS = frozenset({int, float, str, bytes, bool, complex, type(None), bytearray, range, slice, type(...)})
_CONTAINERS = (list, tuple, dict, set, frozenset)


class Handle:
    """Marks what stands for a value that is still being made. `BaseTaskRun` is the only heir."""

    __slots__ = ()


class Quoted(Generic[T]):
    """A value that is passed on as it is, without a search for handles in it."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value: T = value


def quote(value: T) -> T:
    """Pass `value` to a task unsearched and, in `map`, unspread: a handle in it stays a handle.

    Typed as the value itself, because that is what the task receives.
    """
    return Quoted(value)  # type: ignore[return-value]  # stands for the value until the call is launched


def find_handles(args: Iterable[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], bool]:
    """The handles in a call's arguments, and whether anything (a quote as well) has to be substituted."""
    found: list[Any] = []
    touched = False
    for value in (*args, *kwargs.values()):
        if type(value) not in ATOMS:
            touched |= _search(value, 0, found)
    return found, touched


def _search(value: Any, depth: int, found: list[Any]) -> bool:
    if isinstance(value, Handle):
        found.append(value)
        return True
    if isinstance(value, Quoted):
        return True
    touched = False
    if depth < MAX_DEPTH:
        for item in islice(_items(value), MAX_ITEMS):
            if type(item) not in ATOMS:
                touched |= _search(item, depth + 1, found)
    return touched


def _items(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        return iter(value.values())
    if isinstance(value, _CONTAINERS):
        return iter(value)
    if hasattr(type(value), "__dataclass_fields__"):
        return iter([getattr(value, name) for name in _field_names(value)])
    return iter(())


def _field_names(value: Any) -> list[str]:
    from dataclasses import fields

    return [field.name for field in fields(value) if hasattr(value, field.name)]


def substitute(value: Any, value_of: Callable[[Any], Any], depth: int = 0) -> Any:
    """`value` with every handle replaced by `value_of(handle)`; what holds none is returned as it is."""
    if type(value) in ATOMS:
        return value
    if isinstance(value, Handle):
        return value_of(value)
    if isinstance(value, Quoted):
        return value.value
    if depth >= MAX_DEPTH:
        return value
    return _rebuilt(value, lambda item: substitute(item, value_of, depth + 1))


def _rebuilt(value: Any, each: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return _rebuilt_dict(value, each)
    if isinstance(value, _CONTAINERS):
        return _rebuilt_sequence(value, each)
    if hasattr(type(value), "__dataclass_fields__"):
        return _rebuilt_dataclass(value, each)
    return value


def _changed(old: Iterable[Any], each: Callable[[Any], Any]) -> list[Any] | None:
    """The new items, or None where none differs."""
    items = list(old)
    head = [each(item) for item in items[:MAX_ITEMS]]
    if all(new is item for new, item in zip(head, items, strict=False)):
        return None
    return head + items[MAX_ITEMS:]


def _rebuilt_dict(value: dict[Any, Any], each: Callable[[Any], Any]) -> Any:
    new = _changed(value.values(), each)
    if new is None:
        return value
    twin = copy.copy(value)
    twin.update(zip(value, new, strict=True))
    return twin


def _rebuilt_sequence(value: Any, each: Callable[[Any], Any]) -> Any:
    new = _changed(value, each)
    if new is None:
        return value
    return type(value)(*new) if hasattr(value, "_fields") else type(value)(new)


def _rebuilt_dataclass(value: Any, each: Callable[[Any], Any]) -> Any:
    names = _field_names(value)
    new = _changed([getattr(value, name) for name in names], each)
    if new is None:
        return value
    twin = copy.copy(value)
    for name, item in zip(names, new, strict=True):
        object.__setattr__(twin, name, item)
    return twin
