"""Values in the text of a shell: each is quoted, and stands only where its quotes mean that.

Within quotes, backquotes, arithmetic, a comment, a here-document or behind a backslash, the quotes of a value would be
text, or end what they stand in, and the value could become code. So it could within `${…}` and `[[ … ]]`: some shells
take parts of them for arithmetic, in which a text is executed. A template that has a place for a value there is
refused; so is one that has it behind what shells read in different ways.
"""

from __future__ import annotations

import shlex

from woflo.errors import OptionError
from woflo.scripts.words import Field, Lookup, Template

__all__ = ["check_places", "filled"]

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
