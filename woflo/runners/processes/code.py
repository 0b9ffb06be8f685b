"""The code of tasks for workers that live long: sent once, and again when what it refers to has changed.

A function of an importable module travels by its name. Any other (of a script, a prompt, a closure, a lambda)
travels by value, and with it all that it refers to; so before each use it is asked whether that is still the
same (see `snapshot`), and where this cannot be told by looking, it is packed anew and compared.

In a worker all functions of a script share one dictionary of globals. Loading a code sets those that it names: so
another code that was loaded before and names one of them has to be loaded again, where the value is another one.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from itertools import count
from typing import Any

from woflo.kernel.body import Body
from woflo.runners.processes import shipping
from woflo.runners.processes.calls import plain_head
from woflo.runners.processes.snapshot import ATOMS, Snapshot

__all__ = ["Code", "Codes"]


class Code:
    """One packed body. `number` stands for it in calls."""

    __slots__ = ("checked", "data", "head", "injected_since", "names", "number", "snapshot")

    def __init__(self, data: bytes, snapshot: Snapshot | None, names: Iterable[str]) -> None:
        self.data: bytes = data
        self.injected_since: int | None = None
        """None where its calls have nothing injected. Else the first number under which the classes of what is injected
        may have been packed: a worker that was forked before would take them for others than those of its objects."""
        self.number: int = 0
        self.head: bytes = b""
        """That of first attempts with plain arguments, made once for all of them."""
        self.names: tuple[str, ...] = tuple(names)
        """The globals of `__main__` that it sets in a worker."""
        self.checked: int = 0
        """Up to which change of such a global it was looked whether one of its own was changed."""
        self.snapshot: Snapshot | None = snapshot

    def is_current(self) -> bool:
        """False where the body has to be packed anew before it is used."""
        snapshot = self.snapshot
        return snapshot is None or (snapshot.is_complete and snapshot.is_current())

    def needs_packing(self) -> bool:
        """True where looking does not tell whether it is current."""
        return self.snapshot is not None and not self.snapshot.is_complete


class Codes:
    """The codes that a pool has sent or will send.

    Used by all threads, packing without a lock, for it executes code of the user. Two threads may so pack one body
    at once: both codes are good, each call goes with its own, and the later one is kept. A snapshot is taken before
    its code is packed: what changes in between is found by the next use.
    """

    def __init__(self) -> None:
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._sent: dict[str, Any] = {}
        """By the name of a global of `__main__`: what stands for its value in the last code that set it."""
        self._changed: dict[str, int] = {}
        """The number of the code that changed it last."""
        self.last_change: int = 0
        self.newest: int = 0
        """The number of the last code that was made."""
        self.injects: bool = False
        """True once there is a code whose calls have something injected."""

    def get(self, body: Body) -> Code:
        """The code of `body` as it is now. Raises what packing raises."""
        known: Code | None = body.codes.get(self)
        if known is not None and (known.checked >= self.last_change or not self.is_overtaken(known)):
            if known.is_current() or (known.needs_packing() and known.data == _packed(body)):
                return known
        else:
            known = None
        snapshot = _snapshot(body)
        data = _packed(body)
        if known is not None and known.data == data:
            known.snapshot = snapshot  # what is another object now, and packs to the same, is compared from now on
            return known
        code = self._made(data, snapshot)
        if body.injections is not None:
            before: Code | None = body.codes.get(self)
            code.injected_since = code.number if before is None else before.injected_since
            self.injects = True
        body.codes[self] = code
        return code

    def _made(self, data: bytes, snapshot: Snapshot | None) -> Code:
        main = vars(sys.modules["__main__"])
        values = {} if snapshot is None else {name: value for where, name, value in snapshot.names if where is main}
        marks = {name: _mark(value) for name, value in values.items() if name in main}
        code = Code(data, snapshot, marks)
        with self._lock:
            code.number = self.newest = next(self._numbers)
            code.head = plain_head(code.number)
            for name, mark in marks.items():
                if name in self._sent and not _is_same(self._sent[name], mark):
                    self._changed[name] = self.last_change = code.number
                self._sent[name] = mark
            code.checked = self.last_change
        return code

    def is_overtaken(self, code: Code) -> bool:
        """True where a later code sets a global of this one to another value; it stays so."""
        last = self.last_change
        if code.checked >= last:
            return False
        if any(self._changed.get(name, 0) > code.number for name in code.names):
            return True
        code.checked = last
        return False


def _snapshot(body: Body) -> Snapshot | None:
    """None for what travels by its name and is what it is in any process."""
    if getattr(body.found_by_name(), "body", None) is body:
        return None
    snapshot = Snapshot(body.fn)
    return None if snapshot.is_complete and not snapshot.compares() else snapshot


def _mark(value: Any) -> Any:
    """What stands for a value, to be compared: itself where it cannot change."""
    if type(value) in ATOMS:
        return value
    try:
        return hash(shipping.dump_in_memory(value))
    except Exception:  # only named as a global is, or packing the whole has told
        return id(value)


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) is int and one == other)


def _packed(body: Body) -> bytes:
    return shipping.dump_in_memory(body)
