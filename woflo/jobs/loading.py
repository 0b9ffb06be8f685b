"""From a file to a plan: read, include, fill in, validate, find the tasks, check. Nothing is executed before all is."""

from __future__ import annotations

import gc
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from woflo.durable.observing import TABLE
from woflo.errors import JobFileError, WofloError
from woflo.jobs.checking import Checking
from woflo.jobs.finding import FOLDER, Found
from woflo.jobs.including import Including
from woflo.jobs.model import JobModel, validated
from woflo.jobs.plan import Plan, with_digests
from woflo.jobs.problems import Document, Problems, near, shown_path
from woflo.jobs.reading import shown
from woflo.jobs.variables import Recorded, Variables, variables_named_in
from woflo.kernel.options import Options
from woflo.kernel.registry import load_runner
from woflo.observers.chosen import Chosen, in_table

if TYPE_CHECKING:
    from woflo.kernel.task import Task

__all__ = ["Loaded", "load", "name_in"]


@dataclass(slots=True)
class Loaded:
    """A job that makes sense."""

    plan: Plan
    model: JobModel
    value: dict[str, Any]
    """As it stands in the files, all includes merged, nothing filled in."""
    variables: dict[str, str] = field(default_factory=dict)
    observers: dict[str, Chosen | None] = field(default_factory=dict)
    """Who is to be told, by name."""
    taken: Mapping[str, str] = field(default_factory=dict)
    """Those of the variables that are as they were recorded."""


def load(
    path: Path,
    root: Path,
    tasks: Iterable[Task[..., Any]],
    variables: Mapping[str, str],
    recorded: Recorded | None = None,
) -> Loaded:
    """The job in a file; `recorded` are variables of the run before. Raises `JobFileError` with all that is wrong."""
    with _without_collecting():
        try:
            return _load(path, root, tasks, variables, recorded or Recorded("", {}))
        except RecursionError:  # aliases of lists with aliases of lists: no file is nested so deep by itself
            told = f"{shown(path)}:1: is nested too deep"
            raise JobFileError(f"{shown(path)} cannot be executed:\n{told}", problems=[told]) from None


@contextmanager
def _without_collecting() -> Iterator[None]:
    """What is made here stays: the garbage collector would look at all of it again and again, a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def name_in(path: Path, root: Path, variables: Mapping[str, str]) -> str:
    """The name of the job in a file that may be wrong."""
    fill = Variables(root, path, variables, os.environ)
    value = Including(root, Problems(), lambda name, _, where: fill.text(name, _no_matter, where)).read(path)
    config = value.get("config")
    name = config.get("name") if isinstance(config, dict) else None
    return fill.text(name, _no_matter, ()) if isinstance(name, str) else path.stem


def _no_matter(where: tuple[Any, ...], message: str) -> None:
    """It is told when the job is loaded."""


def _load(
    path: Path, root: Path, tasks: Iterable[Task[..., Any]], variables: Mapping[str, str], recorded: Recorded
) -> Loaded:
    problems = Problems()
    before = recorded.besides(variables)
    fill = Variables(root, path, {**before, **variables}, os.environ)

    def expand(name: str, document: Document, where: tuple[Any, ...]) -> str:
        def tell(at: tuple[Any, ...], message: str) -> None:
            problems.add_at(document.file, document.line_of(at)[1], shown_path(at), message)

        return fill.text(name, tell, where)

    value = Including(root, problems, expand).read(path)
    problems.check(shown(path))
    known = {name for document in problems.documents for name in variables_named_in(document.value)}
    taken = {name: text for name, text in before.items() if name in known}
    for told in filter(None, map(recorded.told, taken)):
        problems.add_at(shown(path), 1, "", told)
    problems.check(shown(path))
    _check_variables(shown(path), variables, known, problems)
    texts = {key: item if key == "aliases" else fill.filled(item, problems.add, (key,)) for key, item in value.items()}
    model = validated(texts, problems)
    if model is None:
        problems.check(shown(path))
        raise AssertionError
    _check_runner(model, problems)
    _check_options(model, problems)
    found = _found(model, root, path, tasks, problems)
    steps = Checking(model, found, problems, value).steps()
    observers = _observers(model, root, problems)
    problems.check(shown(path))
    plan = Plan(
        name=model.config.name or path.stem,
        steps=with_digests(steps, path.parent, fill.secrets),
        max_concurrency=model.config.max_concurrency or None,
        deadline=model.config.deadline,
        tags=model.config.tags,
    )
    return Loaded(plan, model, value, {**taken, **variables}, observers, taken)


def _check_variables(file: str, variables: Mapping[str, str], known: Collection[str], problems: Problems) -> None:
    """One that is given and stands nowhere is a mistake in its name."""
    for name in variables:
        if name not in known:
            told = near(name, known, "there are") or "; there is no $VAR{…} at all"
            problems.add_at(file, 1, "", f"the variable {name!r} is given, and $VAR{{{name}}} stands nowhere{told}")


def _check_options(model: JobModel, problems: Problems) -> None:
    """Those of the whole job."""
    for key in ("deadline", "tags"):
        try:
            Options(**{key: getattr(model.config, key)})
        except WofloError as error:
            problems.add(("config", key), str(error))


def _check_runner(model: JobModel, problems: Problems) -> None:
    try:
        load_runner(model.config.runner)
    except WofloError as error:
        problems.add(("config", "runner"), str(error))
        model.config.runner = None


def _observers(model: JobModel, root: Path, problems: Problems) -> dict[str, Chosen | None]:
    """Those that there are; what is wrong with them is told before anything begins."""
    found: dict[str, Chosen | None] = {}
    for name, value in model.observers.items():
        try:
            made = in_table({name: value}, "", folder=root)[name]
            found[name] = None if made is None else made.checked()
        except WofloError as error:
            problems.add((TABLE, name), str(error).removeprefix(f"{name}: "))
    return found


def _found(model: JobModel, root: Path, path: Path, tasks: Iterable[Task[..., Any]], problems: Problems) -> Found:
    found = Found(tasks)
    tops = list(dict.fromkeys((root, path.parent)))
    for top in tops:
        if (top / FOLDER).is_dir():
            for told in found.search_folder((top / FOLDER).resolve()):
                problems.add_about(("tasks",), told)
    for number, name in enumerate(model.config.extension_directories):
        for told in _in_folder(found, name, tops):
            problems.add_about(("config", "extension_directories", number), told)
    for number, name in enumerate(model.config.extension_packages):
        for told in found.search_package(name):
            problems.add_about(("config", "extension_packages", number), told)
    return found


def _in_folder(found: Found, name: str, tops: Iterable[Path]) -> Iterator[str]:
    for top in tops:
        if os.path.isdir(top / name):  # False for what cannot be a path, too
            yield from found.search_folder((top / name).resolve())
            return
    yield f"there is no folder {name!r} in {' or '.join(map(shown, tops))}"
