"""The code of tasks for workers that live long: sent once, and again when what it refers to has changed.

A function of an importable module travels by its name. Any other (of a script, a prompt, a closure, a lambda)
travels by value, and with it the globals that it uses; so before each use it is asked whether those are
still the same objects, and where one of them can change inside, it is packed anew and compared.
"""

from __future__ import annotations

from itertools import count
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from woflo.kernel.body import Body
from woflo.runners.processes import shipping

__all__ = ["Code", "Codes"]

_FIXED = (int, float, str, bytes, bool, complex, type(None), ModuleType, BuiltinFunctionType, type)
_MISSING = object()


class Code:
    """One packed body. `number` stands for it in calls."""

    __slots__ = ("_seen", "_volatile", "data", "number")

    def __init__(self, number: int, body: Body, data: bytes) -> None:
        self.number: int = number
        self.data: bytes = data
        self._seen: list[tuple[dict[str, Any], str, Any]] = []
        self._volatile = False
        if getattr(body.found_by_name(), "body", None) is not body:
            self._note_globals(body.fn, set())

    def _note_globals(self, fn: Any, done: set[int]) -> None:
        """Remember every global and closed-over value that the code of `fn` names, functions among them in turn."""
        if not isinstance(fn, FunctionType):
            self._volatile |= not isinstance(fn, _FIXED)
            return
        if id(fn) in done or (fn.__module__ != "__main__" and "<" not in fn.__qualname__):
            return
        done.add(id(fn))
        self._volatile |= bool(fn.__closure__)
        for name in _names(fn.__code__):
            value = fn.__globals__.get(name, _MISSING)
            self._seen.append((fn.__globals__, name, value))
            if isinstance(value, FunctionType):
                self._note_globals(value, done)
            elif isinstance(getattr(value, "body", None), Body):
                self._note_globals(value.body.fn, done)
            elif value is not _MISSING and not isinstance(value, _FIXED):
                self._volatile = True

    def is_current(self) -> bool:
        """False where the body has to be packed anew before it is used."""
        if not self._seen:
            return not self._volatile
        if self._volatile:
            return False
        return all(values.get(name, _MISSING) is value for values, name, value in self._seen)


def _names(code: CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names(constant)
    return found


class Codes:
    """The codes that a pool has sent or will send. Used under the pool's lock."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def get(self, body: Body) -> Code:
        """The code of `body` as it is now. Raises what packing raises."""
        known: Code | None = body.codes.get(self)
        if known is not None and known.is_current():
            return known
        data = _packed(body)
        if known is not None and known.data == data:
            return known
        code = body.codes[self] = Code(next(self._numbers), body, data)
        return code


def _packed(body: Body) -> bytes:
    return shipping.dump_in_memory(body)
