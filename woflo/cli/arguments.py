"""`--arg NAME=VALUE`: arguments of a call as they are written on the command line, typed by its signature."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_type_hints

from woflo.cli.failures import UsageError
from woflo.kernel.masking import mask
from woflo.kernel.pairs import json_or_text, named_values
from woflo.kernel.texts import did_you_mean

if TYPE_CHECKING:
    from woflo.kernel.task import Task

__all__ = ["arguments_for", "arguments_of", "given_arguments"]


def arguments_of(task: Task[..., Any], given: Iterable[str]) -> dict[str, Any]:
    """The arguments by name. What is annotated is read as its type, else as JSON where it is such, else as text.

    Raises `UsageError` for what is no NAME=VALUE, for a name that the task does not have or that is missing, and for a
    value that is not of its type, and for what is given twice.
    """
    return arguments_for(task.name, task.body.fn, given)


def arguments_for(called: str, fn: Any, given: Iterable[str], *, are_all: bool = True) -> dict[str, Any]:
    """The same for any function of this name. Where they are not all that is needed, what is missing is not said."""
    parameters = inspect.signature(fn).parameters
    hints = _hints(fn)
    found: dict[str, Any] = {}
    for name, value in given_arguments(given).items():
        if name not in parameters:
            hint = did_you_mean(name, parameters) or f"; it has {', '.join(parameters) or 'none'}"
            raise UsageError(f"--arg {f'{name}={mask(name, value)}'!r}: {called} has no parameter {name!r}{hint}")
        found[name] = _value(called, name, value, hints.get(name, Any))
    if are_all:
        _check_all_given(called, parameters.values(), found)
    return found


def given_arguments(given: Iterable[str]) -> dict[str, str]:
    """The texts by their names. Raises `OptionError` for what is no NAME=VALUE, or given twice."""
    return named_values("--arg", given, "a list is written as JSON, as {name}='[1, 2]'")


def _value(called: str, name: str, text: str, annotation: Any) -> Any:
    if annotation is str:
        return text
    if annotation is Any:
        return json_or_text(text)
    if annotation in (int, float, bool):
        value = json_or_text(text)
        if type(value) is annotation:
            return value  # importing pydantic takes longer than all else that is done here
    from pydantic import TypeAdapter, ValidationError

    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    try:
        try:
            return adapter.validate_json(text)
        except ValidationError:
            return adapter.validate_strings(text)
    except ValidationError as error:
        told = error.errors()[0]["msg"]
        raise UsageError(f"--arg {name}={mask(name, text)}: {called} takes {_shown(annotation)}; {told}") from None


def _check_all_given(called: str, parameters: Iterable[inspect.Parameter], found: dict[str, Any]) -> None:
    collecting = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    missing = [
        one.name
        for one in parameters
        if one.name not in found and one.default is one.empty and one.kind not in collecting
    ]
    if missing:
        told = " ".join(f"--arg {name}=…" for name in missing)
        raise UsageError(f"{called} needs {', '.join(missing)}; give it as {told}")


def _shown(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _hints(fn: Any) -> dict[str, Any]:
    try:
        return get_type_hints(vars(fn).get("__init__") if isinstance(fn, type) else fn, include_extras=True)
    except Exception:  # a name that is there for type checkers only
        return {}
