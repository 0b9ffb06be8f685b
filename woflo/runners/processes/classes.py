"""Classes that travel by value: those of a script, a prompt or a function, which no other process can import.

cloudpickle does the work, and knows a class again by an id that it gave it. What it leaves undone is done here:

* On the way to the caller a class that is known there is left as it is. Its attributes are the caller's to set, not
  those of a copy that was made when the call began.
* A child that was forked from its caller has inherited the caller's classes without such ids. There a class is named
  by its address, at which the caller finds it among the subclasses of its base.
* A copy has real `__slots__`: its instances are to fit the class that they were sent from.
"""

from __future__ import annotations

import gc
import io
import sys
import weakref
from collections import ChainMap
from collections.abc import Callable
from functools import cache
from types import CodeType, FunctionType, MemberDescriptorType
from typing import Any, ClassVar, cast

__all__ = ["came_by_fork", "pickler_class"]

_NO_FILE = "<dynamic-code>"
_STATE, _SETTER = 2, 5
"""Where these stand in what a class is reduced to."""
_KWARGS = 3
"""Where the namespace for a new class stands among the arguments of what makes it."""
_TRACKER = -2
"""Where its id stands."""

_forked = False
_unfinished: weakref.WeakSet[type] = weakref.WeakSet()
"""Classes that were made here and have not got their attributes yet."""


def came_by_fork() -> None:
    """To be called in a child that was forked from the process that it answers to."""
    global _forked
    _forked = True


@cache
def pickler_class() -> Any:
    """The class of picklers for what plain pickle refuses."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle is not typed
        to_caller = False
        dispatch_table: ClassVar[Any] = ChainMap(
            {io.TextIOWrapper: _reduce_file, CodeType: _reduce_code}, cloudpickle.Pickler.dispatch_table
        )

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._made_here: set[int] | None = None

        def reducer_override(self, value: Any) -> Any:
            kind = type(value)
            if issubclass(kind, type):
                reduced = super().reducer_override(value)
                return self._class_reduced(value, reduced) if _is_by_value(reduced) else reduced
            return super().reducer_override(value) if kind is FunctionType else NotImplemented

        def _class_reduced(self, cls: type, reduced: tuple[Any, ...]) -> tuple[Any, ...]:
            make, args, state = reduced[:3]
            slots = _slots(cls) if "__slots__" in vars(cls) else ()
            if slots and type(args[_KWARGS]) is dict:
                args[_KWARGS]["__slots__"] = slots
                for name in slots:
                    state[0].pop(name, None)
            address, setter = (self._address(cls), _set_class) if self.to_caller else (None, _renew_class)
            return (_make_class, (make, args, address), state, None, None, setter)

        def _address(self, cls: type) -> tuple[Any, ...] | None:
            """What names a class that this process has inherited from its caller; None for any other."""
            if not _forked:
                return None
            if self._made_here is None:  # what was inherited is frozen, and not among these
                self._made_here = {id(one) for one in gc.get_objects() if issubclass(type(one), type)}
            return None if id(cls) in self._made_here else (id(cls), *_names(cls), cls.__base__)

    return Pickler


def _is_by_value(reduced: Any) -> bool:
    return type(reduced) is tuple and len(reduced) > _SETTER and type(reduced[_STATE]) is tuple


def _slots(cls: type) -> tuple[str, ...]:
    """The slots that a class adds to those of its bases, by the names under which they stand in it."""
    names = [name for name, one in vars(cls).items() if type(one) is MemberDescriptorType and one.__objclass__ is cls]
    return (*names, *(name for name in ("__dict__", "__weakref__") if name in vars(cls)))


def _names(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def _make_class(make: Callable[..., type], args: tuple[Any, ...], address: tuple[Any, ...] | None) -> type:
    """The class that is known here, or a new one, which `_set_class` completes."""
    from cloudpickle import cloudpickle

    known: type | None = cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID.get(args[_TRACKER])
    if known is None and address is not None:
        known = _find(*address)
    if known is None:
        known = make(*args)
        _unfinished.add(known)
    return known


def _find(address: int, module: str, qualname: str, base: type) -> type | None:
    for cls in cast("list[type]", type.__subclasses__(base)):
        if id(cls) == address and _names(cls) == (module, qualname):
            return cls
    return None


def _set_class(cls: type, state: Any) -> None:
    """Complete a new class. Several threads may have to at once, each before it makes use of it."""
    if cls in _unfinished:
        _renew_class(cls, state)


def _renew_class(cls: type, state: Any) -> None:
    """Give a class the attributes that it has in the process that sent it, whatever it had."""
    from cloudpickle import cloudpickle

    cloudpickle._class_setstate(cls, state)
    _unfinished.discard(cls)


def _reduce_code(code: CodeType) -> Any:
    """From 3.1.3 on cloudpickle leaves out the name of the file, without which tracebacks and logs have no lines."""
    import cloudpickle

    make, args = cloudpickle.Pickler.dispatch_table[CodeType](code)
    return make, tuple(code.co_filename if type(one) is str and one == _NO_FILE else one for one in args)


def _reduce_file(file: io.TextIOWrapper) -> Any:
    """cloudpickle makes a file that is open for reading a text in memory: another thing than what was sent."""
    for name in ("stdout", "stderr"):
        if file is getattr(sys, name):
            return (getattr, (sys, name))
    raise TypeError(f"cannot pickle the open file {getattr(file, 'name', None)!r}; send its path")
