"""What one call of a script means: the words of its command, the files it reads and makes, its surroundings."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from glob import has_magic
from typing import TYPE_CHECKING, Any

from woflo.errors import ArgumentError
from woflo.scripts.files import Groups, Output, expanded, is_glob, matching
from woflo.scripts.places import project
from woflo.scripts.prints import Found, Place, Print

if TYPE_CHECKING:
    from woflo.scripts.words import Field

__all__ = ["SHELL", "Plan", "Value", "as_text", "files_for", "folder_of", "is_of_shell", "paths_in", "target_of"]

SHELL = "/bin/sh"

Value = list[str] | dict[str, list[str]]
"""What a run of a script stands for: its outputs, by group where they have groups."""


def paths_in(value: Value) -> list[str]:
    """The outputs of all groups."""
    return [path for group in (value.values() if isinstance(value, dict) else [value]) for path in group]


_NOTHING: Mapping[str, Any] = {}
_NO_WORDS: list[str] = []


class Plan:
    """What is to be made, of what, and by what."""

    __slots__ = (
        "away",
        "base",
        "before",
        "below",
        "calls",
        "code",
        "codec",
        "command",
        "env",
        "environment",
        "extra",
        "globs",
        "inputs",
        "is_forced",
        "name",
        "outputs",
        "places",
        "root",
        "shown",
        "target",
        "there",
    )

    def __init__(  # noqa: PLR0915 - a line for each attribute
        self, name: str, inputs: list[str], outputs: list[Output], base: str = ""
    ) -> None:
        self.name: str = name
        self.base: str = base
        """The folder that paths are relative to; empty for the current one."""
        self.root: str = ""
        """Where the attempt began, which its code may leave; empty where nothing in this process can."""
        self.inputs: list[str] = inputs
        """The files, and those globs that find none."""
        self.globs: Sequence[str] = _NO_WORDS
        """Those among the inputs, by which `inputs` were found."""
        self.outputs: list[Output] = outputs
        self.target: str | None = target_of(outputs[0].path, base) if outputs else None
        """What the record of the last success is found by; None where nothing is kept."""
        self.command: list[str] = _NO_WORDS
        self.shown: list[str] = _NO_WORDS
        """The same with secrets hidden."""
        self.env: Mapping[str, str] = _NOTHING
        """What is set beside the environment of this process."""
        self.environment: Mapping[str, str | None] = _NOTHING
        """What of the environment counts for freshness."""
        self.code: Mapping[str, str] = _NOTHING
        """For a function: the digests of what it executes, by name."""
        self.extra: Mapping[str, str] = _NOTHING
        """What else counts for freshness."""
        self.calls: tuple[Any, ...] = ()
        """The tasks that the command may ask for."""
        self.codec: Any = None
        """For a function: how its result is written."""
        self.is_forced: bool = False
        """True where this call is executed, up to date or not."""
        self.away: Mapping[str, Print] = _NOTHING
        """What is accepted as it was, though it is not there: it was temporary."""
        self.before: Mapping[str, Print] = _NOTHING
        """The inputs as they were before the start."""
        self.there: Mapping[str, Found] = _NOTHING
        """And the outputs that were there then, where the runner does not look at them itself."""
        self.places: Mapping[str, Place | None] = _NOTHING
        """Where each of the inputs was then."""
        self.below: Mapping[str, Mapping[str, Print]] = _NOTHING
        """And of those that are folders, the files below, by their paths within."""

    @property
    def is_cached(self) -> bool:
        """True where the result is kept, and given again."""
        return self.codec is not None

    def as_text(self) -> str:
        """Its command as a person would write it, secrets hidden; empty for a function."""
        return as_text(self.shown)

    def path(self, path: str) -> str:
        """As this process finds it."""
        return os.path.join(self.root, self.base, path) if self.base or self.root else path

    def patterns(self) -> list[str]:
        """The globs among its inputs, within the project."""
        return [target_of(one, self.base) for one in self.globs]

    def found(self) -> list[str]:
        """The outputs that there are, and all that must be there."""
        return [path for output in self.outputs for path in self.files_of(output)]

    def files_of(self, output: Output) -> list[str]:
        """The files of one output: those that a glob finds, or the one."""
        return [output.path] if output.pattern is None else matching(output.pattern, self.path(""))

    def value(self, made: Collection[str] | None = None) -> Value:
        """What the run stands for. Of what globs find, what was `made`: other files may be there that look like it."""
        groups: dict[str, list[str]] = {}
        for output in self.outputs:
            there = groups.setdefault(output.group, [])
            if output.pattern is None:
                there.append(os.path.join(self.base, output.path))
            else:
                there += [os.path.join(self.base, one) for one in self.files_of(output) if made is None or one in made]
        return groups if any(groups) else groups.get("", [])


def is_of_shell(words: Sequence[str]) -> bool:
    """True where a shell has the command, which its user wrote as one text."""
    return len(words) == 3 and words[0] == SHELL and words[1] == "-c"


def as_text(words: Sequence[str]) -> str:
    """A command as a person would write it: what a shell is given is that itself, else words are quoted as for one."""
    if is_of_shell(words):
        return words[2]
    import shlex

    return shlex.join(words)


def files_for(field: Field, groups: Groups, option: str) -> list[str]:
    """The files that `{inputs}`, `{inputs.group}` or `{inputs[0]}` stand for. Raises `ArgumentError`."""
    if field.part is None:
        return [path for paths in groups.values() for path in paths]
    if field.part in groups:
        return groups[field.part]
    every = [path for paths in groups.values() for path in paths]
    if field.part.isdecimal() and int(field.part) < len(every):
        return [every[int(field.part)]]
    told = ", ".join(filter(None, groups)) or f"{len(every)} files without names"
    raise ArgumentError(f"{field} is not among the {option} of this call, which are: {told}")


def inputs_of(paths: list[str], base: str, globs: list[str]) -> list[str]:
    """The files of paths and globs; the latter are added to `globs`."""
    if not any(map(has_magic, paths)):
        return paths
    globs += [path for path in paths if is_glob(path, base)]
    return [one for path in paths for one in expanded(path, base)]


_prefix_of: dict[str, tuple[str, str]] = {}
"""By current folder: the project, and what leads from there to the folder."""


def target_of(path: str, base: str = "") -> str:
    """The name of a file within its project, wherever that lies; outside of it its whole path."""
    here = os.getcwd()
    top, prefix = _prefix_of.get(here) or _looked_up(here)
    if not (base or prefix or path[0] in "/.~" or "/." in path or "//" in path) and path.isascii():
        return path  # as most are
    whole = os.path.normpath(os.path.join(prefix, base, path))
    if whole.startswith(("/", "..")):
        whole = os.path.normpath(os.path.join(here, base, path))
        if whole.startswith(top + os.sep):
            whole = whole[len(top) + 1 :]
    return whole.encode("utf-8", "backslashreplace").decode() if not whole.isascii() else whole


def _looked_up(here: str) -> tuple[str, str]:
    top = project()
    found = _prefix_of[here] = (top, "" if top == here else os.path.relpath(here, top))
    return found


def folder_of(base: str = "", root: str = "") -> str:
    """What leads from the project to the folder that paths are relative to; empty where it is the project itself."""
    here = root or os.getcwd()
    top, prefix = _prefix_of.get(here) or _looked_up(here)
    if not base:
        return prefix
    whole = os.path.normpath(os.path.join(here, base))
    return "" if whole == top else os.path.relpath(whole, top)


Maker = Callable[[tuple[Any, ...], dict[str, Any]], Plan]
"""Makes the plan of a call from its arguments."""
