"""Outputs that go when their last reader is done, and come again when another one needs them.

A reader is a run that was called with the run that made them. They are removed when all readers that were called until
then have succeeded. The record of their maker tells that they are gone: it, and its readers, are up to date without
them. Where a reader has to be executed all the same, they are made again before.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable
from typing import Any

from woflo.kernel.context import current_attempt
from woflo.kernel.state import SUCCESSES
from woflo.scripts.files import Temporary
from woflo.scripts.ledger import GONE, Ledger, ledger
from woflo.scripts.places import is_inside, project
from woflo.scripts.plan import Plan
from woflo.scripts.prints import look

__all__ = ["called", "hold", "made_again", "note_maker", "release"]

_lock = threading.Lock()


class _Made:
    """The temporary outputs of a run."""

    def __init__(self, run: Any, plan: Plan, paths: list[str]) -> None:
        self.target = plan.target
        self.paths = paths
        """As the record has them."""
        self.base = plan.base
        self.call = (run.task, run._args, dict(run._kwargs))
        self.readers = 0
        self.has_failed = False


def note_maker(run: Any, plan: Plan) -> None:
    """This run makes, or has made, what its plan says."""
    paths = [path for one in plan.outputs if one.kind is Temporary for path in plan.files_of(one)]
    if paths:
        run._temporaries = _Made(run, plan, paths)


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
    with _lock:
        is_last = maker._readers == 0 and not getattr(maker, "_has_failed", False)
    if is_last and made is not None and maker._state in SUCCESSES:
        _remove(made)


def _remove(made: _Made) -> None:
    book = ledger()
    known = None if made.target is None else book.get(made.target)
    if known is None:
        return
    own = known.own()
    read = {os.path.realpath(os.path.join(made.base, path)) for path in known.inputs}
    gone = [path for path in made.paths if _is_removed(os.path.join(made.base, path), own.get(path), read)]
    if gone:
        before = known.record.get(GONE, [])
        book.keep_record(known, {**known.record, GONE: sorted({*before, *gone})})


def _is_removed(whole: str, made: Any, read: set[str]) -> bool:
    """Removes a file that is as woflo has left it, lies in the project, and is none that its maker has `read`."""
    there = look(whole)
    if made is None or there.size < 0 or list(there[:2]) != list(made[:2]) or not is_inside(whole, project()):
        return False
    if os.path.realpath(whole) in read:
        return False
    if not stat.S_ISREG(os.lstat(whole).st_mode):
        return False
    os.unlink(whole)
    return True


def made_again(run: Any, book: Ledger) -> None:
    """Before a reader is executed: what it reads is there again."""
    for maker in getattr(run, "_makers", ()):
        made: _Made | None = getattr(maker, "_temporaries", None)
        if made is None or made.target is None:
            continue
        if all(os.path.exists(os.path.join(made.base, path)) for path in made.paths):
            continue
        known = book.get(made.target)
        if known is not None and GONE in known.record:
            book.keep_record(known, {name: value for name, value in known.record.items() if name != GONE})
        task, args, kwargs = made.call
        token = current_attempt.set(None)
        try:
            again = task(*args, **kwargs)
            called(run, [again])
            again.get_result()
        finally:
            current_attempt.reset(token)
