"""How a step is executed: by which runner, with which options; and whether that can be, before anything begins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from woflo.durable.called import given_with
from woflo.errors import WofloError
from woflo.jobs.model import StepModel
from woflo.kernel.quantities import as_text, parse_quantity
from woflo.kernel.registry import load_machine, load_runner
from woflo.kernel.task import Task

__all__ = ["Policies", "Policy"]

_OWN = ("timeout", "deadline", "max_concurrency", "resources", "on_crash", "tags")
"""Keys of a step that are options of the task under the same name."""
_WRITTEN = {"retries": "max_attempts", "retry_sleep_time": "backoff"}
"""How options are written in a file."""


class Policy(NamedTuple):
    """Of one step."""

    options: dict[str, Any]
    """Those of the task that the file changes, but for the runner."""
    runner: Any
    """A name or a class; None for the pool of the job."""
    is_stored: bool
    """True where a store keeps the call, and whoever executes it finds the task by its name."""


class Policies:
    """Those of one job. `runner` is that of steps that name none, themselves or by their task."""

    def __init__(self, runner: str | None) -> None:
        self._runner = runner
        self._known: dict[Any, tuple[bool, list[tuple[str, str]]]] = {}
        """What was found for a task with certain options: many steps have the same."""

    def of(self, task: Task[..., Any], model: StepModel) -> tuple[Policy, list[tuple[str, str]]]:
        """The policy, and what is wrong with it: under which key of the step (or none), and why."""
        options = {key: value for key in _OWN if (value := getattr(model, key)) not in (None, {})}
        if model.max_attempts is not None:
            options["retries"] = model.max_attempts - 1
        if model.backoff is not None:
            options["retry_sleep_time"] = model.backoff
        runner = model.runner or task.options.runner or self._runner
        seen = (task, runner, repr(options) if options else "")
        if seen not in self._known:
            self._known[seen] = _checked(task, runner, options, is_own=model.runner is not None)
        is_stored, told = self._known[seen]
        return Policy(options, runner, is_stored), told


def _checked(
    task: Task[..., Any], runner: Any, options: dict[str, Any], *, is_own: bool
) -> tuple[bool, list[tuple[str, str]]]:
    told = list(_wrong_options(task, options))
    try:
        kind = load_runner(runner or "pool")
    except WofloError as error:
        return False, [*told, ("runner" if is_own else "", str(error))]
    if not told:
        told = list(_wrong_together(task, kind, options))
    return kind.traits.durable, told


def _wrong_options(task: Task[..., Any], options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Values that cannot be meant by themselves."""
    for name, value in options.items():
        try:
            task.options.changed({name: value})
        except WofloError as error:
            yield _WRITTEN.get(name, name), str(error)


def _wrong_together(task: Task[..., Any], runner: Any, options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What this runner cannot keep, and what this machine does not have."""
    try:
        changed = task.options.changed({**options, "runner": runner})
        Task(task.body, changed)
        if runner.traits.durable:
            given_with(task.with_options(**options))
    except WofloError as error:
        yield "", str(error)
        return
    if changed.resources:
        totals = load_machine()
        for name, given in changed.resources.items():
            amount, there = parse_quantity(name, given), totals.get(name, 0.0)
            if amount > there:
                yield "resources", f"asks for {name}={as_text(amount)}, and this machine has {as_text(there)}"
