"""Values in the text of a shell: each is quoted, and stands only where its quotes mean that.

Within quotes, backquotes, arithmetic, a comment, a here-document or behind a backslash, the quotes of a value would be
text, or end what they stand in, and the value could become code. So it could within `${…}` and `[[ … ]]`: some shells
take parts of them for arithmetic, in which a text is executed. A template that has a place for a value there is
refused; so is one that has it behind what shells read in different ways.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from woflo.errors import OptionError
from woflo.scripts.words import Field, Lookup, Template

__all__ = ["check_inner_shell", "check_places", "filled"]

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh"})
"""Programs that execute the text behind `-c`."""
_WITH_WORD = frozenset({"--rcfile", "--init-file"})
"""Their long options that take the next word."""

_OUTSIDE = ""


def filled(template: Template, lookup: Lookup) -> str:
    """The text for a shell. Several values are several words."""
    return "".join(part if isinstance(part, str) else _quoted(lookup(part)) for part in template)


def _quoted(value: str | list[str]) -> str:
    return shlex.quote(value) if isinstance(value, str) else " ".join(map(shlex.quote, value))


def check_places(template: Template) -> None:
    """Raise `OptionError` where a value would stand in a place where it cannot be quoted."""
    scanner = _Scanner()
    for part in template:
        if isinstance(part, Field):
            where = scanner.where()
            if where:
                raise OptionError(
                    f"{part} stands {where} of a shell command, where it cannot be quoted; woflo puts quotes around "
                    f"values itself: write it outside"
                )
            scanner.value()
        else:
            for character in part:
                scanner.take(character)


def check_inner_shell(words: Sequence[Template]) -> None:
    """Raise `OptionError` where a value would stand in the text that one of the words, a shell, is to execute.

    There it would be code: a value is one word of the command, and no part of what that word means to the shell.
    """
    for at, word in enumerate(words):
        if len(word) == 1 and isinstance(word[0], str) and os.path.basename(word[0]) in SHELLS:
            text = _text_of_shell(words[at + 1 :])
            field = next((part for part in text if isinstance(part, Field)), None)
            if field is not None:
                way_out = f"{word[0]} -c '… \"$1\"' {os.path.basename(word[0])} {field}"
                raise OptionError(
                    f"{field} stands in the text that {word[0]} -c executes, where a value would be code; give it as a "
                    f"word of its own, {way_out}, or write the text with shell=True, where values are quoted"
                )


def _text_of_shell(words: Sequence[Template]) -> Template:
    """Of the words behind a shell the text that it is to execute; empty where there is none."""
    is_command = False
    rest = iter(words)
    for word in rest:
        first = word[0] if word and isinstance(word[0], str) else ""
        if not first.startswith(("-", "+")) or first == "--":
            return word if is_command and first != "--" else next(rest, ()) if is_command else ()
        is_short = not first.startswith("--")
        is_command |= is_short and first.startswith("-") and "c" in first
        if first in _WITH_WORD or (is_short and "o" in first.lower()):
            next(rest, ())
    return ()


class _Scanner:
    """Reads a shell command as far as quotes matter (POSIX.1-2017, Shell Command Language, 2.2 and 2.3)."""

    def __init__(self) -> None:
        self._open = [_OUTSIDE]
        """What is open, the innermost last: nothing, a quote, "#", or ")" for `$(…)`, which begins anew.

        "((" is arithmetic, whose text the shell reads as if it stood within double quotes; so is "]" for `$[…]`.
        "}" is for `${…}`, and "[[" for the word of that name.
        """
        self._word = ""
        """The word so far, where it stands outside of quotes."""
        self._is_read_in_two_ways = ""
        """What has come that one shell reads in this way, and another one in that."""
        self._last = "\n"
        self._is_escaped = False
        self._has_document = False
        """True behind `<<`, whose text goes on to a line that nobody looks for here."""

    def where(self) -> str:
        """Where a value would stand; empty where it can be quoted."""
        if self._is_escaped or self._last == "$":
            return f"behind a {self._last}"
        if self._has_document:
            return "behind the << of a here-document"
        if self._is_read_in_two_ways:
            return f"behind {self._is_read_in_two_ways}, which shells read in different ways,"
        names = {"'": "within quotes", "$'": "within quotes", '"': "within quotes", "`": "within backquotes"}
        names |= dict.fromkeys(("((", "]"), "within arithmetic")
        names |= {"}": "within ${…}", "[[": "within [[ … ]] (write [ … ])"}
        for one in self._open:
            if one in ("`", "((", "]", "}", "[["):
                return names[one]
        return "in a comment" if self._open[-1] == "#" else names.get(self._open[-1], "")

    def value(self) -> None:
        """A value stands here."""
        self._last = "x"
        self._word += "x"

    def take(self, character: str) -> None:
        """The next character of the text."""
        self._take_word(character)
        inner, last = self._open[-1], self._last
        self._last = character
        if inner == "$'" and character == "\\":
            self._is_read_in_two_ways = "a $'…' with a backslash"
        if character == "'" and self._open[-2:] == ['"', "}"]:
            self._is_read_in_two_ways = 'a quote within "${…}"'
        if self._is_escaped:
            self._is_escaped = False
            self._last = "x"
        elif character == "\\" and inner not in ("'", "#"):
            self._is_escaped = True
        elif inner in _ENDS:
            if character == _ENDS[inner]:
                self._open.pop()
        elif character == (")" if inner in ("(", "((") else inner):
            self._open.pop()
        else:
            self._open += self._opened(character, last, inner)

    def _take_word(self, character: str) -> None:
        """Words that open and close by being there."""
        if not (character.isspace() or character in ";&|()"):
            self._word += character
            return
        if self._word == "[[" and self._open[-1] in (_OUTSIDE, "(", ")"):
            self._open.append("[[")
        elif self._word == "]]" and self._open[-1] == "[[":
            self._open.pop()
        self._word = ""

    def _opened(self, character: str, last: str, inner: str) -> list[str]:
        """What this character opens."""
        if character in '"`':
            return [character]
        if character == "{" and last == "$":
            return ["}"]
        if character == "(" and (last == "$" or inner not in ('"', "}")):
            return [")" if last == "$" else "((" if last == "(" else "("]
        if character == "[" and last == "$":
            return ["]"]
        if inner == '"':
            return []
        if character == "'":
            return ["$'" if last == "$" else "'"]
        if character == "#" and inner not in ("}", "[[") and (last.isspace() or last in ";&|()"):
            return ["#"]
        self._has_document = self._has_document or (character == "<" and last == "<")
        return []


_ENDS = {"'": "'", "$'": "'", "#": "\n"}
"""Within these nothing else is opened, and this ends them."""
