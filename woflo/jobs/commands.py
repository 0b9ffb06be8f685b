"""Steps with files: the task of a command, and tasks whose files are said by the step."""

from __future__ import annotations

from inspect import unwrap
from typing import TYPE_CHECKING, Any

from woflo.kernel.registry import load_making
from woflo.kernel.task import Task

if TYPE_CHECKING:
    from woflo.jobs.model import StepModel

__all__ = ["command_task", "files_of", "with_files"]


def command_task(name: str, command: str | list[str], model: StepModel) -> Task[..., Any]:
    """The script of a step. Raises `OptionError` for a command that cannot be meant."""
    from woflo.scripts.script import script

    own = {key: getattr(model, key) for key in ("inputs", "outputs", "env", "cwd") if getattr(model, key) is not None}
    return script(command, name=name, shell=model.shell, **own)


def with_files(task: Task[..., Any], model: StepModel) -> Task[..., Any]:
    """A task of Python code that reads and makes the files of a step. Raises `OptionError`."""
    files = {key: value for key in ("inputs", "outputs") if (value := getattr(model, key)) is not None}
    made: Task[..., Any] = load_making()(unwrap(task.body.fn), files)
    twin: Task[..., Any] = Task(
        made.body, task.options.changed({"admission": made.options.admission, "name": task.name})
    )
    twin._gates = task._gates
    return twin


def files_of(task: Task[..., Any], result: Any, arguments: dict[str, Any]) -> Any:
    """What a run has made: the result of a command, and the files that other tasks name for these arguments."""
    from woflo.scripts.body import Script

    if isinstance(task.body.fn, Script):
        return result
    return task.body.fn.plan(task.name, (), arguments).value()
