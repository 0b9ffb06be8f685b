"""Whether a job makes sense: tasks that there are, parameters that they take, an order in which all can go."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from woflo.errors import WofloError
from woflo.jobs.commands import command_task, with_files
from woflo.jobs.files import check_outputs, named_by, order_by_files, texts_in
from woflo.jobs.finding import Found, NotFound
from woflo.jobs.model import JobModel, StepModel
from woflo.jobs.plan import Step
from woflo.jobs.policies import Policies, Policy
from woflo.jobs.problems import Problems, near
from woflo.jobs.references import KINDS, has_references, parts_in, references_in
from woflo.jobs.signatures import Parameters, parameters_of
from woflo.kernel.task import Task

__all__ = ["Checking"]

Path = tuple[Any, ...]
_FOR_COMMANDS = ("shell", "env", "cwd", "may_call")
_FORBIDDEN = '~"{}$'
_FORBIDDEN_IN = re.compile(f"[{re.escape(_FORBIDDEN)}]")


class Checking:
    """Makes steps of what stands under `tasks:`; what is wrong with them is added to the problems."""

    def __init__(self, job: JobModel, found: Found, problems: Problems, value: dict[str, Any]) -> None:
        self._job = job
        self._value = value
        """As it stands in the files, nothing filled in."""
        self._found = found
        self._problems = problems
        self._aliases = job.aliases if isinstance(job.aliases, dict) else {}
        self._known: dict[str, Task[..., Any] | str] = {}
        """By name; a text tells why there is none."""
        self._parameters: dict[Any, Parameters | None] = {}
        self._policies = Policies(job.config.runner)

    def steps(self) -> list[Step]:
        """All steps, each behind those that it needs. Where there are problems, what is returned means nothing."""
        self._check_elsewhere(dict(self._job.config), ("config",), but=())
        made = [self._step(name, model) for name, model in self._job.tasks.items()]
        steps = {step.name: step for step in made if step is not None}
        for step in steps.values():
            self._check_outputs(step, steps)
        files = {step.name: named_by(step) for step in steps.values() if step.has_files}
        order_by_files(steps, files, self._problems.add)
        order = self._in_order(steps)
        if len(order) == len(steps):
            check_outputs(order, files, self._problems.add)
        return order

    # -- one step --------------------------------------------------------------------------------------

    def _step(self, name: str, model: StepModel) -> Step | None:
        path = ("tasks", name)
        self._check_name(name, path)
        self._check_elsewhere(dict(model), path, but=("parameters", "inputs") if model.run else ("parameters",))
        needs = self._needs(name, model, path)
        written = _written(model)
        if model.run is not None and has_references(model.inputs):
            model = self._with_given_inputs(model, path)
        task = self._task(name, model, path)
        if task is None:
            return None
        policy = self._policy(task, model, path)
        arguments, templates, parameters = self._arguments(task, model, path)
        if policy.is_stored:
            self._check_stored(templates, path)
        if model.run is not None and not templates and not self._problems.are_at(path):
            self._tried(path, lambda: task.body.fn.plan(name, (), arguments))
        return Step(
            name=name,
            task=task,
            arguments=arguments,
            templates=templates,
            parameters=parameters,
            written=written,
            as_written=_as_written(self._value["tasks"][name]),
            policy=policy,
            needs=needs,
            has_own_inputs="inputs" in templates and "inputs" not in self._job.tasks[name].parameters,
        )

    def _check_name(self, name: str, path: Path) -> None:
        if not name or name != name.strip() or not name.isprintable() or _FORBIDDEN_IN.search(name):
            self._problems.add(
                path, f"{name!r} cannot be the name of a step: no space at its ends, none of {_FORBIDDEN}"
            )

    def _check_elsewhere(self, values: dict[str, Any], path: Path, *, but: tuple[str, ...]) -> None:
        """Nobody fills in references there."""
        for key, value in values.items():
            if key in but or not has_references(value):
                continue
            for where, reference in references_in(value, (*path, key)):
                if reference.kind in KINDS:
                    told = "stands only in parameters, and in the inputs of commands (`run`)"
                    self._problems.add(where, f"${{{reference.step}.{reference.kind}}} {told}")

    def _with_given_inputs(self, model: StepModel, path: Path) -> StepModel:
        """A command is given its inputs by the call where they name what other steps have made."""
        from woflo.scripts.words import fields_of, parsed

        fields = fields_of(map(parsed, texts_in(model.inputs)))
        if fields:
            told = f"{fields[0]} cannot stand beside what other steps have made; give it as a parameter"
            self._problems.add((*path, "inputs"), told)
        if "inputs" in model.parameters:
            self._problems.add((*path, "parameters", "inputs"), "stands beside `inputs`; write one of them")
        given = {**model.parameters, "inputs": model.inputs}
        return model.model_copy(update={"inputs": None, "parameters": given})

    def _task(self, name: str, model: StepModel, path: Path) -> Task[..., Any] | None:
        if (model.task is None) == (model.run is None):
            told = "has neither `task`, the name of a task, nor `run`, a command"
            if not any(self._problems.are_at((*path, key)) for key in ("task", "run")):  # else it was taken out
                both = "has `task` and `run`; it can execute one of them"
                self._problems.add(path, told if model.task is None else both)
            return None

        def tell(key: str, told: str) -> None:
            self._problems.add((*path, key), told)

        if model.run is not None:
            if model.cache:
                tell("cache", "belongs to tasks; a command is up to date by its `outputs`")
            command, may_call = model.run, self._may_call(model, path)
            made: Task[..., Any] | None = self._tried(path, lambda: command_task(name, command, model, may_call, tell))
            return made
        for key in _FOR_COMMANDS:
            if getattr(model, key):
                self._problems.add((*path, key), "belongs to commands, and this step has no `run`")
        assert model.task is not None
        found = self._known_task(model.task, (*path, "task"))
        has_files = model.inputs is not None or model.outputs is not None or model.temporary or model.protected
        if found is None or not (has_files or model.cache):
            return found
        task: Task[..., Any] | None = self._tried(path, lambda: with_files(found, model, tell))
        return task

    def _may_call(self, model: StepModel, path: Path) -> list[Task[..., Any]]:
        """The tasks that a command may ask for."""
        found = [self._known_task(name, (*path, "may_call", at)) for at, name in enumerate(model.may_call)]
        return [task for task in found if task is not None]

    def _known_task(self, name: str, path: Path) -> Task[..., Any] | None:
        if name not in self._known:
            self._known[name] = self._looked_up(name)
        found = self._known[name]
        if isinstance(found, str):
            self._problems.add(path, found)
            return None
        return found

    def _looked_up(self, name: str) -> Task[..., Any] | str:
        """The task, or why there is none."""
        alias = self._aliases.get(name)
        try:
            found = self._found.task(name) or (self._found.task(alias) if isinstance(alias, str) else None)
        except NotFound as error:
            return str(error)
        return self._unknown(name) if found is None else found

    def _unknown(self, name: str) -> str:
        names = [*self._found.names(), *(alias for alias, value in self._aliases.items() if isinstance(value, str))]
        told = near(name, names, "found") or "; no task was found: they are looked for in tasks/"
        return f"there is no task {name!r}{told}"

    def _policy(self, task: Task[..., Any], model: StepModel, path: Path) -> Policy:
        """What the file says about how the task is executed."""
        policy, wrong = self._policies.of(task, model)
        for key, told in wrong:
            self._problems.add((*path, key) if key else path, told)
        return policy

    def _tried(self, path: Path, make: Callable[[], Any]) -> Any:
        """What it makes; an error of woflo's is a problem of the file, and so is a text that cannot be a path."""
        try:
            return make()
        except (WofloError, ValueError, OSError) as error:
            self._problems.add(path, str(error).replace("shell=True", "`shell: true`"))  # as a file has it
            return None

    # -- its arguments ---------------------------------------------------------------------------------

    def _arguments(
        self, task: Task[..., Any], model: StepModel, path: Path
    ) -> tuple[dict[str, Any], dict[str, Any], Parameters | None]:
        body = task.body
        if body not in self._parameters:
            self._parameters[body] = parameters_of(body.fn)
        parameters = self._parameters[body]
        given = dict(model.parameters)
        if parameters is not None:
            for name, told in parameters.problems(given):
                self._problems.add((*path, "parameters", name), told)
        templates = {name: value for name, value in given.items() if has_references(value)}
        arguments = {}
        for name, value in given.items():
            if name not in templates:
                arguments[name] = self._converted(parameters, name, value, (*path, "parameters", name))
        return arguments, templates, parameters

    def _check_stored(self, templates: dict[str, Any], path: Path) -> None:
        """Its arguments are stored before those that it needs have ended."""
        for inner in parts_in(templates):
            told = "a text with a value in it cannot be given to what a store keeps; give it the value alone"
            self._problems.add(self._written_at(path, inner), told)

    def _written_at(self, path: Path, inner: Path) -> Path:
        """Where in the file a part of the arguments stands."""
        is_own = inner[0] == "inputs" and "inputs" not in self._job.tasks[path[1]].parameters
        return (*path, *inner) if is_own else (*path, "parameters", *inner)

    def _converted(self, parameters: Parameters | None, name: str, value: Any, path: Path) -> Any:
        if parameters is None:
            return value
        try:
            return parameters.converted(name, value)
        except ValueError as error:
            self._problems.add(path, str(error))
            return value

    def _check_outputs(self, step: Step, steps: dict[str, Step]) -> None:
        """A step of which the outputs are meant must name some."""
        for inner, reference in references_in(step.templates):
            other = steps.get(reference.step)
            if reference.kind == "outputs" and other is not None and not other.has_files:
                where = self._written_at(("tasks", step.name), inner)
                self._problems.add(where, f"the step {reference.step!r} names no outputs; write what it makes there")

    # -- the graph -------------------------------------------------------------------------------------

    def _needs(self, name: str, model: StepModel, path: Path) -> tuple[str, ...]:
        needs: dict[str, None] = {}
        for number, other in enumerate(model.dependencies):
            if self._is_step(other, (*path, "dependencies", number)):
                needs[other] = None
        keys = ("parameters",) if model.run is None else ("parameters", "inputs")
        for key in [one for one in keys if has_references(getattr(model, one))]:
            for where, reference in references_in(getattr(model, key), (*path, key)):
                if reference.kind not in KINDS:
                    told = f"${{{reference.step}.{reference.kind}}} is not known; a step has .result and .outputs"
                    self._problems.add(where, told)
                elif self._is_step(reference.step, where):
                    needs[reference.step] = None
        return tuple(needs)

    def _is_step(self, name: str, path: Path) -> bool:
        if name in self._job.tasks:
            return True
        self._problems.add(path, f"there is no step {name!r}{near(name, self._job.tasks, 'there are')}")
        return False

    def _in_order(self, steps: dict[str, Step]) -> list[Step]:
        """In the order of the file, but each behind those that it needs (A. B. Kahn's algorithm)."""
        missing = {name: sum(need in steps for need in step.needs) for name, step in steps.items()}
        readers: dict[str, list[str]] = {name: [] for name in steps}
        for name, step in steps.items():
            for need in step.needs:
                if need in readers:
                    readers[need].append(name)
        ready = [name for name, number in missing.items() if not number]
        for name in ready:  # it grows
            for reader in readers[name]:
                missing[reader] -= 1
                if not missing[reader]:
                    ready.append(reader)
        if len(ready) < len(steps):
            self._tell_cycles({name: steps[name] for name in steps if missing[name]})
        return [steps[name] for name in ready]

    def _tell_cycles(self, steps: dict[str, Step]) -> None:
        """Every step here needs another one, so a way along them comes to itself."""
        seen: set[str] = set()
        ways = {name: step.needs for name, step in steps.items()}
        for name in list(ways):
            way: list[str] = []
            while name not in seen:
                seen.add(name)
                way.append(name)
                name = next(need for need in ways[name] if need in ways)  # noqa: PLW2901 - the way goes on
            if name in way:
                ring = [*way[way.index(name) :], name]
                told = f"the steps need each other: {_ring_as_text(ring, steps)}; leave one of them out"
                key = "inputs" if ring[1] in steps[ring[0]].reads_from else "dependencies"
                self._problems.add(("tasks", ring[0], key), told)


def _ring_as_text(ring: list[str], steps: dict[str, Step]) -> str:
    """The steps, each with the file for which the one before it needs it, where it is that."""
    told = [ring[0]]
    for before, name in pairwise(ring):
        path = steps[before].reads_from.get(name)
        told.append(name if path is None else f"{name} (for {path})")
    return " → ".join(told)


def _as_written(step: dict[str, Any]) -> dict[str, Any]:
    """The same as `_written`, of the text of a step."""
    if step.get("run") is not None:
        return {key: step[key] for key in ("run", "parameters", "inputs", "outputs", *_FOR_COMMANDS) if step.get(key)}
    files = {key: step[key] for key in ("inputs", "outputs") if step.get(key) is not None}
    parameters = step.get("parameters") or {}
    return {**parameters, "woflo.files": files} if files else parameters


def _written(model: StepModel) -> dict[str, Any]:
    """What makes it what it is: the values for the task, or all that there is about a command."""
    if model.run is None:
        files = {key: value for key in ("inputs", "outputs") if (value := getattr(model, key)) is not None}
        return {**model.parameters, "woflo.files": files} if files else model.parameters
    keys = {"run", "parameters", "inputs", "outputs", *_FOR_COMMANDS}
    return model.model_dump(include=keys, exclude_defaults=True)
