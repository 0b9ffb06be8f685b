"""What progress is drawn on."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from typing import Any

from woflo.kernel.capturing import behind
from woflo.kernel.events import Event, RunEnded, RunRetried
from woflo.kernel.masking import told
from woflo.kernel.texts import output, seconds, short
from woflo.observers.tally import WORDS, Tally

__all__ = ["MODES", "Display", "headline", "mode_of", "said", "summary"]

MODES = ("terminal", "lines", "notebook")
_FALSE = ("", "0", "false", "no", "off")


class Display(ABC):
    """One kind of it. Everything is called in the observer's thread."""

    pulse: float | None = None
    """Seconds after which it wants to draw where nothing happens; None where it shows nothing that goes by time."""

    is_drawn: bool = False
    """True while something is shown that goes by time."""

    def __init__(self, stream: Any) -> None:
        self.stream: Any = behind(stream)

    def open(self) -> None:
        """Before anything else."""
        return

    @abstractmethod
    def say(self, name: str, line: str) -> None:
        """The run of this name has written a line; it is shown as it stands, but for what would move the cursor."""

    @abstractmethod
    def show(self, event: Event, name: str, tally: Tally) -> None:
        """Something happened to the run of this name."""

    def draw(self, tally: Tally) -> None:
        """Show how far things are, unless that was just done."""
        return

    @abstractmethod
    def close(self, tally: Tally) -> None:
        """The end: leave the sum of it behind."""


def mode_of(stream: Any) -> str:
    """How to draw on this stream."""
    if _in_notebook():
        return "notebook"
    if os.environ.get("CI", "").lower() not in _FALSE or os.environ.get("TERM") == "dumb" or sys.platform == "win32":
        return "lines"
    try:
        return "terminal" if stream.isatty() else "lines"
    except (AttributeError, ValueError):
        return "lines"


def _in_notebook() -> bool:
    module = sys.modules.get("IPython")
    shell = None if module is None else module.get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


def headline(event: Event, name: str) -> tuple[str, bool] | None:
    """What is worth a line of its own, and whether it is bad; None for all else."""
    if isinstance(event, RunRetried):
        again = f"again in {seconds(event.delay)}" if event.delay else "again at once"
        return f"{name}: attempt {event.attempt} failed, {again}: {_why(event.error)}", True
    if isinstance(event, RunEnded):
        took = f" after {seconds(event.duration)}" if event.duration is not None else ""
        if event.state.is_success:
            return f"{name}: {WORDS[event.state]}{took}", False
        return f"{name}: {WORDS[event.state]}{took}: {_why(event.error)}", True
    return None


def _why(error: BaseException | None) -> str:
    return "" if error is None else short(told(error))


def summary(tally: Tally) -> str:
    """The last line."""
    runs = "1 run" if tally.created == 1 else f"{tally.created:,} runs"
    words = [tally.in_words()] if tally.done else []
    if left := tally.created - tally.done:
        words.append(f"{left:,} not ended")
    return f"{runs} in {seconds(tally.elapsed)}" + (f": {', '.join(words)}" if words else "")


def said(name: str, line: str) -> str:
    """A line that a run has written, and which one that is."""
    return f"{name} | {output(line)}"
