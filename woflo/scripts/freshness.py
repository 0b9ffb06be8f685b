"""Whether what a call would make is there already, and up to date; and if not, why.

every output there ── as it was left? ── record of its last success ── agrees ──► up to date
        │                                   │ none
        ▼                                   ▼
      stale                        is any input newer than an output?
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import Any

from woflo.errors import MissingInputError, OptionError
from woflo.kernel import clock
from woflo.scripts.differences import changed_command
from woflo.scripts.folders import changed_below, is_folder, kept_below, looked_below, newest_below
from woflo.scripts.ledger import VALUE, Known, Ledger, encoded, is_gone, ledger
from woflo.scripts.marks import is_marked as was_marked
from woflo.scripts.plan import Plan, folder_of
from woflo.scripts.prints import ABSENT, Place, Print, is_same, look, place, seen, taken, was_away
from woflo.stores.rows import Success

__all__ = ["forced", "forcing", "is_forced", "is_stale", "need_inputs", "reasons", "remember"]

forced: list[str] = []
"""Globs: tasks of these names are executed all the same."""


class forcing:  # noqa: N801 - called like a function, and used as one
    """Execute all tasks whose names match one of these globs, up to date or not; none for going back to what is usual.

    Holds for all of this process: from the call on, or, as `with forcing("sol*"):`, for what is launched within.
    Raises `OptionError` for a name that is no text.
    """

    def __init__(self, *names: str) -> None:
        for name in names:
            if not isinstance(name, str):
                raise OptionError(f"forcing({name!r}): it must be a glob over the names of tasks, as 'sol*'")
        self._before = tuple(forced)
        forced[:] = names

    def __enter__(self) -> None: ...

    def __exit__(self, *exc: object) -> None:
        forced[:] = self._before


def is_forced(name: str) -> str | None:
    """The glob that it is forced by."""
    return next((glob for glob in forced if fnmatchcase(name, glob)), None)


def is_stale(plan: Plan, known: Known | None, *, is_marked: bool | None = None) -> bool:
    """True where there is any reason to execute."""
    return next(reasons(plan, known, is_marked=is_marked), None) is not None


def reasons(plan: Plan, known: Known | None, *, is_marked: bool | None = None) -> Iterator[str]:
    """Why this has to be executed, one after the other; nothing where it is up to date.

    `is_marked` is given by who has the target's mark, and so knows how the attempt before has ended.
    """
    glob = is_forced(plan.name) if forced else None
    if glob is not None:
        yield f"it is forced by {glob!r}"
    if plan.is_forced:
        yield "it is forced by its call"
    if plan.target is None:
        yield "it names no outputs"
        return
    if is_marked is None:
        is_marked = bool(plan.outputs) and was_marked(plan.target)
    if is_marked:
        yield f"the last attempt to make {plan.target} was cut off or has failed"
    found: dict[str, Print] = {}
    yield from _missing_outputs(plan, found, () if known is None else known.record.get("gone", ()))
    yield from _unknown(plan, found) if known is None else _changed(plan, known, found)


def _unknown(plan: Plan, found: dict[str, Print]) -> Iterator[str]:
    """Where nothing is known of an earlier success."""
    if plan.is_cached or not plan.outputs:
        yield "nothing is known of an earlier success"
        return
    yield from _by_time(plan, found)
    for output in plan.outputs:
        if output.pattern is not None:
            yield f"nothing is known of an earlier success, so {output.path} may stand for other files"


def _changed(plan: Plan, known: Known, found: dict[str, Print]) -> Iterator[str]:
    """What is another way than it was at the last success."""
    if plan.codec is not None and VALUE not in known.record:
        yield "its result is not known"
    words = list(_changed_words(plan, known.record))
    if words and known.success.task != plan.name:
        yield f"{plan.target} was made last by another task, {known.success.task}"
    yield from words
    yield from _changed_inputs(plan, known)
    yield from _changed_outputs(plan, known, found)


def _missing_outputs(plan: Plan, found: dict[str, Print], gone: Collection[str]) -> Iterator[str]:
    for output in plan.outputs:
        files = plan.files_of(output)
        if not files:
            yield f"no file matches {output.path}"
        for path in files:
            there = look(plan.path(path))
            if there is ABSENT and path in gone:
                continue
            found[path] = there
            if there is ABSENT:
                yield f"{path} does not exist"


def _by_time(plan: Plan, found: dict[str, Print]) -> Iterator[str]:
    """Without a record, as make does it."""
    times = [there.time for there in found.values() if there is not ABSENT]
    if not times:
        return
    oldest = min(found, key=lambda path: found[path].time)
    for path in plan.inputs:
        there = look(plan.path(path))
        if there is ABSENT:
            yield f"{path} does not exist"
            continue
        newest = newest_below(plan, path) if is_folder(plan, path, there) else (path, there.time)
        if newest is not None and newest[1] > found[oldest].time:
            yield f"{newest[0]} is newer than {oldest}"


def _changed_words(plan: Plan, record: dict[str, Any]) -> Iterator[str]:
    before = record.get("command", [])
    if before != plan.shown:
        yield changed_command(before, plan.shown)
    if record.get("env", {}) != plan.environment:
        for name in sorted({*record.get("env", {}), *plan.environment}):
            old, new = record.get("env", {}).get(name), plan.environment.get(name)
            if old != new:
                yield f"the environment variable {name} was {old!r}, and is {new!r}"
    for what in ("code", "extra"):
        old, new = record.get(what, {}), getattr(plan, what)
        if old != new:
            yield from _changed_parts(what, old, new)


def _changed_parts(what: str, old: dict[str, str], new: dict[str, str]) -> Iterator[str]:
    noun = "the code of" if what == "code" else "the value of"
    for name in sorted({*old, *new}):
        if name not in new:
            yield f"{noun} {name} is no longer part of it"
        elif name not in old:
            yield f"{noun} {name} is new to it"
        elif old[name] != new[name]:
            yield f"{noun} {name} has changed"


def _changed_inputs(plan: Plan, known: Known) -> Iterator[str]:
    for path in plan.inputs:
        before = known.inputs.get(path)
        if before is None:
            yield f"{path} is a new input"
            continue
        if before[0] == -1 and is_folder(plan, path, look(plan.path(path))):
            yield from _changed_folder(plan, path, known)
            continue
        same, was_read = is_same(plan.path(path), before)
        if not same and look(plan.path(path)) is not ABSENT:
            yield f"{path} has changed"
        elif not same and not is_gone(path, before, ledger()):
            yield f"{path} does not exist"
        elif was_read:
            known.inputs[path] = taken(plan.path(path))
            known.renewed = True
    if len(known.inputs) > len(plan.inputs):
        for path in known.inputs.keys() - set(plan.inputs):
            yield f"{path} is no longer an input"


def _changed_folder(plan: Plan, path: str, known: Known) -> Iterator[str]:
    before = known.record.get("below", {}).get(path, {})
    old = dict(before)
    yield from changed_below(plan, path, before)
    known.renewed = known.renewed or old != before


def _changed_outputs(plan: Plan, known: Known, found: dict[str, Print]) -> Iterator[str]:
    """A file that is another one than was left there was made by hand, or by an attempt that was cut off."""
    for path, there in found.items():
        before = known.outputs.get(path)
        if before is None:
            if there is not ABSENT and not _is_globbed(plan, path):
                yield f"{path} was not made by the last success"
        elif there is not ABSENT and not (there[0] == before[0] and there[1] == before[1]):
            same, _ = is_same(plan.path(path), before)
            if not same:
                yield f"{path} is not as it was made"
    for path in known.outputs.keys() - found.keys():
        if any(output.pattern is not None for output in plan.outputs):
            yield f"{path} does not exist"


def _is_globbed(plan: Plan, path: str) -> bool:
    return all(output.pattern is not None for output in plan.outputs if path in plan.files_of(output))


# -- before and after an attempt -----------------------------------------------------------------------


def need_inputs(plan: Plan, book: Ledger | None) -> None:
    """Look at all inputs before the start. Raises `MissingInputError` where one is not there."""
    before: dict[str, Print] = {}
    below: dict[str, dict[str, Print]] = {}
    places: dict[str, Place | None] = {}
    plan.before, plan.below, plan.places = before, below, places
    for path in plan.inputs:
        there = before[path] = seen(plan.path(path))
        if there is ABSENT and path not in plan.away:
            what = f"no file matches its input {path!r}" if path in plan.globs else f"its input {path!r} does not exist"
            raise MissingInputError(f"{plan.name} was not started: {what}{_maker(path, book)}")
        if there is ABSENT:
            continue
        if is_folder(plan, path, there):
            below[path] = looked_below(plan, path, seen)
        else:
            places[path] = place(plan.path(path))


def _maker(path: str, book: Ledger | None) -> str:
    if book is not None:
        for known in book.every():
            if path in known.outputs:
                made = known.success
                return f"; {made.task} made it last (run {made.run_id}), and should make it again before"
    return "; nothing is known to make it: check the path, or call what makes it before, and pass its run as an input"


def _as_read(plan: Plan, path: str) -> Print:
    """An input as the attempt has read it. Of one that was changed meanwhile nobody knows: it will be found changed."""
    whole = plan.path(path)
    found = taken(whole, plan.before.get(path))
    if path in plan.places and was_away(plan.places[path], place(whole)):
        return Print(found.size, 0)  # something else was there meanwhile, such as a part of what a failed attempt made
    return found


def remember(plan: Plan, book: Ledger, run_id: str, files: list[str], **told: Any) -> None:
    """Keep that this was made, so that it is up to date from now on."""
    if plan.target is None:
        return
    record = {"command": plan.shown}
    if plan.environment:
        record["env"] = plan.environment  # type: ignore[assignment]  # JSON has all of these
    inputs = {path: plan.away.get(path) or _as_read(plan, path) for path in plan.inputs}
    outputs = {path: plan.away.get(path) or taken(plan.path(path)) for path in files}
    below = {path: kept_below(plan, path) for path in plan.below}
    parts: dict[str, Any] = {
        "inputs": inputs,
        "below": below,
        "outputs": outputs,
        "code": plan.code,
        "extra": plan.extra,
        **told,
    }
    if where := folder_of(plan.base, plan.root):
        record["folder"] = where  # type: ignore[assignment]  # and this
    record |= {name: value for name, value in parts.items() if value or value == 0}
    book.keep(Success(plan.target, plan.name, run_id, clock.now(), encoded(record)))
