"""Bars at the foot of a terminal, below what is printed.

    fetch | a line that a task wrote
    what the program prints
    ▁ the cursor waits here, on an empty line, so that what others write meanwhile disturbs nothing
    fetch    ━━━━━━━━━━━━──────────── 12/20 3 s page 12
    all      ━━━━━━────────────────── 25/100 3 s 4 running

Everything from the cursor on is ours: to draw, and to make room, it is erased. What programs write that inherited the
terminal moves the cursor, and the next drawing begins below it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from woflo.kernel import clock
from woflo.observers.progress.display import Display, headline, said, summary
from woflo.observers.progress.streams import Above, Asking, stand_in, step_aside

if TYPE_CHECKING:
    from woflo.kernel.events import Event
    from woflo.observers.progress.bars import Painter
    from woflo.observers.tally import Tally

__all__ = ["TerminalDisplay"]

BETWEEN = 0.1
"""Seconds at least between two drawings."""
FIRST = 0.5
"""Seconds until the first drawing: what takes less is told by its summary alone, and never needs rich."""
_ERASE = "\r\x1b[J"
_RED, _GREEN = "31", "32"
_importing = threading.Lock()
"""Held while rich is imported: a child that is forked meanwhile would have half of it, and wait for the rest."""


class TerminalDisplay(Display):
    """Draws with what every terminal since the VT100 knows: erase below, cursor up, carriage return."""

    pulse: float | None = BETWEEN

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._painter: Painter | None = None
        self._has_colours = _has_colours()
        self._lock = threading.RLock()
        """Held while the terminal is written to. A handler of a signal may print while its thread does."""
        self._in_a_line = False
        """True where the program has begun a line: a question, say. Nothing is drawn until it is ended."""
        self._next = clock.monotonic() + FIRST
        self._above: list[Above] = []
        self._asking: Asking | None = None
        self._questions = 0
        """How many threads wait for an answer; nothing is drawn meanwhile."""
        self._broken = False

    # -- what is printed ---------------------------------------------------------------------------------

    def open(self) -> None:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None and _is_terminal(stream):
                self._above.append(stand_in(name, self._room))
        self._asking = Asking(self._quiet)

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Erase the bars, and draw none until a question is answered."""
        with self._lock:
            self._erase()
            self._questions += 1
        try:
            yield
        finally:
            with self._lock:
                self._questions -= 1
                self._in_a_line = False

    @contextmanager
    def _room(self, text: str) -> Iterator[None]:
        """Erase the bars; they come again with the next drawing."""
        with self._lock:
            self._erase()
            yield
            if text:
                self._in_a_line = not text.endswith("\n")

    def _erase(self) -> None:
        if self.is_drawn:
            self.is_drawn: bool = False
            self._write(_ERASE)

    def say(self, name: str, line: str) -> None:
        self._print(said(name, line))

    def show(self, event: Event, name: str, tally: Tally) -> None:
        line = headline(event, name)
        if line is not None and line[1]:
            self._print(line[0], _RED)

    def _colour_of(self, tally: Tally) -> str:
        if tally.failed:
            return _RED
        return _GREEN if tally.created == tally.done else ""

    def _print(self, line: str, colour: str = "") -> None:
        if colour and self._has_colours:
            line = f"\x1b[{colour}m{line}\x1b[0m"
        with self._lock:
            self._erase()
            begin = "\n" if self._in_a_line else ""
            self._in_a_line = False
            self._write(f"{begin}{line}\n")

    # -- the bars ----------------------------------------------------------------------------------------

    def draw(self, tally: Tally) -> None:
        now = clock.monotonic()
        if now < self._next:
            return
        self._next = now + BETWEEN
        with self._lock:
            if tally.created == tally.done and not tally.running:
                self._erase()
            elif not self._in_a_line and not self._questions:
                self._draw(tally)

    def _draw(self, tally: Tally) -> None:
        if self._painter is None:
            with _importing:
                from woflo.observers.progress.bars import Painter

                self._painter = Painter(self.stream)
        text = self._painter.painted(tally, *self._size())
        self._write(f"{_ERASE}\n{text.rstrip(chr(10))}\x1b[{text.count(chr(10))}A\r")
        self.is_drawn = True

    def close(self, tally: Tally) -> None:
        with self._lock:
            self._erase()
            if tally.created or tally.done:
                self._print(summary(tally), self._colour_of(tally))
        for above in self._above:
            step_aside(above)
        if self._asking is not None:
            self._asking.end()

    # -- the terminal ------------------------------------------------------------------------------------

    def _size(self) -> tuple[int, int]:
        """Its lines and columns."""
        try:
            size = os.get_terminal_size(self.stream.fileno())
        except (OSError, ValueError, AttributeError):
            return 24, 80
        return max(3, size.lines or 24), max(20, size.columns or 80)  # 0 where nobody has set it

    def _write(self, text: str) -> None:
        if self._broken:
            return
        try:
            encoding = getattr(self.stream, "encoding", None) or "utf-8"
            self.stream.write(text.encode(encoding, "replace").decode(encoding))
            self.stream.flush()
        except (OSError, ValueError):
            self._broken = True  # the terminal is gone


def _has_colours() -> bool:
    """As rich decides it for the bars; see https://no-color.org."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release
    )
