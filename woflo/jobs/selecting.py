"""Which steps of a job are called: `--skip`, `--run-to`, `--run-from`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from woflo.errors import JobFileError
from woflo.jobs.files import makers_of, named_by
from woflo.jobs.plan import Plan
from woflo.jobs.problems import near
from woflo.jobs.references import references_in

__all__ = ["selected", "steps_named"]


def selected(
    plan: Plan, *, skip: Sequence[str] = (), run_to: str | Sequence[str] | None = None, run_from: str | None = None
) -> Plan:
    """The plan with what is left out. Each of `run_to` may also be a file that a step makes.

    Raises `JobFileError` for a step that there is not, where a step would miss what another one leaves, and where none
    is left.
    """
    named = [*(("skip", name) for name in skip), ("run_from", run_from)]
    unknown = [(option, name) for option, name in named if name is not None and name not in plan.steps]
    problems = [f"{option}: there is no step {name!r}{near(name, plan.steps, 'there are')}" for option, name in unknown]
    lasts, wrong = _meant([run_to] if isinstance(run_to, str) else run_to or (), plan)
    _refuse(problems + [f"run_to: {one}" for one in wrong])
    left_out = set(skip)
    if lasts:
        left_out |= plan.steps.keys() - set().union(*map(plan.needed_by, lasts))
    if run_from is not None:
        left_out |= plan.steps.keys() - plan.depending_on(run_from)
    _refuse(list(_missing(plan, left_out)))
    if plan.steps.keys() <= left_out:
        options = {"run_to": lasts, "run_from": [run_from] if run_from is not None else [], "skip": skip}
        told = ", ".join(f"{option} {' '.join(names)}" for option, names in options.items() if names)
        _refuse([f"{told}: no step is left to be executed; there are: {', '.join(plan.steps)}"])
    return replace(plan, left_out=frozenset(left_out))


def steps_named(names: Sequence[str], plan: Plan) -> list[str]:
    """The steps that are meant: each by its name, or else by a file that it makes. Raises `JobFileError`."""
    found, problems = _meant(names, plan)
    _refuse(problems)
    return found


def _meant(names: Sequence[str], plan: Plan) -> tuple[list[str], list[str]]:
    """The steps, and what is wrong with names that mean none."""
    found = [name for name in names if name in plan.steps]
    problems: list[str] = []
    if len(found) == len(names):
        return found, problems
    files = {step.name: named_by(step) for step in plan.steps.values()}
    for name in [name for name in names if name not in plan.steps]:
        makers = makers_of(name, files)
        if len(makers) == 1:
            found += makers
        elif makers:
            problems.append(f"{name} is made by the steps {' and '.join(map(repr, makers))}; name one of them")
        else:
            known = [*plan.steps, *(one.path for own in files.values() for one in own.makes)]
            problems.append(f"there is no step {name!r}, and none makes such a file{near(name, known, 'there are')}")
    return found, problems


def _missing(plan: Plan, left_out: set[str]) -> list[str]:
    found = []
    for step in plan.steps.values():
        for path, reference in [] if step.name in left_out else references_in(step.templates):
            if reference.step in left_out:
                place = path[0] if path[0] == "inputs" and step.has_own_inputs else f"parameters.{path[0]}"
                found.append(
                    f"tasks.{step.name}.{place} needs the {reference.kind} of {reference.step!r}, which "
                    f"is left out; leave out {step.name!r} as well, or none of them"
                )
    return found


def _refuse(problems: list[str]) -> None:
    if problems:
        raise JobFileError("\n".join(problems), problems=problems)
