"""JSON as values and their lines. Checked by the standard parser, and then read once more for the lines."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from json import decoder
from typing import Any

from woflo.jobs.problems import Document, Problems, Spot, shown_path

__all__ = ["parse_json"]

scanstring: Any = vars(decoder)["scanstring"]
"""What the standard parser reads a text with, quotes and all: the text, and where it has ended."""
_SPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^,\]}\s]+")


def parse_json(text: str, file: str, problems: Problems) -> Document:
    """As `parse_yaml`."""
    empty = Document(file, {}, (1, {}))
    if not text.strip():
        return Document(file, None, (1, None))
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        problems.add_at(file, error.lineno, "", f"is no JSON: {error.msg} in column {error.colno}")
        return empty
    except ValueError as error:  # a number with thousands of digits
        problems.add_at(file, 1, "", f"is no JSON for a job: {error}")
        return empty
    lines = _Lines(text, file, problems)
    spot, _ = lines.spot(0, ())
    return Document(file, value, spot)


class _Lines:
    """Where the values of a text stand that is known to be JSON."""

    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self._text = text
        self._file = file
        self._problems = problems
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def _line(self, at: int) -> int:
        return bisect_right(self._starts, at)

    def _behind_space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        assert found is not None
        return found.end()

    def spot(self, at: int, path: tuple[Any, ...]) -> tuple[Spot, int]:
        """The spot of the value that begins here, and where it has ended."""
        at = self._behind_space(at)
        first, line = self._text[at], self._line(at)
        if first == "{":
            return self._object(at, line, path)
        if first == "[":
            return self._array(at, line, path)
        if first == '"':
            return (line, None), scanstring(self._text, at + 1, True)[1]
        found = _SCALAR.match(self._text, at)
        assert found is not None
        return (line, None), found.end()

    def _object(self, at: int, line: int, path: tuple[Any, ...]) -> tuple[Spot, int]:
        inner: dict[str, Spot] = {}
        at = self._behind_space(at + 1)
        while self._text[at] != "}":
            key_line = self._line(at)
            key, at = scanstring(self._text, at + 1, True)
            if key in inner:
                told = f"stands here twice; first on line {inner[key][0]}"
                self._problems.add_at(self._file, key_line, shown_path((*path, key)), told)
            found, at = self.spot(self._behind_space(at) + 1, (*path, key))
            inner[key] = (key_line, found[1])
            at = self._next(at)
        return (line, inner), at + 1

    def _array(self, at: int, line: int, path: tuple[Any, ...]) -> tuple[Spot, int]:
        inner: list[Spot] = []
        at = self._behind_space(at + 1)
        while self._text[at] != "]":
            found, at = self.spot(at, (*path, len(inner)))
            inner.append(found)
            at = self._next(at)
        return (line, inner), at + 1

    def _next(self, at: int) -> int:
        at = self._behind_space(at)
        return self._behind_space(at + 1) if self._text[at] == "," else at
