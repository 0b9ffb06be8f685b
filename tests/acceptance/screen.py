"""What a person reads on a terminal: the screen after all that a program wrote to it.

A parser of what woflo's programs write, no emulator: an escape that it does not know fails the test.
"""

from __future__ import annotations

import re

__all__ = ["Screen"]

_TOKENS = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b|[\x00-\x1f]|[^\x00-\x1f]+")


class Screen:
    """Lines that scroll, of a terminal of 80 columns and 24 lines as the tests open them."""

    def __init__(self, columns: int = 80, height: int = 24) -> None:
        self.columns, self.height = columns, height
        self.lines: list[str] = [""]
        """All of them, those that have scrolled out of sight included."""
        self.row = self.column = 0
        self.drawings: int = 0
        """How often something was erased."""

    def feed(self, text: str) -> Screen:
        for token in _TOKENS.finditer(text):
            if token[2] is not None:
                self._control(token[1], token[2])
            elif token[0] == "\r":
                self.column = 0
            elif token[0] == "\n":
                self._down()
            elif token[0] == "\t":
                self._put(" " * (8 - self.column % 8))
            elif token[0][0] < " ":
                raise AssertionError(f"{token[0]!r} was written to the terminal")
            else:
                self._put(token[0])
        return self

    def _put(self, text: str) -> None:
        for letter in text:
            if self.column == self.columns:
                self._down()
                self.column = 0
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + letter + line[self.column + 1 :]
            self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")

    def _control(self, arguments: str, letter: str) -> None:
        if letter == "m":
            return
        if letter == "J" and arguments in ("", "0"):
            self.drawings += 1
            self.lines[self.row] = self.lines[self.row][: self.column]
            del self.lines[self.row + 1 :]
        elif letter == "A":
            top = max(0, len(self.lines) - self.height)
            self.row = max(top, self.row - int(arguments or 1))
        else:
            raise AssertionError(f"ESC [ {arguments} {letter} was written to the terminal")

    @property
    def text(self) -> str:
        """All lines, without the empty ones at the end."""
        return "\n".join(line.rstrip() for line in self.lines).rstrip()
