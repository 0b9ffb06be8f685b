"""What the store knows of targets, in the memory of this process.

The first few targets are looked up one by one. Whoever asks for more gets all that there is in one go. What another
process writes meanwhile is seen before anything is executed (`again`). Nothing depends on being up to date here: what
is known of a target is compared with its files, and files that agree are up to date whoever has made them.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from typing import Any

from woflo.kernel import clock, runtime
from woflo.kernel.registry import load_current_store
from woflo.scripts.places import folder
from woflo.scripts.prints import Print
from woflo.scripts.sweeping import limits
from woflo.stores.contract import Store
from woflo.stores.operations import ForgetSuccesses, KeepSuccesses, Operation, Submit
from woflo.stores.rows import Row, Success, Tag

__all__ = ["GONE", "STAYED", "VALUE", "Known", "Ledger", "encoded", "inherited", "is_gone", "ledger"]

GONE = "gone"
"""In a record: the outputs that were removed when they were read."""
VALUE = "value"
"""In the record of a function: its result."""
STAYED = "stayed"
"""In a record: the outputs that were there before the attempt, and that it has left as they were."""

ONE_BY_ONE = 8
"""How many targets are looked up by themselves."""
GATHER_SECONDS = 0.03
"""How long what has ended waits for others, to be written with them."""
_decode = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # what `json.loads` stands on
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Known:
    """The last success of a target."""

    __slots__ = ("inputs", "outputs", "record", "renewed", "success")

    def __init__(self, success: Success) -> None:
        self.success: Success = success
        self.record: dict[str, Any] = _decode(success.record, 0)[0]
        self.inputs: dict[str, Print] = self.record.get("inputs", {})
        """The fields of prints, as JSON has them: to make the real ones would take as long as all the rest."""
        self.renewed: bool = False
        """True where an input has another time, and the same contents: `inputs` has that time by now."""
        self.outputs: dict[str, Print] = self.record.get("outputs", {})

    def own(self) -> dict[str, Print]:
        """Of the outputs, those that woflo has made: not what was there and stayed, nor what a person has accepted."""
        if not self.success.run_id:
            return {}
        others = {os.path.normpath(path) for path in (*self.record.get(STAYED, ()), *self.inputs)}
        return {path: made for path, made in self.outputs.items() if os.path.normpath(path) not in others}


class Ledger:
    """For one store. Used by all threads."""

    def __init__(self, store: Store) -> None:
        self.given = store
        self._is_in_child = store.is_inherited
        """True where a child has opened the store anew: it leaves without waiting, so nothing is put off."""
        self.store: Store = store.reopened() if self._is_in_child else store
        self._lock = threading.Lock()
        self._known: dict[str, Success | None] = {}
        self._has_all = False
        self._waiting: list[Operation[Any]] = []
        """What is written with the next commit."""
        self._under_way = 0
        self._idle = threading.Condition(self._lock)
        self.logs: str = folder("logs")
        """Where the output of commands goes."""
        limits()  # what cannot be meant there is told before anything is executed
        runtime.current.closers[self] = self._flush_at_exit

    def get(self, target: str) -> Known | None:
        """How a target was made last, as far as this process knows."""
        found: Any = self._known.get(target, self)
        if found is self:
            found = self._looked_up(target)
        return None if found is None else Known(found)

    def again(self, target: str) -> Known | None:
        """The same, as the store has it now; what this process is writing is newer than that."""
        if self._under_way:
            return self.get(target)
        found = self._asked(target)
        return None if found is None else Known(found)

    def _looked_up(self, target: str) -> Success | None:
        if self._has_all:
            return None
        if len(self._known) < ONE_BY_ONE:
            return self._asked(target)
        self._look_at_all()
        return self._known.get(target)

    def _look_at_all(self) -> None:
        every = self.store.successes()
        with self._lock:
            for one in every:
                self._known.setdefault(one.target, one)
            self._has_all = True

    def _asked(self, target: str) -> Success | None:
        found = self.store.successes([target])
        success = self._known[target] = found[0] if found else None
        return success

    def every(self) -> list[Known]:
        """All that is known, by the store or, of what is being written, by this process."""
        found = {one.target: one for one in self.store.successes()}
        with self._lock:
            found |= {target: one for target, one in self._known.items() if one is not None}
        return [Known(one) for one in found.values()]

    # -- writing ---------------------------------------------------------------------------------------

    def keep(self, success: Success) -> None:
        """Keep it, soon: a batch of them shares a commit. What comes later in this process knows of it at once."""
        with self._lock:
            self._known[success.target] = success
        self.submit(KeepSuccesses(now=success.made_at, successes=(success,)))

    def renew(self, known: Known) -> None:
        """Keep what was seen of the inputs since, so that they need not be read the next time."""
        self.keep_record(known, {**known.record, "inputs": known.inputs})

    def keep_record(self, known: Known, record: dict[str, Any]) -> None:
        """Another record of the same success."""
        self.keep(known.success._replace(record=encoded(record)))

    def gone(self) -> list[Known]:
        """Those of whose outputs some were temporary, and are gone."""
        if not self._has_all:
            self._look_at_all()
        return [Known(one) for one in list(self._known.values()) if one is not None and '"gone":[' in one.record]

    def forget(self, target: str) -> None:
        """Know no longer how it was made."""
        with self._lock:
            self._known[target] = None
        self.submit(ForgetSuccesses(now=clock.now(), targets=(target,)))

    def add_run(self, row: Row, tags: tuple[Tag, ...] = ()) -> None:
        """Keep a run that has ended, for the history, and what it is found by."""
        self.submit(Submit(now=row.created_at, runs=(row,), tags=tags))

    def submit(self, operation: Operation[Any]) -> None:
        """Write it, soon: what comes within a moment shares a commit."""
        if self._is_in_child:
            self.store.write(operation)
            return
        with self._lock:
            self._under_way += 1
            self._waiting.append(operation)
            is_first = len(self._waiting) == 1
        if is_first:
            runtime.current.reactor.call_later(GATHER_SECONDS, self._write)

    def _write(self) -> None:
        with self._lock:
            operations, self._waiting = self._waiting, []
        if operations:
            try:
                self.store.submit(operations, self._written)
            except Exception as error:
                self._written([error] * len(operations))

    def _written(self, results: list[Any]) -> None:
        with self._lock:
            self._under_way -= len(results)
            if not self._under_way:
                self._idle.notify_all()
        for result in results:
            if isinstance(result, Exception):
                from woflo.kernel.bus import complain

                complain("what a script has made could not be recorded; it will be made again", result)

    def _flush_at_exit(self) -> None:
        self.flush(FLUSH_SECONDS)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was written is kept; False where that takes longer than `timeout` seconds."""
        self._write()
        with self._lock:
            return self._idle.wait_for(lambda: not self._under_way, timeout)


def encoded(record: dict[str, Any]) -> str:
    """A record as it is kept."""
    return _encode(record)


def is_gone(path: str, made: Any, book: Ledger) -> bool:
    """True for an input that is not there because it was temporary, and was read as it is known."""
    return any(path in known.record["gone"] and _is_alike(known.outputs.get(path), made) for known in book.gone())


def _is_alike(one: Any, other: Any) -> bool:
    """True where two prints are of the same contents."""
    if one is None or one[0] != other[0]:
        return False
    return bool(one[2] == other[2] if one[2] else one[1] == other[1])


_current_store: Callable[[], Any] | None = None
_ledger: Ledger | None = None
_lock = threading.Lock()


def inherited(target: str) -> Known | None:
    """What the caller of this child knew of a target when it was forked; nothing in a process that was not."""
    found = _callers.get(target)
    return None if found is None else Known(found)


_callers: dict[str, Success | None] = {}


def _inherit() -> None:
    global _callers, _ledger, _lock
    _callers = {} if _ledger is None else _ledger._known
    _ledger, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_inherit)


def ledger() -> Ledger:
    """That of the store of this process."""
    global _ledger, _current_store
    if _current_store is None:
        _current_store = load_current_store()
    store: Store = _current_store()
    found = _ledger
    if found is not None and found.given is store:
        return found
    with _lock:
        if _ledger is None or _ledger.given is not store:
            _ledger = Ledger(store)
        return _ledger


FLUSH_SECONDS = 60.0
"""How long the end of a program waits for what is being written."""
