"""A cell of a notebook whose output changes."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.text import Text

from woflo.kernel import clock
from woflo.kernel.events import Event
from woflo.observers.progress.bars import bars
from woflo.observers.progress.display import Display, headline, said, summary
from woflo.observers.tally import Tally

__all__ = ["NotebookDisplay"]

BETWEEN = 0.5
"""Seconds at least between two drawings: each is a message to the browser."""
_SIZE = (100, 25)
_HTML = '<pre style="white-space:pre;overflow-x:auto;line-height:normal">{code}</pre>'


class NotebookDisplay(Display):
    """Shows the bars by IPython's display, below what is printed in the same cell."""

    pulse: float | None = BETWEEN

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._handle: Any = None
        self._next = 0.0

    def say(self, name: str, line: str) -> None:
        self._print(said(name, line))

    def show(self, event: Event, name: str, tally: Tally) -> None:
        line = headline(event, name)
        if line is not None and line[1]:
            self._print(line[0])

    def _print(self, line: str) -> None:
        self.stream.write(f"{line}\n")

    def draw(self, tally: Tally) -> None:
        now = clock.monotonic()
        if now >= self._next and tally.created > tally.done:
            self._next = now + BETWEEN
            self._display(bars(tally, _SIZE[1], _SIZE[0]))

    def close(self, tally: Tally) -> None:
        if tally.created or tally.done:
            self._display(Text(summary(tally)))

    def _display(self, what: Any) -> None:
        from IPython.display import display

        console = Console(
            file=io.StringIO(), record=True, width=_SIZE[0], height=_SIZE[1], force_terminal=True, force_jupyter=False
        )
        console.print(what)
        html = console.export_html(inline_styles=True, code_format=_HTML, clear=False)
        bundle = {"text/plain": console.export_text().rstrip("\n"), "text/html": html}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
