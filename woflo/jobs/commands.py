"""Steps with `run:`: the task of a command."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from woflo.errors import OptionError

if TYPE_CHECKING:
    from woflo.jobs.model import StepModel
    from woflo.kernel.task import Task

__all__ = ["command_task"]


def command_task(name: str, model: StepModel) -> Task[..., Any]:
    """The script of a step. Raises `OptionError` for a command that cannot be meant."""
    if find_spec("woflo.scripts") is None:
        raise OptionError("`run` needs scripts, which this woflo does not have yet; give the step a task")
    script: Any = import_module("woflo.scripts.script").script
    own = {key: getattr(model, key) for key in ("inputs", "outputs", "env", "cwd") if getattr(model, key) is not None}
    made: Task[..., Any] = script(model.run, name=name, shell=model.shell, **own)
    return made
