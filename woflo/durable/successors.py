"""Runs that go on from others: which records they begin with.

restart    in its place, with its key: from the beginning
resume     in its place, with its key: what succeeded counts wherever the same is called again
fork       beside it: the records of its first calls, as they are
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from woflo.errors import OptionError, RunEndedError
from woflo.kernel import clock, runtime
from woflo.kernel.options import whole_number
from woflo.kernel.state import SUCCESSES
from woflo.stores.operations import Continue
from woflo.stores.rows import Row, Tag, place_id

__all__ = ["forked", "next_run", "restarted", "resumed", "with_tags"]


def restarted(before: Row) -> Continue:
    """From the beginning."""
    return Continue(now=clock.now(), row=next_run(before))


def resumed(before: Row, steps: Iterable[Row]) -> Continue:
    """What succeeded is not executed again. Raises `RunEndedError` where all has succeeded."""
    if before.state in SUCCESSES:
        raise RunEndedError(f"the run {before.id} of {before.task} is {before.state}; restart it, or fork it")
    row = next_run(before)
    kept: dict[tuple[str, int], Row] = {}
    for step in sorted(steps, key=lambda one: not one.scope.startswith("~")):  # what it recorded itself counts
        if step.state in SUCCESSES and step.position is not None:
            kept[step.scope.removeprefix("~"), step.position] = step
    beside = [_copy(step, row, f"~{scope}") for (scope, _), step in kept.items()]
    return Continue(now=clock.now(), row=row, steps=tuple(beside))


def forked(before: Row, steps: Iterable[Row], step: int, key: str | None) -> Continue:
    """With what its first `step` calls left, and the branches before the next one.

    Raises `OptionError` where it has not made so many.
    """
    recorded = [one for one in steps if one.position is not None and not one.scope.startswith("~")]
    made = sum(not one.scope for one in recorded)
    if whole_number("step", step, least=0) > made:
        beside = len(recorded) - made
        told = f", beside {beside} in branches, which are not counted" if beside else ""
        raise OptionError(f"step={step}: the run {before.id} of {before.task} has made {made} calls so far{told}")
    until = min((one.created_at for one in recorded if not one.scope and _at(one) >= step), default=math.inf)
    first = [one for one in recorded if one.is_terminal and _is_before(one, step, until)]
    row = next_run(before).changed(key=key)
    return Continue(
        now=clock.now(), row=row, steps=tuple(_copy(one, row, one.scope) for one in first), hands_over=False
    )


def _is_before(step: Row, number: int, until: float) -> bool:
    """A branch of its own counts as far as it had come when the next call of the trunk was made."""
    return (step.finished_at or 0.0) <= until if step.scope else _at(step) < number


def _at(step: Row) -> int:
    assert step.position is not None
    return step.position


def with_tags(op: Continue, tags: Mapping[str, str]) -> Continue:
    """The same, and the run that begins is found by these."""
    return replace(op, tags=tuple(Tag(op.row.id, name, value) for name, value in tags.items()))


def next_run(before: Row, args: str | None = None) -> Row:
    """A new run of the same task. Raises `RunEndedError` for what only its parent, or a program, may call."""
    if before.queue is None and before.parent_id is None:
        raise RunEndedError(
            f"{before.id} is a call of {before.task} by a program, which alone may make it again: call it there, or by "
            f"`woflo run FILE {before.task}`; what is up to date by then is left out"
        )
    if before.queue is None:
        raise RunEndedError(f"{before.id} is a step of {before.parent_id}, which alone may call it; name that one")
    return Row(
        id=f"{runtime.current.prefix}{next(runtime.current.numbers):08x}",
        task=before.task,
        queue=before.queue,
        priority=before.priority,
        args=before.args if args is None else args,
        digest=before.digest,
        options=before.options,
        continues=before.id,
    )


def _copy(step: Row, row: Row, scope: str) -> Row:
    assert step.position is not None
    made = {"id": place_id(row.id, scope, step.position), "parent_id": row.id, "scope": scope}
    return step.changed(**made, queue=None, key=None, continues=step.id)
