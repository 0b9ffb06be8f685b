"""Taking what is there for a result, because a person says so."""

from __future__ import annotations

import os

from woflo.errors import MissingOutputError, OptionError
from woflo.scripts.freshness import need_inputs
from woflo.scripts.ledger import VALUE, Known, Ledger
from woflo.scripts.marks import Mark
from woflo.scripts.plan import Plan

__all__ = ["accept", "result_of"]


def accept(plan: Plan, book: Ledger) -> list[str]:
    """The outputs, all of which must be there; nothing says any more that they may be partial."""
    if plan.target is None:
        raise OptionError(f"{plan.name} names no outputs, so there is nothing to accept")
    need_inputs(plan, book)
    files: list[str] = []
    for output in plan.outputs:
        found = [path for path in plan.files_of(output) if os.path.exists(plan.path(path))]
        if not found:
            raise MissingOutputError(f"{plan.name}: {output.path} is not there to be accepted", missing=(output.path,))
        files += found
    mark = Mark.take(plan.target, lambda: False)
    if mark is None:
        raise OptionError(f"{plan.name}: {plan.target} is being made at this moment; wait for that, or stop it")
    mark.end()
    mark.give()
    return files


def result_of(plan: Plan, known: Known | None) -> dict[str, str]:
    """What is told of a function's result: that of its last success, as nobody has another one.

    Raises `OptionError` where none is known, of a function that may return something.
    """
    if plan.codec is None:
        return {}
    if known is not None and VALUE in known.record:
        return {VALUE: known.record[VALUE]}
    if plan.codec.fn.__annotations__.get("return", "") in (None, "None"):
        return {VALUE: "null"}
    raise OptionError(
        f"{plan.name}: its files can be accepted, but nothing is known of what it returned; execute it once, or "
        f"annotate it with -> None where it returns nothing"
    )
