"""Tasks by their names: in `tasks/`, in folders and packages that the job file lists, in installed distributions.

A name is that of a task (`@task`, `@workflow`, a script), or of a class with a `run` method; `module:name` says where.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

from woflo.errors import NotATaskError
from woflo.kernel.task import Task, task

__all__ = ["FOLDER", "Found", "NotFound"]

FOLDER = "tasks"
ENTRY_POINTS = "woflo.tasks"


class NotFound(Exception):  # noqa: N818 - it becomes a problem of the file
    """A folder, package or module that cannot be used; the text tells why."""


class Found:
    """What was found until now."""

    def __init__(self, given: Iterable[Task[..., Any]] = ()) -> None:
        self._tasks: dict[str, list[Task[..., Any]]] = {}
        self._loaded_entry_points = False
        for one in given:
            self._add(one.name, one)

    def names(self) -> list[str]:
        """All of them."""
        return list(self._tasks)

    def task(self, name: str) -> Task[..., Any] | None:
        """The task of this name. Raises `NotFound` where several modules have one."""
        found = self._tasks.get(name)
        if found is None and not self._loaded_entry_points:
            self._load_entry_points()
            found = self._tasks.get(name)
        if found is None:
            return None
        if len(found) > 1:
            places = ", ".join(sorted(f"{one.body.module}:{name}" for one in found))
            raise NotFound(f"there are several tasks named {name!r}: {places}; rename one")
        return found[0]

    def _add(self, name: str, one: Task[..., Any]) -> None:
        there = self._tasks.setdefault(name, [])
        if not any(other.body.fn is one.body.fn for other in there):
            there.append(one)

    # -- where they are looked for ---------------------------------------------------------------------

    def search_folder(self, folder: Path) -> Iterator[str]:
        """All modules in a folder and those below it. Yields what is wrong with some."""
        for path in sorted(folder.rglob("*.py")):
            inner = path.relative_to(folder).parts
            if any(part.startswith((".", "__pycache__")) for part in inner):
                continue
            try:
                self.search(_module_of(path, folder))
            except NotFound as error:
                yield str(error)

    def search_package(self, name: str) -> Iterator[str]:
        """A module or a package with all that is in it. Yields what is wrong with some."""
        try:
            top = _imported(name, name)
        except NotFound as error:
            yield str(error)
            return
        self.search(top)
        for one in walk_packages(getattr(top, "__path__", ()), f"{name}.", onerror=lambda _: None):
            try:
                self.search(_imported(one.name, one.name))
            except NotFound as error:
                yield str(error)

    def search(self, module: ModuleType) -> None:
        """What has a name in a module."""
        for name, value in list(vars(module).items()):
            if isinstance(value, Task):
                self._add(value.name, value)
            elif _is_work(value, module):
                self._add(name, task(value))

    def _load_entry_points(self) -> None:
        from importlib.metadata import entry_points

        self._loaded_entry_points = True
        for point in entry_points(group=ENTRY_POINTS):
            try:
                found = point.load()
            except Exception:
                from woflo.kernel.bus import complain

                complain(f"the tasks {point.name!r} of {point.value} cannot be loaded; they are left out")
                continue
            if isinstance(found, ModuleType):
                self.search(found)
            elif isinstance(found, Task):
                self._add(point.name, found)


def _is_work(value: Any, module: ModuleType) -> bool:
    """True for a class with a `run` method that this module defines."""
    if not isinstance(value, type) or value.__module__ != module.__name__ or value.__name__.startswith("_"):
        return False
    return callable(getattr(value, "run", None)) and not getattr(value, "__abstractmethods__", None)


def _module_of(path: Path, folder: Path) -> ModuleType:
    """The module of a file, by a name under which other processes can import it. Raises `NotFound`."""
    inner = list(path.relative_to(folder).with_suffix("").parts)
    if inner[-1] == "__init__":
        inner.pop()
    top = folder
    if folder.name.isidentifier():
        inner.insert(0, folder.name)
        top = folder.parent
    while (top / "__init__.py").is_file() and top.name.isidentifier():
        inner.insert(0, top.name)
        top = top.parent
    if not inner:
        raise NotFound(f"{path} cannot be imported: {folder.name!r} is no name of a module; rename the folder")
    if str(top) not in sys.path:
        sys.path.insert(0, str(top))
    module = _imported(".".join(inner), str(path))
    there = getattr(module, "__file__", None)
    if there is not None and Path(there).resolve() != path.resolve():
        raise NotFound(f"{path} cannot be imported: another module is named {module.__name__} ({there}); rename it")
    return module


def _imported(name: str, shown: str) -> ModuleType:
    try:
        return import_module(name)
    except NotATaskError as error:
        raise NotFound(f"{shown} cannot be imported: {error}") from error
    except (Exception, SystemExit) as error:  # a script that ends itself would end the program without a word
        line = _line_in(error, shown)
        raise NotFound(f"{shown}{line} cannot be imported: {type(error).__name__}: {error}") from error


def _line_in(error: BaseException, file: str) -> str:
    trace, found = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            found = f":{trace.tb_lineno}"
        trace = trace.tb_next
    return found
