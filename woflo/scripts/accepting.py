"""Taking what is there for a result, because a person says so."""

from __future__ import annotations

import os

from woflo.errors import MissingOutputError, OptionError
from woflo.scripts.freshness import need_inputs
from woflo.scripts.ledger import GONE, VALUE, Known, Ledger, is_gone
from woflo.scripts.marks import Mark
from woflo.scripts.plan import Plan
from woflo.scripts.prints import Print

__all__ = ["accept", "gone_of", "result_of"]


def accept(plan: Plan, book: Ledger, known: Known | None = None) -> list[str]:
    """The outputs; nothing says any more that they may be partial.

    All of them must be there, and the inputs as well, but for what was temporary and is gone: as it is `known` from the
    last success, it counts as if it were there.
    """
    if plan.target is None:
        raise OptionError(f"{plan.name} names no outputs, so there is nothing to accept")
    if known is not None:
        plan.away = _away(plan, book, known)
    need_inputs(plan, book)
    files: list[str] = []
    for output in plan.outputs:
        found = [path for path in plan.files_of(output) if os.path.exists(plan.path(path)) or path in plan.away]
        if not found:
            raise MissingOutputError(f"{plan.name}: {output.path} is not there to be accepted", missing=(output.path,))
        files += found
    mark = Mark.take(plan.target, lambda: False)
    if mark is None:
        raise OptionError(f"{plan.name}: {plan.target} is being made at this moment; wait for that, or stop it")
    mark.end()
    mark.give()
    return files


def _away(plan: Plan, book: Ledger, known: Known) -> dict[str, Print]:
    """What was temporary and is gone, of the outputs and of the inputs, as it was."""
    absent = [path for path in plan.inputs if path in known.inputs and not os.path.lexists(plan.path(path))]
    inputs = {path: known.inputs[path] for path in absent if is_gone(path, known.inputs[path], book)}
    return inputs | {path: known.outputs[path] for path in gone_of(plan, known) if path in known.outputs}


def gone_of(plan: Plan, known: Known | None) -> list[str]:
    """The temporary outputs that were removed when they were read, and are not there."""
    gone = () if known is None else known.record.get(GONE, ())
    return [path for path in gone if not os.path.lexists(plan.path(path))]


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
