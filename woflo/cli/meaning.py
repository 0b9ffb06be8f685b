"""What the words behind a target mean: a task, a function that calls tasks, or files that tasks make."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import isfunction
from typing import Any, NamedTuple

from woflo.cli.arguments import arguments_for, arguments_of, given_arguments
from woflo.cli.failures import UsageError
from woflo.cli.targets import Target
from woflo.errors import UnknownMakerError
from woflo.kernel.pairs import json_or_text
from woflo.kernel.task import Task
from woflo.scripts.makers import Call, call_all, calls_for

__all__ = ["Meant", "meaning"]


class Meant(NamedTuple):
    """What is meant, and how it is called."""

    name: str
    call: Callable[[], Any]
    task: Task[..., Any] | None = None
    """Where it is one task that is called by its name."""
    arguments: dict[str, Any] = {}  # noqa: RUF012 - never changed
    calls: tuple[Call, ...] = ()
    """Where files are meant: what makes them, and what makes their inputs, before."""
    is_function: bool = False


def meaning(target: Target, names: list[str], arg: list[str]) -> Meant:
    """Nothing is called. Raises `UsageError`, `UnknownMakerError` or `MissingInputError` for what cannot be meant."""
    what = target.meant(names)
    if isinstance(what, list):
        calls = _calls(target, what, arg)
        return Meant(", ".join(what), partial(call_all, calls), calls=tuple(calls))
    if isfunction(what):
        call = partial(what, **arguments_for(what.__name__, what, arg))
        return Meant(what.__name__, call, is_function=True)
    arguments = arguments_of(what, arg)
    return Meant(what.name, partial(what, **arguments), what, arguments)


def _calls(target: Target, files: list[str], arg: list[str]) -> list[Call]:
    try:
        return calls_for(files, target.all_tasks(), _values(arg))
    except UnknownMakerError as error:
        if len(files) == 1 and files[0].isidentifier():  # rather a name that was mistyped
            raise UsageError(f"{target.unknown(files[0])}; and {error}") from None
        raise


def _values(arg: list[str]) -> dict[str, Any]:
    return {name: json_or_text(value) for name, value in given_arguments(arg).items()}
