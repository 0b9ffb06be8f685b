"""Inputs and outputs as they are written: paths, globs and templates, alone, in lists, or in named groups."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from glob import escape, glob, has_magic
from typing import Any, NamedTuple

from woflo.errors import ArgumentError, OptionError
from woflo.scripts.places import check_written
from woflo.scripts.words import Field, Lookup, Template, parsed, quick

__all__ = ["Declared", "FilesOf", "Output", "Protected", "Temporary", "given_files", "protected", "temporary"]

Groups = dict[str, list[str]]
"""Paths by the names of their groups; "" is the name of the only group where there are no others."""


class Temporary(str):
    """A path of an output that goes when its last reader is done."""

    __slots__ = ()


class Protected(str):
    """A path of an output that is made read-only."""

    __slots__ = ()


def temporary(path: str | os.PathLike[str]) -> str:
    """An output that is removed when the last run that was called with it as an input has succeeded."""
    return Temporary(os.fspath(path))


def protected(path: str | os.PathLike[str]) -> str:
    """An output that is made read-only when it is there, and not made anew without force: see `ProtectedOutputError`.

    Make the file writable, or remove it, where it is to be protected no more.
    """
    return Protected(os.fspath(path))


class Output(NamedTuple):
    """An output of a call: the path of a file, or a glob."""

    group: str
    path: str
    """As the command is given it."""
    pattern: str | None
    """For a glob: what finds its files. Magic is what was written, never what a value brought along."""
    kind: type[str]


class _Pattern:
    """One path as it was written."""

    def __init__(self, option: str, group: str, given: Any) -> None:
        self.group = group
        self.kind: type[str] = type(given) if isinstance(given, Temporary | Protected) else str
        text = _path_text(option, given)
        self.template: Template = parsed(text)
        self.fixed: str | None = text if self.template == (text,) else None
        self._quick = quick(self.template)
        self.has_magic = any(isinstance(part, str) and has_magic(part) for part in self.template)
        first = self.template[0]
        self.folder = os.path.dirname(first) if isinstance(first, str) else ""
        """Where the user has written that it lies."""

    def fill(self, lookup: Lookup, texts: Mapping[str, str] = {}) -> Output:
        if self.fixed is not None:
            return Output(self.group, self.fixed, self.fixed if self.has_magic else None, self.kind)
        if self._quick is not None and not self.has_magic:
            try:
                return Output(self.group, self._quick.format_map(texts), None, self.kind)
            except KeyError:
                pass  # several values, of which `_one` tells
        values = [part if isinstance(part, str) else _one(part, lookup) for part in self.template]
        path = "".join(values)
        if not self.has_magic:
            return Output(self.group, path, None, self.kind)
        parts = zip(self.template, values, strict=True)
        pattern = "".join(value if isinstance(part, str) else escape(value) for part, value in parts)
        return Output(self.group, path, pattern, self.kind)


def _one(field: Field, lookup: Lookup) -> str:
    value = lookup(field)
    if not isinstance(value, str):
        raise ArgumentError(f"{field} stands in a path, and is given several values: {value!r}")
    return value


class Declared:
    """The inputs or outputs of a script, as they were written where it was defined.

    Raises `OptionError` for what is no path.
    """

    def __init__(self, option: str, given: Any) -> None:
        self.option = option
        self.given = given
        self.patterns: list[_Pattern] = []
        self.has_groups: bool = isinstance(given, Mapping)
        groups = given if isinstance(given, Mapping) else {"": given}
        for group, paths in groups.items():
            if not isinstance(group, str) or (self.has_groups and not group.isidentifier()):
                raise OptionError(
                    f"{option}={given!r}: {group!r} cannot be the name of a group; use a word, as 'reads'"
                )
            for path in _paths(paths):
                self.patterns.append(_Pattern(option, group, path))

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def templates(self) -> list[Template]:
        """All that may have places for values."""
        return [pattern.template for pattern in self.patterns]

    def fill(self, lookup: Lookup, texts: Mapping[str, str] = {}) -> list[Output]:
        """For one call. `texts` are the values that are one text, by the keys of their fields."""
        return [pattern.fill(lookup, texts) for pattern in self.patterns]

    def check(self, name: str, filled: Sequence[Output], base: str) -> None:
        """Raise `ArgumentError` where the values of a call of `name` have led a path out of the project, or left none.

        What the user has written is meant: a folder elsewhere, or a link in the project that leads there.
        """
        for pattern, one in zip(self.patterns, filled, strict=True):
            if not one.path:
                written = "".join(map(str, pattern.template))
                raise ArgumentError(f"{name}: the values leave nothing of {self.option} {written!r}; give it a name")
            if pattern.fixed is None and (".." in one.path or os.path.isabs(one.path)):
                check_written(name, self.option, one.path, pattern.folder, base)

    def folders(self) -> list[str]:
        """Where the user has written that each lies."""
        return [pattern.folder for pattern in self.patterns]


def _paths(given: Any) -> Iterator[Any]:
    if given is None:
        return
    if isinstance(given, list | tuple | set | frozenset):
        for one in sorted(given, key=str) if isinstance(given, set | frozenset) else given:
            yield from _paths(one)
    else:
        yield given


def _path_text(option: str, given: Any) -> str:
    try:
        text = os.fspath(given)
    except TypeError:
        raise OptionError(f"{option}={given!r} must be a path, a list of paths, or a dict of named groups") from None
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if not text or "\0" in text:
        raise OptionError(f"{option}={given!r} is no path")
    return str(text)


def given_files(option: str, given: Any) -> Groups:
    """The files that a call is given, by group: paths and globs, in lists and groups, and what runs stand for."""
    found: Groups = {}
    _collect(option, given, "", found)
    return found


class FilesOf:
    """Stands for the outputs of a run, whatever its result is."""

    def __init__(self, run: Any) -> None:
        self.run = run


def _collect(option: str, given: Any, group: str, found: Groups) -> None:
    if isinstance(given, FilesOf):
        given = list(given.run.outputs)
    if isinstance(given, Mapping):
        for name, paths in given.items():
            _collect(option, paths, group or str(name), found)
        return
    if isinstance(given, list | tuple | set | frozenset):
        for one in sorted(given, key=str) if isinstance(given, set | frozenset) else given:
            _collect(option, one, group, found)
        return
    try:
        path = _path_text(option, given)
    except OptionError as error:
        raise ArgumentError(str(error)) from None
    found.setdefault(group, []).append(path)


def expanded(path: str, base: str) -> list[str]:
    """The files of a path or a glob, in their order; the path itself where there are none."""
    return (matching(path, base) or [path]) if is_glob(path, base) else [path]


def is_glob(path: str, base: str) -> bool:
    """True for what may stand for other files: it has magic, and is no file itself."""
    return has_magic(path) and not os.path.lexists(os.path.join(base, path))


def matching(pattern: str, base: str) -> list[str]:
    """The files of a glob, in their order."""
    return sorted(glob(pattern, root_dir=base or None, recursive=True))
