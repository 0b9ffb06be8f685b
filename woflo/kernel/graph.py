"""Handles among the arguments of a call: finding them, and putting their values in their place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Mapping
from operator import is_
from typing import Any, Generic, TypeVar

from woflo.errors import ArgumentError

__all__ = ["Handle", "HandleSeries", "Quoted", "find_handles", "quote", "substitute"]

T = TypeVar("T")

ATOMS = frozenset({int, float, str, bytes, bool, complex, type(None), bytearray, range, slice, type(...)})
_CONTAINERS = (list, tuple, dict, set, frozenset)


class Handle:
    """Marks what stands for a value that is still being made. `BaseTaskRun` is the only heir."""

    __slots__ = ()


class HandleSeries:
    """Marks what hands out handles one by one, which no values can be put in place of. `RunMap` is the only heir."""

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


_SEARCHED = (Handle, HandleSeries, Quoted, *_CONTAINERS)

# The search goes to the bottom of every container, each looked at once, so what contains itself ends too. Its cost is
# a few microseconds for each container that holds others, and nanoseconds for each item of one that holds none.


def find_handles(args: Iterable[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], bool]:
    """The handles in a call's arguments, and whether anything (a quote as well) has to be substituted.

    Raises `ArgumentError` for what `map` returned.
    """
    found: list[Any] = []
    touched = False
    todo = _worth_a_look((*args, *kwargs.values()))
    seen: dict[int, Any] = {}  # the values too: an id is good only as long as its object
    while todo:
        value = todo.pop()
        if isinstance(value, Handle):
            found.append(value)
            touched = True
        elif isinstance(value, Quoted):
            touched = True
        elif isinstance(value, HandleSeries):
            raise ArgumentError(
                "a call was given what map returned, which hands out handles one by one; give it list(...) of that for "
                "their values, or quote(...) of it for the handles"
            )
        elif id(value) not in seen:
            inner = _worth_a_look(_items(value))
            if inner:
                seen[id(value)] = value
                todo += inner
    return found, touched


def _worth_a_look(items: Iterable[Any]) -> list[Any]:
    """Those of `items` that are a handle or a quote, or may hold one; the last comes first."""
    kinds = {kind for kind in set(map(type, items)) - ATOMS if _may_hold(kind)}
    if not kinds:
        return []
    kept = [item for item in list(items) if type(item) in kinds]
    kept.reverse()
    return kept


def _may_hold(kind: type) -> bool:
    return issubclass(kind, _SEARCHED) or hasattr(kind, "__dataclass_fields__")


def _items(value: Any) -> Collection[Any]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, _CONTAINERS):
        return value
    return [getattr(value, name) for name in _field_names(value)]


def _field_names(value: Any) -> list[str]:
    from dataclasses import fields

    return [field.name for field in fields(value) if hasattr(value, field.name)]


_OPEN = object()
"""Stands for what a container becomes, as long as that is not known."""


def substitute(value: Any, value_of: Callable[[Any], Any]) -> Any:
    """`value` with every handle replaced by `value_of(handle)`; what holds none is returned as it is.

    What is there twice is replaced once. Raises `ArgumentError` for a handle inside of a container that contains
    itself.
    """
    if type(value) in ATOMS:
        return value
    new: dict[int, Any] = {}
    kept: list[Any] = []  # an id is good only as long as its object
    contain_themselves: set[int] = set()
    todo: list[tuple[Any, bool]] = [(value, False)]
    while todo:
        one, is_searched = todo.pop()
        key = id(one)
        if is_searched:
            new[key] = _closed(one, new, key in contain_themselves)
        elif key in new:
            if new[key] is _OPEN:
                contain_themselves.add(key)
        elif isinstance(one, Handle | Quoted):
            new[key] = one.value if isinstance(one, Quoted) else value_of(one)
        elif inner := _worth_a_look(_items(one)) if _may_hold(type(one)) else []:
            new[key] = _OPEN
            kept.append(one)
            todo.append((one, True))
            todo += [(item, False) for item in inner]
    return new.get(id(value), value)


def _closed(one: Any, new: dict[int, Any], contains_itself: bool) -> Any:
    """What a container becomes, when that is known of all that it holds."""
    twin = _rebuilt(one, lambda item: item if (other := new.get(id(item), item)) is _OPEN else other)
    if contains_itself and twin is not one:
        raise ArgumentError(
            f"a {type(one).__name__} among the arguments contains itself and a handle, which cannot be "
            f"replaced there; pass the handle as an argument of its own"
        )
    return twin


def _rebuilt(value: Any, each: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return _rebuilt_dict(value, each)
    if isinstance(value, _CONTAINERS):
        return _rebuilt_sequence(value, each)
    return _rebuilt_dataclass(value, each)


def _changed(old: Iterable[Any], each: Callable[[Any], Any]) -> list[Any] | None:
    """The new items, or None where none differs."""
    items = list(old)
    changed = [each(item) for item in items]
    return None if all(map(is_, changed, items)) else changed


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
