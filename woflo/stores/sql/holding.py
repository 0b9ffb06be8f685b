"""Writes about a run by the one that holds it, in named statements."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from woflo.kernel.state import RunState
from woflo.stores.blobs import is_reference
from woflo.stores.operations import Accepted, Claimed, Finish, Forget, Park, Publish, Record, Release, TakeSignal
from woflo.stores.refusals import lease_lost, recorded_already
from woflo.stores.rows import Row
from woflo.stores.sql.asking import Answer, Doing, Statement
from woflo.stores.sql.calls import accepted_with_tags, handed_over
from woflo.stores.sql.keeping import dropping
from woflo.stores.sql.large import swept
from woflo.stores.sql.rows import rows_of, values_of
from woflo.stores.sql.telling import end_run, first, known, tell_of, tell_of_stopped, wake_for

__all__ = ["finish", "forget", "park", "publish", "record", "release", "take_signal"]


def _held(op: Claimed[Any], others: list[Statement]) -> Doing[tuple[str | None, bool, list[Answer]]]:
    """Look at the claim, keep the notes and steps that came with it, and ask others after them: all in one go.

    Gives the parent, whether a stop is requested, and the answers to the others. A claim is rarely lost; then what was
    written is taken back.
    """
    answers = yield [("held", op.claim), *map(_add, op.notes), *map(_keep, op.steps), *others]
    if not answers[0].rows:
        raise lease_lost(op.claim)
    at = 1 + len(op.notes)
    for step in op.steps:
        _check_kept(step, answers[at])
        at += 1
    parent_id, stop_requested = answers[0].rows[0]
    return parent_id, stop_requested, answers[at:]


def _add(note: Row) -> Statement:
    return "add_run", values_of(note)


def _keep(step: Row) -> Statement:
    return "keep_step", values_of(step)


def _check_kept(step: Row, answer: Answer) -> None:
    if not answer.changed:
        raise recorded_already(step)


def _progress(op: Claimed[Any]) -> list[Statement]:
    """Asked beside what it came to; taken back with that where that is refused."""
    return [("forget_deaths", {"id": op.claim.run_id})] if op.comes_further else []


def record(op: Record) -> Doing[list[Accepted]]:
    """See `Record`."""
    yield from _held(op, _progress(op))
    return (yield from accepted_with_tags(op.calls, op.tags, op.now)) if op.calls else []


def finish(op: Finish) -> Doing[None]:
    """See `Finish`."""
    parent_id, stop_requested, _ = yield from _held(op, [end_run(op.claim.run_id, op, op.reason)])
    if op.calls:
        yield from accepted_with_tags(op.calls, op.tags, op.now)
    for successor in op.successors:
        before = yield from known(op.claim.run_id)
        stopped = {"state": RunState.STOPPED, "stop_requested": True, "finished_at": op.now} if stop_requested else {}
        yield from handed_over(before, successor.changed(**stopped), op.reason, op.now)
    if parent_id is not None:
        yield from tell_of(op.claim.run_id, parent_id)


def forget(op: Forget) -> Doing[None]:
    """See `Forget`."""
    run_id = op.claim.run_id
    parent_id, _, (gone, *_) = yield from _held(op, [("forget_run", {"id": run_id}), *dropping([run_id])])
    yield from tell_of(run_id, parent_id)
    if any(is_reference(args) for (args,) in gone.rows):
        yield from swept(op.now)


def park(op: Park) -> Doing[bool]:
    """See `Park`."""
    looks = _looks(op)
    _, stop_requested, answers = yield from _held(op, looks)
    has_come = [_has_come(look, answer) for look, answer in zip(looks, answers, strict=True)]
    is_due = op.run_after is not None and op.run_after <= op.now
    if is_due or stop_requested or any(has_come):
        return False
    waits_for = json.dumps(op.waits_for)
    values = {"id": op.claim.run_id, "reason": op.reason, "waits_for": waits_for, "run_after": op.run_after}
    values["comes_further"] = op.comes_further
    found = [answer.rows[0] for look, answer in zip(looks, answers, strict=True) if look[0] == "run_by_id"]
    again = [row.id for row in rows_of(found) if row.is_to_be_executed]
    yield [("park", values), *(wake_for(op.claim.run_id, run_id) for run_id in again)]
    return True


def _looks(op: Park) -> list[Statement]:
    """Whether something is there already that it waits for. What else is waited for comes from outside."""
    tokens = [token.partition(":") for token in op.waits_for]
    looks: dict[str, Callable[[str], Statement]] = {
        "signal": lambda name: ("first_signal", {"run_id": op.claim.run_id, "name": name}),
        "run": lambda name: ("run_by_id", {"id": name}),
    }
    return [looks[kind](name) for kind, _, name in tokens if kind in looks]


def _has_come(look: Statement, answer: Answer) -> bool:
    name, values = look
    if name == "first_signal":
        return bool(answer.rows)
    assert isinstance(values, dict)
    return first(values["id"], answer.rows).is_terminal


def release(op: Release) -> Doing[None]:
    """See `Release`."""
    values = {"id": op.claim.run_id, "now": op.now, "run_after": op.run_after}
    values |= {"reason": op.reason, "failed": op.failed, "error": op.error}
    _, _, (released,) = yield from _held(op, [("release", values)])
    yield from tell_of_stopped(released.rows)


def take_signal(op: TakeSignal) -> Doing[str | None]:
    """See `TakeSignal`."""
    _, _, (signal,) = yield from _held(op, [("first_signal", {"run_id": op.claim.run_id, "name": op.name})])
    if not signal.rows:
        return None
    signal_id, value = signal.rows[0]
    step = op.step.changed(state=RunState.SUCCEEDED, result=value)
    kept, *_ = yield [_keep(step), ("take_signal", {"id": signal_id, "step": step.id}), *_progress(op)]
    _check_kept(step, kept)
    return str(value)


def publish(op: Publish) -> Doing[None]:
    """See `Publish`."""
    shown = ("publish", {"run_id": op.claim.run_id, "name": op.name, "value": op.value})
    yield from _held(op, [shown, *_progress(op)])
