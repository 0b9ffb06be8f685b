"""Outputs that go when their last reader is done, and come again when another one needs them.

A reader is a run that was called with a run that makes them. They are removed when all readers that were called until
then have ended, with whichever of the runs that make them, and those that were called with the last one have succeeded.
The record of their maker tells that they are gone: it, and its readers, are up to date without them. Where a reader has
to be executed all the same, they are made again before, for all readers that there are.

    called       a reader is counted, and from then on nothing goes
    ended        the last one was counted out: they go, in one moment for whoever looks (`_Files.lock`)
    maker_first  who is counted looks whether they are there; those who miss them wait for one run that makes them
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable
from typing import Any
from weakref import WeakSet, WeakValueDictionary

from woflo.kernel.context import current_attempt
from woflo.kernel.state import SUCCESSES, TERMINAL
from woflo.scripts.files import Temporary
from woflo.scripts.ledger import GONE, Ledger, ledger
from woflo.scripts.places import is_inside, project
from woflo.scripts.plan import Plan
from woflo.scripts.prints import look

__all__ = ["called", "hold", "maker_first", "note_maker", "release"]

_lock = threading.Lock()
"""Of what is counted. Never held while files or records are looked at."""


class _Files:
    """What several runs have in common that make the same temporary outputs."""

    def __init__(self) -> None:
        self.makers: WeakSet[Any] = WeakSet()
        """Those whose readers count."""
        self.lock = threading.Lock()
        """While they go, and while somebody looks whether they are there."""
        self.again: Any = None
        """The run that makes them again, or has done so last."""


_files: WeakValueDictionary[str, _Files] = WeakValueDictionary()
"""By the whole path of their target."""


class _Made:
    """The temporary outputs of a run."""

    def __init__(self, run: Any, plan: Plan, target: str, paths: list[str]) -> None:
        self.target = target
        self.paths = paths
        """As the record has them."""
        self.base = plan.base
        self.call = (run.task, run._args, dict(run._kwargs))
        with _lock:
            self.files = _files.setdefault(os.path.join(project(), target), _Files())
            self.files.makers.add(run)

    def is_there(self) -> bool:
        """True where nothing is missing."""
        return all(os.path.exists(os.path.join(self.base, path)) for path in self.paths)


def note_maker(run: Any, plan: Plan) -> None:
    """This run makes, or has made, what its plan says."""
    paths = [path for one in plan.outputs if one.kind is Temporary for path in plan.files_of(one)]
    if paths and plan.target is not None:
        run._temporaries = _Made(run, plan, plan.target, paths)


def called(run: Any, handles: Iterable[Any]) -> None:
    """This run reads what those make."""
    makers = [one for one in handles if getattr(one.task.body.fn, "has_temporary", False)]
    if not makers:
        return
    run._makers = [*getattr(run, "_makers", ()), *makers]
    for maker in makers:
        with _lock:
            maker._readers = getattr(maker, "_readers", 0) + 1

    def ended(reader: Any) -> None:
        for maker in makers:
            _ended(maker, reader)

    if not run._watch(ended):
        ended(run)


def hold(maker: Any) -> None:
    """Its outputs stay until `release`: further readers will be called."""
    with _lock:
        maker._readers = getattr(maker, "_readers", 0) + 1


def release(maker: Any) -> None:
    """All readers were called."""
    with _lock:
        maker._readers -= 1
    _remove_if_read(maker)


def _ended(maker: Any, reader: Any) -> None:
    with _lock:
        maker._readers -= 1
        maker._has_failed = getattr(maker, "_has_failed", False) or reader._state not in SUCCESSES
    _remove_if_read(maker)


def _remove_if_read(maker: Any) -> None:
    made: _Made | None = getattr(maker, "_temporaries", None)
    if made is None or maker._state not in SUCCESSES or getattr(maker, "_has_failed", False):
        return
    with made.files.lock:
        with _lock:
            is_read = not any(getattr(one, "_readers", 0) for one in made.files.makers)
        if is_read:
            _remove(made)


def _remove(made: _Made) -> None:
    """First it is known that they are gone, and then they are: who misses one finds why."""
    book = ledger()
    known = book.get(made.target)
    if known is None:
        return
    own = known.own()
    read = {os.path.realpath(os.path.join(made.base, path)) for path in known.inputs}
    going = [path for path in made.paths if _is_own(os.path.join(made.base, path), own.get(path), read)]
    if going:
        book.keep_record(known, {**known.record, GONE: sorted({*known.record.get(GONE, []), *going})})
        for path in going:
            os.unlink(os.path.join(made.base, path))


def _is_own(whole: str, made: Any, read: set[str]) -> bool:
    """True for a file that is as woflo has left it, lies in the project, and is none that its maker has `read`."""
    there = look(whole)
    if made is None or there.size < 0 or list(there[:2]) != list(made[:2]) or not is_inside(whole, project()):
        return False
    return os.path.realpath(whole) not in read and stat.S_ISREG(os.lstat(whole).st_mode)


def maker_first(run: Any, book: Ledger) -> Any:
    """The run that this reader has to wait for, because it makes again what is missing; None where all is there.

    It stays there then: this reader is counted.
    """
    for maker in getattr(run, "_makers", ()):
        made: _Made | None = getattr(maker, "_temporaries", None)
        if made is None or made.files in getattr(run, "_brought_back", ()):
            continue  # what is missing though it was made again is missed by the look at the inputs
        again = _bring_back(made, book)
        if again is not None:
            run._brought_back = (*getattr(run, "_brought_back", ()), made.files)
            return again
    return None


def _bring_back(made: _Made, book: Ledger) -> Any:
    files = made.files
    with files.lock:
        if made.is_there():
            return None
        if files.again is not None and files.again._state not in TERMINAL:
            return files.again
        known = book.get(made.target)
        if known is not None and GONE in known.record:
            book.keep_record(known, {name: value for name, value in known.record.items() if name != GONE})
    task, args, kwargs = made.call
    token = current_attempt.set(None)
    try:
        files.again = again = task(*args, **kwargs)
    finally:
        current_attempt.reset(token)
    return again
