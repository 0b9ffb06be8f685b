"""Which steps of a job are called: `--skip`, `--run-to`, `--run-from`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from woflo.errors import JobFileError
from woflo.jobs.plan import Plan
from woflo.jobs.problems import near
from woflo.jobs.references import references_in

__all__ = ["selected"]


def selected(plan: Plan, *, skip: Sequence[str] = (), run_to: str | None = None, run_from: str | None = None) -> Plan:
    """The plan with what is left out.

    Raises `JobFileError` for a step that there is not, and where a step would miss what another one leaves.
    """
    named = [*(("skip", name) for name in skip), ("run_to", run_to), ("run_from", run_from)]
    unknown = [(option, name) for option, name in named if name is not None and name not in plan.steps]
    _refuse([f"{option}: there is no step {name!r}{near(name, plan.steps, 'there are')}" for option, name in unknown])
    left_out = set(skip)
    if run_to is not None:
        left_out |= plan.steps.keys() - plan.needed_by(run_to)
    if run_from is not None:
        left_out |= plan.steps.keys() - plan.depending_on(run_from)
    _refuse(list(_missing(plan, left_out)))
    return replace(plan, left_out=frozenset(left_out))


def _missing(plan: Plan, left_out: set[str]) -> list[str]:
    found = []
    for step in plan.steps.values():
        for path, reference in [] if step.name in left_out else references_in(step.templates):
            if reference.step in left_out:
                found.append(
                    f"tasks.{step.name}.parameters.{path[0]} needs the {reference.kind} of {reference.step!r}, which "
                    f"is left out; leave out {step.name!r} as well, or none of them"
                )
    return found


def _refuse(problems: list[str]) -> None:
    if problems:
        raise JobFileError("\n".join(problems), problems=problems)
