"""Calls that a command asks for: lines of JSON in the file that `$WOFLO_CALLS` names, made when it has ended well.

    {"task": "solve", "kwargs": {"i": 3}}        `args` and `kwargs` may be left out

Only tasks that the script names in `may_call` are called. One line that cannot be meant is a failure of the script, and
then none of the calls is made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from woflo.errors import OptionError, ScriptCallError, WofloError
from woflo.kernel.attempt import Attempt
from woflo.kernel.context import current_attempt
from woflo.kernel.task import Task
from woflo.scripts.files import given_files
from woflo.scripts.places import folder, is_inside, project

__all__ = ["VARIABLE", "Call", "begin_file", "checked_tasks", "make", "read"]

VARIABLE = "WOFLO_CALLS"
MOST_CALLS, MOST_BYTES = 100_000, 64 << 20
"""What one attempt may ask for."""


class Call(NamedTuple):
    """A call that was asked for, and may be made."""

    task: Task[..., Any]
    args: list[Any]
    kwargs: dict[str, Any]

    def plain(self) -> dict[str, Any]:
        """As it is kept."""
        return {"task": self.task.name, "args": self.args, "kwargs": self.kwargs}


def checked_tasks(given: Any) -> tuple[Task[..., Any], ...]:
    """What `may_call` names. Raises `OptionError`."""
    if not isinstance(given, list | tuple) or not all(isinstance(one, Task) for one in given):
        raise OptionError(f"may_call={given!r} must be a list of tasks")
    names = [one.name for one in given]
    if len(set(names)) < len(names):
        raise OptionError(f"may_call has two tasks of one name, so that a call cannot tell them apart: {names}")
    return tuple(given)


def begin_file(log: str) -> str:
    """An empty file for the calls of the attempt that has this log."""
    path = os.path.join(folder("calls"), os.path.basename(log).removesuffix(".log") + ".jsonl")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    return path


def read(path: str, name: str, may_call: Sequence[Task[..., Any]]) -> list[Call]:
    """What was asked for, all of it checked; the file is gone then. Raises `ScriptCallError`."""
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return []
    os.unlink(path)
    lines = data.splitlines()
    if len(data) > MOST_BYTES or len(lines) > MOST_CALLS:
        raise ScriptCallError(f"{name} asks for more than {MOST_CALLS} calls, or {MOST_BYTES >> 20} MB of them")
    return [_parsed(line, f"{name}, line {number} of ${VARIABLE}", may_call) for number, line in enumerate(lines, 1)]


def _parsed(line: bytes, where: str, may_call: Sequence[Task[..., Any]]) -> Call:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ScriptCallError(f"{where}: it is no JSON ({error})") from error
    return checked(given, where, may_call)


def checked(given: Any, where: str, may_call: Sequence[Task[..., Any]]) -> Call:
    """The call of one line. Raises `ScriptCallError`."""
    if not isinstance(given, dict) or not {"task"} <= given.keys() <= {"task", "args", "kwargs"}:
        raise ScriptCallError(f"{where}: it must be an object with `task`, and perhaps `args` and `kwargs`")
    args, kwargs = given.get("args", []), given.get("kwargs", {})
    task = next((one for one in may_call if one.name == given["task"]), None)
    if task is None:
        known = ", ".join(one.name for one in may_call) or "none"
        raise ScriptCallError(f"{where}: the task {given['task']!r} is not among those that it may call: {known}")
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise ScriptCallError(f"{where}: `args` must be a list, and `kwargs` an object")
    try:
        if task.body.check_call is not None:
            task.body.check_call(task.body, tuple(args), kwargs)
        _check_paths(kwargs)
    except WofloError as error:
        raise ScriptCallError(f"{where}: {error}") from error
    return Call(task, args, kwargs)


def _check_paths(kwargs: dict[str, Any]) -> None:
    """What a command has written is no place where the user has written a path."""
    for option in ("inputs", "outputs"):
        for paths in given_files(option, kwargs.get(option) or []).values():
            for path in paths:
                if not is_inside(path, project()):
                    raise ScriptCallError(f"{option}: {path!r} lies outside of the project ({project()})")


def make(calls: Iterable[Call], attempt: Attempt | None) -> tuple[Any, ...]:
    """Their runs, as calls from within the attempt."""
    token = current_attempt.set(attempt)
    try:
        return tuple(call.task(*call.args, **call.kwargs) for call in calls)
    finally:
        current_attempt.reset(token)
