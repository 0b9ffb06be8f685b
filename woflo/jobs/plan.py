"""What is to be done, once a job file has been read and checked: its steps in an order in which they can be called."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from woflo.jobs.references import filled
from woflo.kernel.digest import digest
from woflo.kernel.masking import masked
from woflo.scripts.sealing import sealed

if TYPE_CHECKING:
    from pathlib import Path

    from woflo.jobs.policies import Policy
    from woflo.jobs.references import Lookup
    from woflo.jobs.signatures import Parameters
    from woflo.kernel.task import Task

__all__ = ["Plan", "Step", "reached", "with_digests"]


@dataclass(slots=True, kw_only=True)
class Step:
    """A named call of a task."""

    name: str
    task: Task[..., Any]
    arguments: dict[str, Any]
    """As the task gets them; those of `templates` come when the steps they name have ended."""
    templates: dict[str, Any]
    """Arguments with `${…}` in them, as they are written."""
    parameters: Parameters | None
    """What the task accepts; None where nobody can tell."""
    written: dict[str, Any]
    """What makes it the step that it is, all variables filled in."""
    policy: Policy
    needs: tuple[str, ...]
    reads_from: Mapping[str, str] = field(default_factory=dict)
    """The files by which it needs others that it does not name, by the names of those steps."""
    as_written: Mapping[str, Any] = field(default_factory=dict)
    """The same as it stands in the file: what variables stand for may be a secret."""
    has_own_inputs: bool = False
    """True where what comes from others as `inputs` stands beside its parameters, and not among them."""
    digest: str = ""
    """Of its definition, and of those of all that it needs: where that is the same, a record counts."""

    @property
    def has_files(self) -> bool:
        """True for commands, and for tasks that name what they make."""
        return self.task.options.admission is not None

    def shown(self) -> str:
        """What stands in the store as its arguments: JSON, with secrets hidden, for people."""
        return _encode(masked("", self.as_written)) if self.as_written else "{}"

    def filled(self, lookup: Lookup) -> dict[str, Any]:
        """All arguments. Raises what the types of the task say about those that came from others."""
        given = dict(self.arguments)
        for name, template in self.templates.items():
            value = filled(template, lookup)
            given[name] = value if self.parameters is None else self.parameters.converted(name, value)
        return given


@dataclass(slots=True, kw_only=True)
class Plan:
    """The steps by their names: each stands behind those that it needs."""

    name: str
    steps: dict[str, Step]
    max_concurrency: int | None = None
    deadline: float | None = None
    """Seconds that a run of it may take."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What its runs are found by."""
    left_out: frozenset[str] = field(default_factory=frozenset)
    """Steps that are not called this time."""

    @property
    def chosen(self) -> list[Step]:
        """Those that are called."""
        return [step for step in self.steps.values() if step.name not in self.left_out]

    def needed_by(self, name: str) -> set[str]:
        """A step, and all that it needs, directly or not."""
        return reached(name, {one.name: one.needs for one in self.steps.values()})

    def depending_on(self, name: str) -> set[str]:
        """A step, and all that need it, directly or not."""
        readers: dict[str, list[str]] = {one: [] for one in self.steps}
        for step in self.steps.values():
            for need in step.needs:
                readers[need].append(step.name)
        return reached(name, readers)

    def last(self) -> list[Step]:
        """Those that are called and that no other one needs."""
        needed = {need for step in self.chosen for need in step.needs}
        return [step for step in self.chosen if step.name not in needed]


def reached(name: str, ways: Mapping[str, Iterable[str]]) -> set[str]:
    """A step, and all to which ways lead from there."""
    found, todo = {name}, [name]
    while todo:
        for other in ways[todo.pop()]:
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True, default=str).encode


def _code_of(step: Step, folder: Path) -> str:
    """Where the code of its task is: tasks of one name may be found in several files, today in this one."""
    module = step.task.body.module
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or module.partition(".")[0] == "woflo":  # as for commands, which are in what is written
        return module
    return os.path.relpath(os.path.realpath(file), os.path.realpath(folder))


def with_digests(steps: Iterable[Step], folder: Path, secrets: Collection[str] = ()) -> dict[str, Step]:
    """The steps by their names, in this order, with their digests: each behind those that it needs.

    A digest is made of the name of its task and of the place of the code of that, from the folder of the job file.
    A digest is made of what stands for the `secrets` in records: they could be guessed from one of themselves.
    """
    hidden = {_encode(one)[1:-1]: sealed(one) for one in sorted(secrets, key=lambda one: (-len(one), one))}
    done: dict[str, Step] = {}
    for step in steps:
        needs = [[name, done[name].digest] for name in sorted(step.needs)]
        text = _encode([step.task.name, _code_of(step, folder), step.written, needs])
        for secret, told in hidden.items():
            text = text.replace(secret, told)
        step.digest = digest(text)
        done[step.name] = step
    return done
