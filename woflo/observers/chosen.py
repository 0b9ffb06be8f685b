"""Observers that are named where there is no code: on a command line, in `woflo.toml`, in a job file.

    text  `NAME[,OPTION=VALUE]…`  ─┐
    table `{NAME: {OPTION: VALUE}}`─┴─► Chosen ─► checked, before anything begins ─► subscribed

What a name stands for is the kernel's to say, as for `subscribe`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from inspect import getattr_static
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from woflo.errors import OptionError, WofloError
from woflo.kernel.masking import mask, mask_text
from woflo.kernel.observing import kind_of, options_of
from woflo.kernel.pairs import json_or_text
from woflo.kernel.subscription import Subscription, close_together, subscribe

__all__ = ["WHAT", "Chosen", "in_table", "in_text", "subscribed", "together", "with_progress"]

WHAT = "observer"
"""The key under which a table says which observer is meant, where its name does not."""
PROGRESS = "progress"
"""The name of the observer that shows on the screen how far it is."""
_OWN: dict[str, Any] = {"capacity": int, "patience": float}
"""Options of every subscription, and their types."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An observer that somebody has named, and how it is to be made."""

    what: str
    """As `subscribe` takes it."""
    options: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""
    """Where it is named, for those who read of an error."""
    folder: Path | None = None
    """Where its module is looked for besides; the current folder by default."""
    paths_from: Path | None = None
    """The folder from which its options that are paths are meant, where they are relative."""

    def checked(self) -> Chosen:
        """The same with its options as their annotations say. Raises `OptionError` for what cannot be meant."""
        try:
            self._find_modules()
            _, kind, _ = kind_of(self.what, {name: one for name, one in self.options.items() if name not in _OWN})
            hints = {**_hints(kind), **_OWN}
            typed = {name: _typed(name, value, hints.get(name, Any)) for name, value in self.options.items()}
            return replace(self, options={**typed, **self._paths(kind, hints, typed)})
        except WofloError as error:
            raise OptionError(f"{self.place}: {error}") from error

    def subscribe(self, *, restarted: bool = False) -> Subscription:
        """Have it listen from now on; it is to be `checked` before. Raises `OptionError` where it cannot be made."""
        try:
            return subscribe(self.what, restarted=restarted, **self.options)
        except OptionError as error:
            raise OptionError(f"{self.place}: {error}") from error
        except (Exception, SystemExit) as error:
            told = mask_text(f"{type(error).__name__}: {error}")
            raise OptionError(f"{self.place}: it could not be made: {told}") from error

    def _find_modules(self) -> None:
        """Its module may lie in the folder of the project, which is not where the command does."""
        if ":" in self.what and "://" not in self.what:
            folder = str(self.folder or Path.cwd())
            if folder not in sys.path:
                sys.path.insert(0, folder)

    def _paths(self, kind: Any, hints: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """The options that are paths, from the folder from which they are meant; those with a default too."""
        if self.paths_from is None:
            return {}
        found = {}
        for name, parameter in options_of(kind).items():
            value = given.get(name, parameter.default)
            if _is_path(hints.get(name)) and isinstance(value, str | os.PathLike):
                found[name] = str(self.paths_from / value)
        return found


def _hints(kind: Any) -> dict[str, Any]:
    try:
        return get_type_hints(getattr_static(kind, "__init__")) if isinstance(kind, type) else {}
    except Exception:  # a name that is there for type checkers only
        return {}


def _is_path(annotation: Any) -> bool:
    kinds = (annotation, *get_args(annotation))
    return any((get_origin(one) or one) in (os.PathLike, Path) for one in kinds)


def _typed(name: str, value: Any, annotation: Any) -> Any:
    """The value as its annotation says; a text may be what is written on a command line, or what a variable has."""
    if annotation is Any:
        return json_or_text(value) if isinstance(value, str) else value
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticUserError

    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    except PydanticUserError:
        return value  # of a class of the user's own
    is_text, told = isinstance(value, str), ""
    ways = [adapter.validate_python, *([adapter.validate_json] if is_text else ())]
    if is_text and value.startswith("["):  # it may be a text, but a list is what it looks like
        ways.reverse()
    for validate in ways:
        try:
            return validate(value)
        except ValidationError as error:
            told = told or error.errors()[0]["msg"]
    raise OptionError(f"{name} cannot be {mask_text(repr(mask(name, value)))}: {told[:1].lower()}{told[1:]}")


# -- how they are written ------------------------------------------------------------------------------


def in_text(text: str, place: str) -> Chosen:
    """One on a command line: `progress`, `logs,folder=out,keep=10`, `mailto://…`, `module:Class,title=nightly`.

    Options are told from a comma in an address by their names. Raises `OptionError` for what is no such text.
    """
    what, *given = re.split(r",(?=[A-Za-z_][A-Za-z_0-9]*=)", text)
    shown = f"{what.partition(':')[0]}://***" if "://" in what else what
    if not what or ("," in what and "://" not in what):
        raise OptionError(f"{place} {shown!r}: write it as NAME, or NAME,OPTION=VALUE")
    options: dict[str, Any] = {}
    for one in given:
        name, _, value = one.partition("=")
        if name in options:
            raise OptionError(f"{place} {shown}: {name} is given twice; a list is written as JSON")
        options[name] = value
    return Chosen(what, options, f"{place} {shown}")


def in_table(
    table: Mapping[str, Any], place: str, *, folder: Path | None = None, paths_from: Path | None = None
) -> dict[str, Chosen | None]:
    """Those of a file, by their names: each with a table of its options, or true; None for one that is false.

    `place` is what stands before their names where an error is told. Raises `OptionError` for what is no such table.
    """
    found: dict[str, Chosen | None] = {}
    for name, value in table.items():
        here = f"{place}{name}"
        if value is False:
            found[name] = None
            continue
        if value is not None and value is not True and not isinstance(value, Mapping):
            told = f"must be a table of options, true or false, and is {mask_text(repr(value))}"
            raise OptionError(f"{here}: {told}")
        options = dict(value) if isinstance(value, Mapping) else {}
        what = options.pop(WHAT, name)
        if not isinstance(what, str) or not what:
            raise OptionError(f"{here}.{WHAT} must be a name, module:Class or an address, and is {what!r}")
        found[name] = Chosen(what, options, here, folder, paths_from)
    return found


def together(texts: Iterable[Chosen], *tables: Mapping[str, Chosen | None]) -> list[Chosen]:
    """All of them, checked. Of one name, the later table counts, and what is written on a command line most of all."""
    named = list(texts)
    found: dict[str, Chosen | None] = {}
    for table in tables:
        found.update(table)
    for one in named:
        found.pop(one.what, None)
    return [one.checked() for one in (*found.values(), *named) if one is not None]


def with_progress(chosen: Iterable[Chosen], shown: bool | None) -> list[Chosen]:
    """With progress on the screen, or without it; None: as they are."""
    named = list(chosen)
    if shown is False:
        return [one for one in named if one.what != PROGRESS]
    if shown and all(one.what != PROGRESS for one in named):
        named.append(Chosen(PROGRESS))
    return named


@contextmanager
def subscribed(chosen: Iterable[Chosen], *, restarted: bool = False) -> Iterator[None]:
    """Within this they are told of all that happens; at its end, each has its patience, all at the same time."""
    made: list[Subscription] = []
    kind: type[BaseException] | None = None
    try:
        for one in chosen:  # each is there to be closed when the next one cannot be made
            made.append(one.subscribe(restarted=restarted))  # noqa: PERF401
        yield
    except BaseException as error:
        kind = type(error)
        raise
    finally:
        for one_made in made:
            one_made.left_by(kind)
        close_together(made)
