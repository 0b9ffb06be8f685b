"""Which calls make a file, from the names of files alone: outputs are read as patterns, inputs are asked for in turn.

final.txt ──► final()                    its input test_1.txt ──► solve(i="1")
test_1.txt against "test_{i}.txt" ──► i = "1"

A glob among inputs is no name of a file: it stands for what there is, and for what the calls that are found will make.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, NamedTuple

from woflo.errors import MissingInputError, UnknownMakerError
from woflo.scripts.body import Script
from woflo.scripts.files import Temporary, is_glob
from woflo.scripts.ordering import behind_globs
from woflo.scripts.plan import Plan, target_of
from woflo.scripts.temporaries import hold, release
from woflo.scripts.words import FILES, Field, Template, parsed

if TYPE_CHECKING:
    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.task import Task

__all__ = ["Call", "call_all", "calls_for", "makers_in"]


class Call(NamedTuple):
    """A call that makes files, and which of the calls before it make what it reads."""

    task: Task[..., Any]
    values: dict[str, Any]
    plan: Plan
    needs: tuple[int, ...]
    is_asked: bool = False
    """True where a file is asked for that it makes, and not only something that is made of it."""

    def __str__(self) -> str:
        return f"{self.task.name}({', '.join(f'{name}={value!r}' for name, value in self.values.items())})"


def makers_in(tasks: Iterable[Task[..., Any]]) -> list[Task[..., Any]]:
    """Those of the tasks that make files which they name."""
    return [task for task in tasks if getattr(task.body.fn, "plan", None) is not None and _patterns(task)]


def calls_for(
    paths: Sequence[str], tasks: Iterable[Task[..., Any]], values: Mapping[str, Any] | None = None
) -> list[Call]:
    """The calls that make these files, each behind those that make its inputs.

    Arguments:
        paths: of the files.
        tasks: those among which to look.
        values: for parameters that no name of a file tells.

    Raises `UnknownMakerError` where no task makes a file, several do, a parameter stays open, or a file needs itself;
    `MissingInputError` for an input that is not there, and that nothing makes.

    """
    return _Search(makers_in(tasks), values or {}).calls(paths)


def call_all(calls: Sequence[Call]) -> list[BaseTaskRun[Any]]:
    """Call them, each after those that make its inputs; the handles, in the same order."""
    runs: list[BaseTaskRun[Any]] = []
    held: list[BaseTaskRun[Any]] = []
    for call in calls:
        task = call.task
        if call.needs:
            task = task.with_options(after=[*task.options.after, *(runs[need] for need in call.needs)])
        if call.is_asked and _is_gone(call):
            task = task.with_options(force=True)
        runs.append(task(**call.values))
        if getattr(task.body.fn, "has_temporary", False):
            hold(runs[-1])
            held += [] if call.is_asked else [runs[-1]]
    for run in held:
        release(run)
    return runs


def _is_gone(call: Call) -> bool:
    """True where a temporary file went with its last reader, so that its maker is up to date without it."""
    plan = call.plan
    return any(one.kind is Temporary and not os.path.exists(plan.path(one.path)) for one in plan.outputs)


class _UnderWay:
    """A call whose inputs are being looked for."""

    def __init__(self, path: str, task: Task[..., Any], values: dict[str, Any]) -> None:
        self.path, self.task, self.values = path, task, values
        self.key = _key(task, values)
        self.plan: Plan = task.body.fn.plan(task.name, (), values)
        self.inputs = iter(self.plan.inputs)
        self.needs: list[int] = []


class _Search:
    """For the calls of one request."""

    def __init__(self, tasks: list[Task[..., Any]], values: Mapping[str, Any]) -> None:
        self._tasks = tasks
        self._values = values
        self._calls: list[Call] = []
        self._numbers: dict[tuple[str, str], int] = {}
        """Of the calls, by task and values."""
        self._under_way: set[tuple[str, str]] = set()
        self._matchers = [(task, list(_matchers(task))) for task in tasks]

    def calls(self, paths: Sequence[str]) -> list[Call]:
        for path in paths:
            if self._maker_of(path) is None:
                hint = " (no file matches it; name those that are to be made)" if is_glob(path, "") else ""
                raise UnknownMakerError(f"nothing makes {path!r}{hint}: {_told(self._tasks)}")
            self._add(path)
            maker = self._maker_of(path)
            assert maker is not None
            number = self._numbers[_key(*maker)]
            self._calls[number] = self._calls[number]._replace(is_asked=True)
        return behind_globs(self._calls, _told(self._tasks))

    def _add(self, path: str) -> None:
        """The call that makes this file, behind all that it needs. A chain may be longer than Python's stack."""
        found = self._maker_of(path)
        assert found is not None
        way = [] if _key(*found) in self._numbers else [self._begun(path, *found)]
        while way:
            name = next(way[-1].inputs, None)
            if name is not None:
                self._look_for(name, way)
                continue
            last = way.pop()
            self._under_way.discard(last.key)
            number = self._numbers[last.key] = len(self._calls)
            self._calls.append(Call(last.task, last.values, last.plan, tuple(dict.fromkeys(last.needs))))
            if way:
                way[-1].needs.append(number)

    def _look_for(self, name: str, way: list[_UnderWay]) -> None:
        """For what makes an input of the last call on the way."""
        reader = way[-1]
        path = reader.plan.path(name)
        maker = self._maker_of(path)
        if maker is None:
            if name not in reader.plan.globs and not os.path.exists(path):
                told = f"{reader.task.name} reads {name!r}, which does not exist, and nothing makes it"
                raise MissingInputError(f"{told}: {_told(self._tasks)}")
            return
        key = _key(*maker)
        if key in self._numbers:
            reader.needs.append(self._numbers[key])
            return
        if key in self._under_way:
            round_ = " ← ".join([*(one.path for one in way), path])
            raise UnknownMakerError(f"{path!r} needs itself: {round_}")
        way.append(self._begun(path, *maker))

    def _begun(self, path: str, task: Task[..., Any], values: dict[str, Any]) -> _UnderWay:
        made = _UnderWay(path, task, values)
        self._under_way.add(made.key)
        return made

    def _maker_of(self, path: str) -> tuple[Task[..., Any], dict[str, Any]] | None:
        """The task whose outputs this file is one of, and the values that say so. A name beats a pattern.

        Of a glob, that whose outputs are found by such a one; it tells no values.
        """
        target = target_of(path)
        is_pattern = is_glob(path, "")
        found = [
            (matcher.fields, task, values)
            for task, matchers in self._matchers
            for matcher in matchers
            if (values := matcher.values(target)) is not None
            and not (is_pattern and any(glob.has_magic(str(value)) for value in values.values()))
        ]
        if not found:
            return None
        least = min(bool(fields) for fields, _, _ in found)
        best = {_key(task, values): (task, values) for fields, task, values in found if bool(fields) == least}
        if len(best) > 1:
            told = ", ".join(str(Call(task, values, Plan("", [], []), ())) for task, values in best.values())
            raise UnknownMakerError(f"{path!r} could be made by several calls: {told}; call the one that is meant")
        task, values = next(iter(best.values()))
        return task, self._completed(path, task, values)

    def _completed(self, path: str, task: Task[..., Any], values: dict[str, Any]) -> dict[str, Any]:
        """With the values that were given besides. Raises `UnknownMakerError` where one is missing."""
        fn = task.body.fn
        whole = dict(values)
        for parameter in signature(fn).parameters.values():
            name = parameter.name
            if name in whole or (isinstance(fn, Script) and name in FILES):
                continue
            if name in self._values:
                whole[name] = self._values[name]
            elif parameter.default is Parameter.empty and parameter.kind not in (
                Parameter.VAR_POSITIONAL,
                Parameter.VAR_KEYWORD,
            ):
                raise UnknownMakerError(
                    f"{task.name} makes {path!r}, and the name of the file does not tell its parameter {name!r}; "
                    f"give it as --arg {name}=…, or call {task.name} by its name"
                )
        return whole


def _key(task: Task[..., Any], values: Mapping[str, Any]) -> tuple[str, str]:
    return task.name, repr(sorted(values.items(), key=lambda item: item[0]))


def _told(tasks: list[Task[..., Any]]) -> str:
    if not tasks:
        return "there is no script that names its outputs"
    shown = [
        f"{task.name} makes {', '.join(_written(template) for _, template, _ in _patterns(task))}" for task in tasks
    ]
    return "; ".join(shown[:10]) + (f"; and {len(shown) - 10} more" if len(shown) > 10 else "")


# -- the names of files as patterns --------------------------------------------------------------------


class _Matcher:
    """Tells the values of the parameters from the name of a file."""

    def __init__(self, task: Task[..., Any], template: Template, *, has_magic: bool) -> None:
        self.fields: list[Field] = [part for part in template if isinstance(part, Field)]
        self._hints = _annotations(task.body.fn)
        near, far = (re.compile(_expression(template, value, has_magic=has_magic)) for value in ("[^/]+", ".+"))
        self._patterns = [near, far] if self.fields else [near]

    def values(self, target: str) -> dict[str, Any] | None:
        """The values by name; None where the file is none of these."""
        for pattern in self._patterns:
            found = pattern.fullmatch(target)
            if found is not None:
                return self._read(found)
        return None

    def _read(self, found: re.Match[str]) -> dict[str, Any] | None:
        values: dict[str, Any] = {}
        for field in self.fields:
            if field.name not in values:
                value = _value(found[field.name], field.form, self._hints.get(field.name))
                if value is None:
                    return None
                values[field.name] = value
        return values


def _matchers(task: Task[..., Any]) -> Iterator[_Matcher]:
    for base, template, has_magic in _patterns(task):
        yield _Matcher(task, _in_project(base, template), has_magic=has_magic)


def _patterns(task: Task[..., Any]) -> list[tuple[Template, Template, bool]]:
    """What stands for the folder, what for the file, and whether there are globs in it."""
    fn: Any = task.body.fn
    declared = fn.declared_outputs if isinstance(fn, Script) else fn.outputs
    base: Template = fn.cwd if isinstance(fn, Script) else ()
    return [(base, one.template, one.has_magic) for one in declared.patterns]


def _in_project(base: Template, template: Template) -> Template:
    """The whole name within the project, as targets have it, where that can be told before the values are there."""
    text = _written(template)
    whole = os.path.join(_written(base), text) if base else text
    return parsed(target_of(whole))


def _written(template: Template) -> str:
    """As it was written."""
    return "".join(part if isinstance(part, str) else str(part) for part in template)


def _expression(template: Template, value: str, *, has_magic: bool) -> str:
    seen: set[str] = set()
    parts = []
    for part in template:
        if isinstance(part, str):
            parts.append(translate(part)[4:-3] if has_magic else re.escape(part))
        elif part.name in seen:
            parts.append(f"(?P={part.name})")
        else:
            seen.add(part.name)
            parts.append(f"(?P<{part.name}>{value})")
    return "(?s:" + "".join(parts) + ")"


def _annotations(fn: Any) -> Mapping[str, Any]:
    from typing import get_type_hints

    function = getattr(fn, "function", None) or getattr(fn, "func", None)
    try:
        return {} if function is None else get_type_hints(function)
    except Exception:  # a name that is there for type checkers only
        return {}


def _value(text: str, form: str, annotation: Any) -> Any:
    """What stands in the name of a file, as the parameter has it; None where it cannot be that."""
    if annotation in (None, str, Any):
        return text if not form else next((one for one in _readings(text) if _is_shown(one, form, text)), None)
    from pydantic import TypeAdapter, ValidationError

    try:
        value = TypeAdapter(annotation).validate_strings(text)
    except ValidationError:
        return None
    return value if _is_shown(value, form, text) else None


def _readings(text: str) -> Iterator[Any]:
    for kind in (int, float, str):
        try:
            yield kind(text)
        except ValueError:
            pass


def _is_shown(value: Any, form: str, text: str) -> bool:
    try:
        return format(value, form) == text
    except (ValueError, TypeError):
        return False
