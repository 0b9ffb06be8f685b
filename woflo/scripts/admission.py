"""The answer to the kernel's question, just before the launch, whether what a run would make is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from woflo.kernel.outcome import Outcome
from woflo.kernel.state import RunState
from woflo.scripts import planning
from woflo.scripts.calls import checked, make
from woflo.scripts.freshness import is_stale, need_inputs, remember
from woflo.scripts.ledger import Known, Ledger, ledger
from woflo.scripts.plan import Plan
from woflo.scripts.temporaries import called, made_again, note_maker

__all__ = ["FreshnessAdmission", "plan_of"]


def plan_of(run: Any) -> Plan:
    """The plan of a run: the one that it was admitted with, or a new one."""
    plan: Plan | None = getattr(run, "_plan", None)
    if plan is None:
        plan = run._plan = run.task.body.fn.plan(run.task.name, run._args, run._kwargs)
    return plan


class FreshnessAdmission:
    """Skips a run whose outputs are up to date; else sees to it that its success is remembered."""

    __slots__ = ()

    def called(self, run: Any, handles: Iterable[Any]) -> None:
        """See the port."""
        called(run, handles)

    def admit(self, run: Any) -> Outcome | None:
        """See the port."""
        plan = plan_of(run)
        if planning.current is not None:
            return planning.current.admit(plan)
        book = ledger()
        if getattr(run.task.body.fn, "has_temporary", False):
            note_maker(run, plan)
        if plan.target is not None:
            known = book.get(plan.target)
            if _is_fresh(plan, known, book):
                return _skipped(run, plan, known)
            again = book.again(plan.target)
            if again is not None and (known is None or again.success != known.success) and _is_fresh(plan, again, book):
                return _skipped(run, plan, again)
        if hasattr(run, "_makers"):
            made_again(run, book)
        need_inputs(plan, book)
        if not run.remembers_itself:
            run._watch(_rememberer(plan, book))
        return None


def _skipped(run: Any, plan: Plan, known: Known | None) -> Outcome:
    """What it made before; it asks for the same calls as then."""
    run._plan = None
    if plan.calls and known is not None:
        asked = known.record.get("calls", [])
        run.calls = make([checked(one, plan.name, plan.calls) for one in asked], None)
    return Outcome(plan.value(None if known is None else known.outputs))


def _is_fresh(plan: Plan, known: Known | None, book: Ledger) -> bool:
    if is_stale(plan, known):
        return False
    if known is not None and known.renewed:
        book.renew(known)
    return True


def _rememberer(plan: Plan, book: Ledger) -> Callable[[Any], None]:
    def remember_end(run: Any) -> None:
        if run._state is RunState.SUCCEEDED:
            remember(plan, book, run.id, plan.found())

    return remember_end
