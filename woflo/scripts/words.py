"""The words of a command, and how values get into them: the words are there first, so that no value becomes code.

    "solve.py {i} --out={outputs}"          the template, as it was written
    ["solve.py", "{i}", "--out={outputs}"]  split once, where the script is defined
    ["solve.py", "a b;c", "--out=x.txt"]    filled in for each call: a value stays within its word

`{name}` is a value, `{inputs}` and `{outputs}` are files, `{inputs.group}` those of a group, `{inputs[0]}` one of them.
`{name:03d}` formats as Python does, `{{name}}` is that text with single braces. Other braces
are left as they are, and so is `${name}`, which is a shell's. A place that is not closed is refused.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from woflo.errors import ArgumentError, OptionError

__all__ = [
    "FILES",
    "Field",
    "Lookup",
    "Template",
    "Word",
    "check_closed",
    "fields_of",
    "folder_text",
    "no_options",
    "parsed",
    "quick",
    "split",
    "texts_of",
    "word_text",
]

FILES = ("inputs", "outputs")
"""Names that stand for files."""

_FIELD = re.compile(r"\{\{([^{}]*)\}\}|(?<!\$)\{([A-Za-z_]\w*)(?:\.([A-Za-z_]\w*)|\[(\w+)\])?(?::([^{}]*))?\}")


class Field(NamedTuple):
    """A place for a value."""

    name: str
    part: str | None
    """The group, or the number, of files."""
    form: str
    """How it is formatted; empty for as it is."""

    @property
    def key(self) -> str:
        """What its text is found by among those of a call."""
        return f"{self.name}-{self.form.encode().hex()}" if self.form else self.name

    def __str__(self) -> str:
        part = "" if self.part is None else f"[{self.part}]" if self.part.isdecimal() else f".{self.part}"
        return "{" + self.name + part + (f":{self.form}" if self.form else "") + "}"


Template = tuple["str | Field", ...]
"""Texts, and places for values between them."""
Lookup = Callable[[Field], Any]
"""Gives the value for a place: a text, or a list of texts."""


def parsed(text: str) -> Template:
    """The parts of a template."""
    parts: list[str | Field] = []
    at, literal = 0, ""
    for found in _FIELD.finditer(text):
        literal += text[at : found.start()]
        at = found.end()
        if found[2] is None:
            literal += "{" + found[1] + "}"
            continue
        if literal:
            parts.append(literal)
            literal = ""
        parts.append(Field(found[2], found[3] or found[4], found[5] or ""))
    if literal + text[at:]:
        parts.append(literal + text[at:])
    return tuple(parts)


_UNCLOSED = re.compile(r"(?<![${])\{[A-Za-z_]\w*[^{}]*\Z")


def check_closed(templates: Iterable[Template]) -> None:
    """Raise `OptionError` for a word, or the text for a shell, that ends within a place for a value."""
    for text in ("".join(map(str, template)) for template in templates):
        found = _UNCLOSED.search(text)
        if found is not None:
            raise OptionError(
                f"{text!r} has a brace that is not closed, {found[0]!r}: a place for a value is {{name}}; where the "
                f"text itself is meant, give it as a value"
            )


def fields_of(templates: Iterable[Template]) -> list[Field]:
    """The places for values, in their order."""
    return [part for template in templates for part in template if isinstance(part, Field)]


def quick(template: Template) -> str | None:
    """The same for `str.format_map`, with the keys of fields: the quickest way. None where files stand in it."""
    if any(isinstance(part, Field) and (part.name in FILES or part.part is not None) for part in template):
        return None
    return "".join(
        "{" + part.key + "}" if isinstance(part, Field) else part.replace("{", "{{").replace("}", "}}")
        for part in template
    )


def split(command: str) -> list[str]:
    """The words of a command, as a shell would see them.

    Raises `OptionError` where quotes do not match, and for what only a shell could mean.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise OptionError(f"the command {command!r} cannot be split into words: {error}") from error
    if not words:
        raise OptionError(f"the command {command!r} has no words")
    _check_needs_no_shell(command)
    return words


_FOR_SHELLS = re.compile(r"[12&]?>>?|<<?|[12]?>&[12]|\|\|?|\|&|&&?|;;?")
_GLUED = re.compile(r"(?:\d*|&)[<>]|[|;&]|.*(?<!\\);$", re.DOTALL)
"""A word with what only a shell could mean at its beginning, or a `;` at its end: `>file`, `2>&1`, `|wc`, `a;`."""
_RAW_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+""", re.DOTALL)
"""With its quotes, by the rules of `shlex`: what is quoted is meant as a word."""


def _check_needs_no_shell(command: str) -> None:
    for word in _RAW_WORD.findall(command):
        if _FOR_SHELLS.fullmatch(word) or _GLUED.match(word):
            raise OptionError(
                f"the command {command!r} has {word!r} in it, which would be a word like any other; for a shell write "
                f"shell=True, for the word itself quote it, or write the command as a list of words"
            )


class Word:
    """One word of a command, which becomes as many as a list of values has."""

    __slots__ = ("_template", "files", "fixed", "quick")

    def __init__(self, template: Template) -> None:
        self._template = template
        self.fixed: str | None = None
        """The word itself where no value goes into it."""
        if not any(isinstance(part, Field) for part in template):
            self.fixed = "".join(part for part in template if isinstance(part, str))
        self.quick: str | None = quick(template)
        """The same for `format_map`; a value that is a list is not in that map."""
        first = template[0] if len(template) == 1 else None
        is_files = isinstance(first, Field) and first.name in FILES and first.part is None
        self.files: str | None = first.name if is_files and isinstance(first, Field) else None
        """The name of the files that the word stands for, where it is nothing else."""

    def fill(self, lookup: Lookup) -> list[str]:
        """The words. One with files in it, as `--in={inputs}`, comes once for each of them."""
        parts = [lookup(part) if isinstance(part, Field) else part for part in self._template]
        lists = [part for part in parts if not isinstance(part, str)]
        if not lists:
            return ["".join(parts)]
        if len(lists) > 1:
            told = "".join(map(str, self._template))
            raise ArgumentError(f"the word {told!r} has two places for several values; give each a word of its own")
        return ["".join(each if part is lists[0] else part for part in parts) for each in lists[0]]


def no_options(groups: dict[str, list[str]]) -> dict[str, list[str]]:
    """Files as a command is given them: one whose name begins with a dash would be taken for an option."""
    for paths in groups.values():
        for path in paths:
            if path.startswith("-"):
                return {group: [_no_option(one) for one in files] for group, files in groups.items()}
    return groups


def _no_option(path: str) -> str:
    return f"./{path}" if path.startswith("-") else path


def texts_of(name: str, value: Any, form: str = "") -> str | list[str]:
    """What stands for a value in a word. Raises `ArgumentError` for what cannot stand in one."""
    kind = type(value)
    if kind is str and not form:
        if "\0" not in value:
            return value  # type: ignore[no-any-return]  # a text
        return _checked(name, value)
    if kind is int:
        return format(value, form) if form else str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_checked(name, _text(name, one, form)) for one in _in_order(value)]
    return _checked(name, _text(name, value, form))


def _in_order(values: Any) -> Sequence[Any]:
    return sorted(values, key=str) if isinstance(values, set | frozenset) else values


def _text(name: str, value: Any, form: str) -> str:
    if value is None or isinstance(value, dict):
        raise ArgumentError(f"{name}={value!r} cannot stand in a command; give a text, a number or a path")
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, bytes):
        value = os.fsdecode(value)
    if not form:
        return str(value)
    try:
        return format(value, form)
    except (ValueError, TypeError) as error:
        raise ArgumentError(f"{name}={value!r} cannot be formatted as {{{name}:{form}}}: {error}") from error


def _checked(name: str, text: str) -> str:
    if "\0" in text:
        raise ArgumentError(f"{name}={text!r} has a NUL character in it, which no command can be given")
    return text


def word_text(word: Any) -> str:
    """A word of a list as a text. Raises `OptionError` for what is none."""
    if isinstance(word, os.PathLike):
        word = os.fspath(word)
    if isinstance(word, bytes):
        word = os.fsdecode(word)
    if isinstance(word, bool | None) or not isinstance(word, str | int | float):
        raise OptionError(f"the word {word!r} of a command must be a text, a number or a path")
    if "\0" in str(word):
        raise OptionError(f"the word {word!r} has a NUL character in it, which no command can be given")
    return str(word)


def folder_text(cwd: str | os.PathLike[str]) -> str:
    """The folder of a command as a text. Raises `OptionError`."""
    text = os.fspath(cwd)
    if "\0" in text:
        raise OptionError(f"cwd={text!r} has a NUL character in it, which no folder can have")
    return text
