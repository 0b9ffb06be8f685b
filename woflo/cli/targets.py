"""`TARGET` on the command line: a file or a module, and perhaps the name of something in it."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from inspect import isfunction
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any

from woflo.cli.failures import UsageError
from woflo.kernel.task import Task
from woflo.kernel.texts import did_you_mean
from woflo.scripts.makers import makers_in

__all__ = ["Target"]


class Target:
    """What a target names, imported. Raises `UsageError` where there is no such thing.

    `app.py` and `folder/app.py` are files, `app` and `package.app` modules, found from the current folder; behind a
    colon stands the name of one of the tasks in it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        where, _, self._name = text.partition(":")
        is_file = where.endswith(".py") or os.sep in where
        self._module = _file(Path(where)) if is_file else _module(where)

    def all_tasks(self) -> list[Task[..., Any]]:
        """Every task that has a name in the module."""
        return list({id(one): one for one in vars(self._module).values() if isinstance(one, Task)}.values())

    def tasks(self, names: Sequence[str] = ()) -> list[Task[..., Any]]:
        """Those that a worker is to serve: the ones named, else all, for any may be called with `runner="queue"`."""
        wanted = [*([self._name] if self._name else []), *names]
        if wanted:
            return [self._task(name) for name in wanted]
        found = self.all_tasks()
        if not found:
            raise UsageError(f"{self.text} has no tasks that a worker could serve; make some with @task or @workflow")
        return found

    def workflows(self) -> list[Task[..., Any]]:
        """Those whose calls are recorded."""
        from woflo.durable.serving import is_workflow

        return [one for one in self.tasks() if is_workflow(one)]

    def functions(self) -> dict[str, Any]:
        """The plain functions and coroutine functions that the module defines, by name."""
        return {
            name: value
            for name, value in vars(self._module).items()
            if isfunction(value) and value.__module__ == self._module.__name__ and not name.startswith("_")
        }

    def meant(self, names: Sequence[str]) -> Any:
        """The task, or the plain function, of this name; the names as a list where they are those of files.

        Without a name, the only task or function that there is.
        """
        wanted = [*([self._name] if self._name else []), *names]
        tasks = {one.name: one for one in self.all_tasks()}
        functions = self.functions()
        if not wanted:
            wanted = [self._only(tasks, functions)]
        found = [tasks.get(name) or _callable(vars(self._module).get(name)) for name in wanted]
        if len(wanted) == 1 and found[0] is not None:
            return found[0]
        called = [name for name, one in zip(wanted, found, strict=True) if one is not None]
        if called:
            raise UsageError(f"{', '.join(wanted)}: {called[0]!r} is called by itself; only files are made together")
        for name in wanted:
            if name.isidentifier() and not makers_in(tasks.values()):
                raise UsageError(self.unknown(name))
        return wanted

    def _only(self, tasks: Iterable[str], functions: Iterable[str]) -> str:
        every = [*tasks, *functions]
        if len(every) == 1:
            return every[0]
        if every:
            raise UsageError(f"{self.text} has several tasks: {', '.join(every)}; name one of them")
        raise UsageError(f"{self.text} has nothing that could be called; make tasks with @task, @workflow or script")

    def _task(self, name: str) -> Task[..., Any]:
        known = {one.name: one for one in self.all_tasks()}
        found = known.get(name) or vars(self._module).get(name)
        if isinstance(found, Task):
            return found
        raise UsageError(self.unknown(name))

    def unknown(self, name: str) -> str:
        """What is said where there is nothing of this name."""
        known = [*(one.name for one in self.all_tasks()), *self.functions()]
        hint = did_you_mean(name, known) or f" (found: {_listed(known)})"
        return f"{self._module.__name__} has no task {name!r}{hint}"


def _callable(value: Any) -> Any:
    return value if isinstance(value, Task) or isfunction(value) else None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _file(path: Path) -> ModuleType:
    """The module of a file, under the name by which others would import it: so its tasks can travel by name."""
    path = path.resolve()
    if not path.is_file():
        hint = _nearest(path) or "; TARGET is a file (app.py) or a module (package.app)"
        raise UsageError(f"there is no file {path}{hint}")
    folder, names = path.parent, [path.stem]
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    module = _imported(".".join(names), str(path), folder)
    if Path(module.__file__ or "").resolve() != path:
        raise UsageError(f"{path} cannot be imported: another module is named {module.__name__}; rename the file")
    return module


def _nearest(path: Path) -> str:
    try:
        return did_you_mean(path.name, [one.name for one in path.parent.glob("*.py")])
    except OSError:
        return ""


def _module(name: str) -> ModuleType:
    if not name or any(not part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{name!r} is no name of a module; TARGET is a file (app.py) or a module (package.app)")
    return _imported(name, name, Path.cwd())


def _imported(name: str, shown: str, folder: Path) -> ModuleType:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    gc.freeze()  # what woflo itself has imported stays: the collector need not look at all of it again and again
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        told = f"{shown}{_line_in(error, shown)} cannot be imported: {type(error).__name__}: {error}"
        if error.name == name.partition(".")[0] and "." in shown and not shown.endswith(".py"):  # rather that of a file
            told += f"; a file is made by what stands before it: woflo run app.py {shown}, woflo run job.yaml {shown}"
        raise UsageError(told) from error
    except Exception as error:
        line = _line_in(error, shown)
        raise UsageError(f"{shown}{line} cannot be imported: {type(error).__name__}: {error}") from error


def _line_in(error: BaseException, file: str) -> str:
    """The line of this file that has raised it, or has imported what did; empty where there is none."""
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    if not lines and isinstance(error, SyntaxError) and error.filename == file:
        return f":{error.lineno}"
    return f":{lines[-1]}" if lines else ""
