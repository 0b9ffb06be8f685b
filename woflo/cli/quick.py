"""A command line that can be meant in one way only, read without what typer needs to read any.

typer makes a validator of pydantic for each option of a command, which takes longer than importing woflo. Most lines
have nothing to validate. What is left to typer: help, completion, everything wrong, and forms that people hardly use.

    woflo run app.py:copies -q ──► understood() ──► run(target="app.py:copies", quiet=True)
    woflo run --jobs=many      ──► None         ──► typer, which tells what is wrong
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo, ParameterInfo

__all__ = ["understood"]

_KNOWN = frozenset({"default", "help", "param_decls", "metavar", "autocompletion", "min", "show_default"})
"""What typer may be told of a parameter and is heeded here, or makes no difference to what a value means."""


class _NotUnderstoodError(Exception):
    """Let typer see to it."""


class _Parameter(NamedTuple):
    """An option or argument of a command."""

    name: str
    spellings: tuple[str, ...]
    """How an option is written; none for an argument."""
    kind: Any
    """str, int, bool, or list for texts; None for what is not understood here."""
    min: float | None
    is_needed: bool


def understood(function: Callable[..., Any], words: Sequence[str]) -> dict[str, Any] | None:
    """The arguments of this command's function that these words stand for; None where typer is to read them."""
    try:
        parameters = list(_parameters(function))
        return _read(parameters, words)
    except _NotUnderstoodError:
        return None


def _parameters(function: Callable[..., Any]) -> Iterator[_Parameter]:
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        if get_origin(hints[name]) is not Annotated:
            raise _NotUnderstoodError
        annotation, told = get_args(hints[name])[:2]
        spellings = _spellings(told)
        kind = _kind(annotation) if _is_plain(told) else None
        if kind is bool and not spellings:
            kind = None  # it has a --no-… as well
        if not isinstance(told, ArgumentInfo) and not spellings:
            spellings = (f"--{name.replace('_', '-')}",)
        yield _Parameter(name, spellings, kind, told.min, parameter.default is parameter.empty)


def _spellings(told: ParameterInfo) -> tuple[str, ...]:
    """How it is written, as far as that was said; the first of them stands where a default could."""
    first = () if told.default in (None, ...) else (told.default,)
    spellings = (*first, *(told.param_decls or ()))
    if any(not isinstance(one, str) or not one.startswith("-") or "/" in one for one in spellings):
        raise _NotUnderstoodError
    return spellings


def _is_plain(told: ParameterInfo) -> bool:
    """True where nothing else was said of it than what is heeded here."""
    usual = vars(type(told)())
    return all(value == usual[name] or name in _KNOWN for name, value in vars(told).items())


def _kind(annotation: Any) -> Any:
    if isinstance(annotation, UnionType):
        left = [one for one in get_args(annotation) if one is not NoneType]
        annotation = left[0] if len(left) == 1 else None
    if annotation == list[str]:
        return list
    return annotation if annotation in (str, int, bool) else None


def _read(parameters: list[_Parameter], words: Sequence[str]) -> dict[str, Any]:
    options = {spelling: one for one in parameters for spelling in one.spellings}
    found: dict[str, Any] = {}
    others: list[str] = []
    left = iter(words)
    for word in left:
        if not word.startswith("-") or not word:
            others.append(word)
            continue
        spelling, equals, value = word.partition("=")
        option = options.get(spelling)
        if option is None or (equals and not spelling.startswith("--")):
            raise _NotUnderstoodError
        if option.kind is bool:
            if equals:
                raise _NotUnderstoodError
            found[option.name] = True
        else:
            _take(option, value if equals else next(left, ""), found)
    _take_arguments([one for one in parameters if not one.spellings], others, found)
    if any(one.is_needed and one.name not in found for one in parameters):
        raise _NotUnderstoodError
    return found


def _take_arguments(arguments: list[_Parameter], words: list[str], found: dict[str, Any]) -> None:
    """Each takes a word, in their order; the last one may take all that are left."""
    for at, argument in enumerate(arguments):
        if argument.kind is list and at == len(arguments) - 1:
            for word in words:
                _take(argument, word, found)
            return
        if words:
            _take(argument, words.pop(0), found)
    if words:
        raise _NotUnderstoodError


def _take(parameter: _Parameter, word: str, found: dict[str, Any]) -> None:
    if not word or word.startswith("-"):
        raise _NotUnderstoodError
    if parameter.kind is list:
        found.setdefault(parameter.name, []).append(word)
        return
    if parameter.name in found or parameter.kind not in (str, int):
        raise _NotUnderstoodError
    found[parameter.name] = word if parameter.kind is str else _number(word, parameter.min)


def _number(word: str, least: float | None) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) < 10) or int(word) < (least or 0):
        raise _NotUnderstoodError
    return int(word)
