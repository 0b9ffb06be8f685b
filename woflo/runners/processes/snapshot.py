"""What code refers to, as it was when it was packed: asked before each use whether it is still the same.

    function ──► its code, defaults, attributes, closure ──► values
        └──────► the globals that it names ──────────────► values
    class ─────► its attributes, bases, metaclass ────────► values

Followed is what travels by value. A value that can change inside without that being seen here makes the snapshot
incomplete: then only packing anew tells.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from enum import EnumMeta
from operator import is_
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from woflo.kernel.task import Task

__all__ = ["ATOMS", "MISSING", "Snapshot", "content_of", "names_in", "travels_by_name"]

MOST = 256
"""Elements of a container beyond which packing is no dearer than comparing."""
MISSING = object()
"""Stands for what a global or a closure does not have yet."""
ATOMS: frozenset[Any] = frozenset(
    {int, float, complex, str, bytes, bool, range, type(None), type(...), type(NotImplemented), CodeType}
)
"""Types whose values hold nothing that could change."""
_FIXED_NAMES = {
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "logging": {"Logger", "RootLogger"},  # travel by their names
    "numpy": {"_ArrayFunctionDispatcher", "ufunc", "float64", "int64", "bool", "bool_"},
    "pathlib": {"PosixPath", "WindowsPath"},
    "pathlib._local": {"PosixPath", "WindowsPath"},
    "re": {"Pattern"},
    "uuid": {"UUID"},
}
"""The same, of modules that need not be imported for that, by module and class."""
_FIXED = ATOMS | {
    types.ClassMethodDescriptorType,
    types.GenericAlias,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.MethodDescriptorType,
    types.UnionType,
    types.WrapperDescriptorType,
}
_MADE_WITH_THE_CLASS = frozenset(
    {
        "__annotate__",
        "__annotate_func__",
        "__annotations__",
        "__annotations_cache__",
        "__dataclass_fields__",
        "__dataclass_params__",
        "__dict__",
        "__orig_bases__",
        "__parameters__",
        "__static_attributes__",
        "__type_params__",
        "__weakref__",
    }
)
"""Attributes of a class that nobody changes inside; another value in their place is seen."""


class Snapshot:
    """All that can be followed from `root`, a function, a class or any other object that can be called."""

    __slots__ = ("_by_value", "_cells", "_done", "_empty", "_functions", "_inside", "_open", "is_complete", "names")

    def __init__(self, root: Any) -> None:
        self.is_complete: bool = True
        """False where something can change inside without `is_current` seeing it."""
        self.names: list[tuple[dict[str, Any], str, Any]] = []
        """Globals that are named: where, the name, the value."""
        self._functions: list[tuple[Any, Any, Any, Any]] = []
        self._cells: list[tuple[Any, Any]] = []
        self._empty: list[Any] = []
        """Dictionaries and lists with nothing in them."""
        self._inside: list[tuple[Callable[[Any], tuple[Any, ...]], Any, tuple[Any, ...]]] = []
        """What holds others: how to read it, the thing, and what it held."""
        self._by_value = _modules_by_value()
        self._done: dict[int, Any] = {}
        self._open = [root]
        while self._open:
            value = self._open.pop()
            if type(value) not in _FIXED and id(value) not in self._done:
                self._done[id(value)] = value  # kept as well, for its identity is its name here
                self._look_at(value)
        self._done.clear()

    def is_current(self) -> bool:  # noqa: PLR0912  # flat, because it is asked before each call
        """False where something is not what it was. True means little where the snapshot is incomplete."""
        for values, name, value in self.names:
            if values.get(name, MISSING) is not value:
                return False
        for fn, code, defaults, named in self._functions:
            if fn.__code__ is not code or fn.__defaults__ is not defaults or fn.__kwdefaults__ is not named:
                return False
        for cell, value in self._cells:
            if content_of(cell) is not value:
                return False
        if any(self._empty):
            return False
        for read, thing, parts in self._inside:
            now = read(thing)
            if len(now) != len(parts) or not all(map(is_, now, parts)):
                return False
        return True

    def compares(self) -> bool:
        """False where there is nothing that could be another."""
        return bool(self.names or self._functions or self._cells or self._empty or self._inside)

    # -- following -------------------------------------------------------------------------------------

    def _look_at(self, value: Any) -> None:
        look = _LOOKS.get(type(value))
        if look is not None:
            look(self, value)
        elif isinstance(value, type):
            self._look_at_class(value)
        elif isinstance(value, Task):
            if getattr(value.body.found_by_name(), "body", None) is not value.body:
                self._open.append(value.body.fn)
        elif type(value).__qualname__ not in _FIXED_NAMES.get(type(value).__module__, ()):
            self.is_complete = False

    def _look_at_function(self, fn: Any) -> None:
        if travels_by_name(fn, self._by_value):
            return
        self._functions.append((fn, fn.__code__, fn.__defaults__, fn.__kwdefaults__))
        for name in names_in(fn.__code__):
            value = fn.__globals__.get(name, MISSING)
            self.names.append((fn.__globals__, name, value))
            if value is not MISSING:
                self._open.append(value)
        for cell in fn.__closure__ or ():
            value = content_of(cell)
            self._cells.append((cell, value))
            if value is not MISSING:
                self._open.append(value)
        self._open += [fn.__defaults__, fn.__dict__, fn.__kwdefaults__]
        self._open += [value for value in list(fn.__annotations__.values()) if isinstance(value, type)]

    def _look_at_class(self, cls: Any) -> None:
        if travels_by_name(cls, self._by_value):
            return
        attributes = vars(cls)
        self._inside.append((_keys_and_values, attributes, _keys_and_values(attributes)))
        self._open += [type(cls), *cls.__bases__]
        if isinstance(cls, EnumMeta):
            self._open += [member.value for member in cls]  # type: ignore[var-annotated]
            self._open += [value for name, value in list(attributes.items()) if not _is_of_enum(cls, name, value)]
        else:
            self._open += [value for name, value in list(attributes.items()) if name not in _MADE_WITH_THE_CLASS]

    def _look_at_builtin(self, fn: Any) -> None:
        if not isinstance(fn.__self__, ModuleType):
            self._open.append(fn.__self__)

    def _look_at_module(self, module: Any) -> None:
        name = module.__name__
        if name not in sys.modules or name in self._by_value:
            self.is_complete = False

    def _look_at_container(self, value: Any) -> None:
        if not value:
            self._empty.append(value)
        elif len(value) > MOST:
            self.is_complete = False
        else:
            read: Any = _keys_and_values if type(value) is dict else tuple
            parts = read(value)
            self._inside.append((read, value, parts))
            self._open += parts

    def _look_at_parts(self, value: Any) -> None:
        """What stays the same object while others hold it, but may hold what changes."""
        self._open += _parts(value)


_LOOKS: dict[Any, Callable[[Snapshot, Any], None]] = {
    FunctionType: Snapshot._look_at_function,
    BuiltinFunctionType: Snapshot._look_at_builtin,
    types.MethodWrapperType: Snapshot._look_at_builtin,
    ModuleType: Snapshot._look_at_module,
    **dict.fromkeys((dict, list, set), Snapshot._look_at_container),
    **dict.fromkeys((tuple, frozenset, MethodType, staticmethod, classmethod, property), Snapshot._look_at_parts),
    functools.cached_property: Snapshot._look_at_parts,
}


def _parts(value: Any) -> list[Any]:
    if isinstance(value, tuple | frozenset):
        return list(value)
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    if isinstance(value, MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, functools.cached_property):
        return [value.func]
    return [value.__func__]


def travels_by_name(what: Any, by_value: frozenset[str] = frozenset()) -> bool:
    """True for a function or class that another process can import, which no script is."""
    module: Any = getattr(what, "__module__", None)
    if module in by_value or (module == "__main__" or "<" in what.__qualname__):
        return False
    found: Any = sys.modules.get(module) if module else None
    for name in what.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is what


def _modules_by_value() -> frozenset[str]:
    """Modules of which the user told cloudpickle that the other process does not have them."""
    cloudpickle: Any = sys.modules.get("cloudpickle.cloudpickle")
    return frozenset() if cloudpickle is None else frozenset(cloudpickle.list_registry_pickle_by_value())


def names_in(code: CodeType) -> set[str]:
    """The globals and attributes that code names, and the code of functions in it."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= names_in(constant)
    return found


def content_of(cell: Any) -> Any:
    """What a closure holds, or `MISSING`."""
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


def _keys_and_values(values: Any) -> tuple[Any, ...]:
    return (*values.keys(), *values.values())


def _is_of_enum(cls: Any, name: str, value: Any) -> bool:
    """True for what the class made of its members for itself."""
    hidden = name.startswith("_") and name.endswith("_")
    return isinstance(value, cls) or type(value).__module__ == "enum" or (hidden and type(value) is not FunctionType)
