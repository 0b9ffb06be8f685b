"""Steps with files: the task of a command, and tasks whose files are said by the step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import unwrap
from typing import TYPE_CHECKING, Any

from woflo.jobs.files import texts_in
from woflo.jobs.problems import near
from woflo.kernel.registry import load_making
from woflo.kernel.task import Task

if TYPE_CHECKING:
    from woflo.jobs.model import StepModel

__all__ = ["command_task", "files_of", "with_files"]

Tell = Callable[[str, str], None]
"""What is wrong with a key of a step."""


def command_task(
    name: str, command: str | list[str], model: StepModel, may_call: Sequence[Task[..., Any]], tell: Tell
) -> Task[..., Any]:
    """The script of a step. Raises `OptionError` for a command that cannot be meant."""
    from woflo.scripts.script import script

    own: dict[str, Any] = {}
    own |= {key: value for key in ("inputs", "env", "cwd") if (value := getattr(model, key)) is not None}
    own["outputs"] = _marked_outputs(model, tell)
    return script(command, name=name, shell=model.shell, may_call=list(may_call), **own)


def with_files(task: Task[..., Any], model: StepModel, tell: Tell) -> Task[..., Any]:
    """A task of Python code that reads and makes the files of a step, or keeps its result. Raises `OptionError`."""
    from woflo.scripts.functions import MakingFunction

    own = task.body.fn if isinstance(task.body.fn, MakingFunction) else None
    files: dict[str, Any] = {}
    if own is not None:
        files |= {"inputs": own.inputs.given, "outputs": own.outputs.given, "cache": own.cache}
        files |= {"version": own.version, "cache_ignore": tuple(own.cache_ignore)}
    if model.inputs is not None:
        files["inputs"] = model.inputs
    if model.outputs is not None or model.temporary or model.protected:
        files["outputs"] = _marked_outputs(model, tell)
    if model.cache:
        files["cache"] = True
    made: Task[..., Any] = load_making()(unwrap(task.body.fn), files)
    twin: Task[..., Any] = Task(
        made.body, task.options.changed({"admission": made.options.admission, "name": task.name})
    )
    twin._gates = task._gates
    return twin


def _marked_outputs(model: StepModel, tell: Tell) -> Any:
    """The outputs of a step, of which some are temporary or protected."""
    from woflo.scripts.files import protected, temporary

    texts = texts_in(model.outputs)
    goes = _meant("temporary", model.temporary, texts, tell)
    stays = _meant("protected", model.protected, texts, tell)
    for text in texts:
        if text in goes and text in stays:
            tell("protected", f"{text!r} is `temporary` as well; it can be one of them")

    def marked(text: str) -> str:
        return temporary(text) if text in goes else protected(text) if text in stays else text

    return _mapped(model.outputs, marked)


def _meant(key: str, given: Any, outputs: list[str], tell: Tell) -> list[str]:
    """Those of the outputs that a key names."""
    if isinstance(given, bool):
        if given and not outputs:
            tell(key, "names no file: there are no `outputs` in this step")
        return outputs if given else []
    for text in texts_in(given):
        if text not in outputs:
            tell(key, f"{text!r} is none of the `outputs` of this step{near(text, outputs, 'they are')}")
    return texts_in(given)


def _mapped(given: Any, change: Callable[[str], str]) -> Any:
    """The same form with other texts."""
    if isinstance(given, dict):
        return {name: _mapped(one, change) for name, one in given.items()}
    if isinstance(given, list):
        return [change(text) for text in given]
    return None if given is None else change(given)


def files_of(task: Task[..., Any], result: Any, arguments: dict[str, Any]) -> Any:
    """What a run has made: the result of a command, and the files that other tasks name for these arguments."""
    from woflo.scripts.body import Script

    if isinstance(task.body.fn, Script):
        return result
    return task.body.fn.plan(task.name, (), arguments).value()
