"""Dry runs: the same calls, the same checks, and nothing is executed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from woflo.kernel.masking import shorten_call
from woflo.kernel.outcome import Outcome
from woflo.scripts.freshness import reasons
from woflo.scripts.leaving_out import leaving_out
from woflo.scripts.ledger import ledger
from woflo.scripts.plan import Plan, target_of
from woflo.scripts.prints import ABSENT, look
from woflo.scripts.protecting import in_the_way

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

    def leave_out(self, run: BaseTaskRun[Any]) -> None:
        """Note a call of a task that names no files."""
        call = shorten_call(run.task.name, run._args, run._kwargs, run.task.body.parameter_names())
        with self._lock:
            self.planned.append(Planned(run.task.name, call, (ALWAYS,)))

    def admit(self, plan: Plan) -> Outcome:
        """Note what this call would do. Its value is what it would make."""
        with self._lock:
            makers = {path: self._makes.get(target_of(path, plan.base)) for path in plan.inputs}
            why = [f"{path} would be made anew by {maker}" for path, maker in makers.items() if maker]
            if not why:
                why = list(reasons(plan, None if plan.target is None else ledger().get(plan.target)))
            if why:
                why += in_the_way(plan, None if plan.target is None else ledger().get(plan.target))
                why += [
                    f"its input {path} does not exist, and nothing would make it: it would fail"
                    for path in plan.inputs
                    if makers[path] is None and look(plan.path(path)) is ABSENT
                ]
                self._makes |= {target_of(output.path, plan.base): plan.name for output in plan.outputs}
                self.planned.append(Planned(plan.name, plan.as_text(), tuple(dict.fromkeys(why))))
        return Outcome(plan.value())


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
