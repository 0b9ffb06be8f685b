"""Dry runs: the same calls, the same checks, and nothing is executed."""

from __future__ import annotations

import threading
from collections import ChainMap
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from woflo.kernel.masking import shorten_call
from woflo.kernel.outcome import Outcome
from woflo.scripts.files import Temporary
from woflo.scripts.freshness import reasons
from woflo.scripts.globs import fits
from woflo.scripts.leaving_out import leaving_out
from woflo.scripts.ledger import ledger
from woflo.scripts.plan import Plan, target_of
from woflo.scripts.prints import ABSENT, look
from woflo.scripts.protecting import in_the_way
from woflo.scripts.unfinished import partial_inputs

if TYPE_CHECKING:
    from woflo.kernel.run import BaseTaskRun

__all__ = ["DryRun", "Planned", "dry_run"]


class Planned(NamedTuple):
    """A call that would be executed, and why."""

    task: str
    command: str
    reasons: tuple[str, ...]


ALWAYS = "it names no files, so it is executed whenever it is called"


class DryRun:
    """What would be executed, in the order in which it would begin."""

    def __init__(self) -> None:
        self.planned: list[Planned] = []
        """One for each call that would be executed."""
        self._lock = threading.Lock()
        self._makes: dict[str, str] = {}
        """The files that would be made anew, by their names in the project, and by which task."""
        self._gone: dict[str, str] = {}
        """In the same way, those that are made again where somebody needs them."""

    def leave_out(self, run: BaseTaskRun[Any]) -> None:
        """Note a call of a task that names no files."""
        call = shorten_call(run.task.name, run._args, run._kwargs, run.task.body.parameter_names())
        with self._lock:
            self.planned.append(Planned(run.task.name, call, (ALWAYS,)))

    def leave(self, plan: Plan) -> None:
        """Note a call that would not be executed. What of its outputs is gone, as it was temporary, is made again."""
        gone = (one.path for one in plan.outputs if one.kind is Temporary and look(plan.path(one.path)) is ABSENT)
        self._gone |= {target_of(path, plan.base): plan.name for path in gone}

    def admit(
        self,
        plan: Plan,
        *,
        comes_again: bool = True,
        expected: Mapping[str, str] = {},
        who_may: Callable[[], str] = str,
    ) -> Outcome:
        """Note what this call would do. Its value is what it would make.

        Arguments:
            plan: of the call.
            comes_again: True where what is temporary, and gone, would be made again for it.
            expected: by their names in the project, files of which it is told elsewhere that others make them, by whom.
            who_may: names those before it of which nobody knows what they make; nothing where there are none.

        """
        with self._lock:
            makers = self._makers_of(plan)
            why = [f"{path} would be made anew by {maker}" for path, maker in makers.items()]
            if not why:
                why = list(reasons(plan, None if plan.target is None else ledger().get(plan.target)))
            if why:
                why += in_the_way(plan, None if plan.target is None else ledger().get(plan.target))
                made = ChainMap(self._makes, dict(expected))
                why += self._missing(plan, made, comes_again=comes_again, who_may=who_may)
                why += [f"{sentence}; until then it would fail" for sentence in partial_inputs(plan, made)]
                self._makes |= {target_of(output.path, plan.base): plan.name for output in plan.outputs}
                self.planned.append(Planned(plan.name, plan.as_text(), tuple(dict.fromkeys(why))))
            else:
                self.leave(plan)
        return Outcome(plan.value())

    def _makers_of(self, plan: Plan) -> dict[str, str]:
        """What of the inputs would be made anew, also of what globs will find, and by which task."""
        named = {path: self._makes.get(target_of(path, plan.base)) for path in plan.inputs}
        makers = {path: maker for path, maker in named.items() if maker}
        there = {target_of(path, plan.base) for path in makers}
        for pattern in plan.patterns():
            makers |= {name: maker for name, maker in self._makes.items() if fits(name, pattern) and name not in there}
        return makers

    def _missing(
        self, plan: Plan, made: Collection[str], *, comes_again: bool, who_may: Callable[[], str]
    ) -> Iterator[str]:
        """What is not there, and would not be made before."""
        for path in plan.inputs:
            name = target_of(path, plan.base)
            is_glob = path in plan.globs
            if name in made or (is_glob and any(fits(one, name) for one in made)):
                continue
            if is_glob:
                what, end = f"no file matches its input {path}", "nothing is known to make one"
            elif look(plan.path(path)) is ABSENT:
                what, end = f"its input {path} does not exist", "nothing would make it"
            else:
                continue
            if comes_again and name in self._gone:
                yield f"its input {path} was temporary, and would be made again by {self._gone[name]} before"
            elif other := who_may():
                yield f"{what}; whether {other} makes it is not known"
            else:
                yield f"{what}, and {end}: it would fail"


current: DryRun | None = None


@contextmanager
def dry_run() -> Iterator[DryRun]:
    """Within this, calls execute nothing: they are SKIPPED, and what would be executed is in `planned`.

    What is planned comes from the code that decides in earnest. Tasks that name no files would be executed whenever
    they are called; their results can be passed on, and `UnknownResultError` is raised where code looks into one.
    In threads that the code itself starts, and that do not copy its context, only scripts and functions with files
    are left out.
    """
    global current
    before, current = current, DryRun()
    try:
        with leaving_out(current.leave_out):
            yield current
    finally:
        current = before
