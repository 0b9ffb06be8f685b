"""Calls behind those that make what the globs among their inputs will find.

join(out/*.txt)  part(out/1.txt)  part(out/2.txt)   ──►   part  part  join, which needs both
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from woflo.errors import MissingInputError, UnknownMakerError
from woflo.scripts.globs import fits
from woflo.scripts.plan import target_of

if TYPE_CHECKING:
    from woflo.scripts.makers import Call
    from woflo.scripts.plan import Plan

__all__ = ["behind_globs"]


def behind_globs(calls: list[Call], told: str) -> list[Call]:
    """The same calls, in an order in which globs find what is made; `told` is what tasks can make.

    Raises `MissingInputError` for a glob that finds nothing, and for which none of the calls makes anything, and
    `UnknownMakerError` for calls that need each other.
    """
    if not any(call.plan.globs for call in calls):
        return calls
    made = [list(_made(call.plan)) for call in calls]
    found = [call._replace(needs=_needs(number, call, made, told)) for number, call in enumerate(calls)]
    return _in_order(found)


def _made(plan: Plan) -> Iterator[tuple[str, bool]]:
    """The outputs by their names in the project, and whether each is a glob."""
    for output in plan.outputs:
        yield target_of(output.pattern or output.path, plan.base), output.pattern is not None


def _needs(number: int, call: Call, made: Sequence[Sequence[tuple[str, bool]]], told: str) -> tuple[int, ...]:
    """What a call needs, by names and by globs."""
    needs = dict.fromkeys(call.needs)
    for glob, pattern in zip(call.plan.globs, call.plan.patterns(), strict=True):
        makers = [one for one, files in enumerate(made) if one != number and _has_one(files, pattern)]
        if not makers and glob in call.plan.inputs:
            raise MissingInputError(
                f"{call.task.name} reads {glob!r}, which no file matches, and nothing that was asked for makes one; "
                f"ask for the files as well, or make them before: {told}"
            )
        needs |= dict.fromkeys(makers)
    return tuple(needs)


def _has_one(files: Sequence[tuple[str, bool]], pattern: str) -> bool:
    """True where one of these outputs will be found by a glob, as far as names tell."""
    return any(fits(name, pattern) or (is_glob and fits(pattern, name)) for name, is_glob in files)


def _in_order(calls: Sequence[Call]) -> list[Call]:
    """Each behind those that it needs, else as they were."""
    places: dict[int, int] = {}
    for first in range(len(calls)):
        way = {} if first in places else {first: iter(calls[first].needs)}
        while way:
            last = next(reversed(way))
            need = next((one for one in way[last] if one not in places), None)
            if need is None:
                del way[last]
                places[last] = len(places)
            elif need in way:
                round_ = [*list(way)[list(way).index(need) :], need]
                told = " ← ".join(str(calls[one]) for one in round_)
                raise UnknownMakerError(f"{calls[need]} needs itself, by a glob among inputs: {told}")
            else:
                way[need] = iter(calls[need].needs)
    return [calls[number]._replace(needs=tuple(places[one] for one in calls[number].needs)) for number in places]
