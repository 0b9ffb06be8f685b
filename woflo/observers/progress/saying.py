"""What runs say, as the lines that are shown of it: whole ones, masked, and of a flood no more than anybody reads.

Text that is left out is only counted: to look for secrets in it would take longer than a command takes to print it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from woflo.kernel.events import LogRecorded, OutputWritten
from woflo.kernel.hiding import hide
from woflo.kernel.texts import Lines

__all__ = ["MOST_LINES", "Saying"]

MOST_LINES = 1_000
"""How many lines of one run are shown within `WINDOW`."""
MOST_TEXT = 1 << 18
"""The same in characters; it is passed by one event at most."""
WINDOW = 1.0
"""Seconds, as the events' times tell them."""


@dataclass(slots=True)
class _Window:
    """What one run has said since a time."""

    name: str
    since: float
    lines: int = 0
    text: int = 0
    left_out: int = 0
    """Lines that were not shown, and have not been told of either."""
    is_kept: bool = False
    """True where its log has those."""

    @property
    def room(self) -> int:
        """How many lines may be shown yet."""
        return MOST_LINES - self.lines if self.text < MOST_TEXT else 0

    def tell(self, run_id: str) -> list[str]:
        """What is said in place of what was left out."""
        if not self.left_out:
            return []
        number, self.left_out = self.left_out, 0
        lines = "1 line" if number == 1 else f"{number:,} lines"
        return [f"… {lines} left out" + (f"; `woflo logs {run_id}` has all" if self.is_kept and run_id else "")]


class Saying:
    """Of all runs under way."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._windows: dict[str, _Window] = {}

    def add(self, event: OutputWritten | LogRecorded, name: str) -> list[str]:
        """The lines that are to be shown now of the run of this name."""
        # what comes after the end of a run has a window with all of its kind
        whose = "" if self._lines.has_ended(event.run_id) else event.run_id
        window = self._windows.setdefault(whose, _Window(name, event.at))
        before = []
        if not 0 <= event.at - window.since < WINDOW:
            before = window.tell(whose)
            window.since, window.lines, window.text = event.at, 0, 0
        shown = self._logged(event, window) if isinstance(event, LogRecorded) else self._printed(event, window)
        window.lines += len(shown)
        return [*before, *shown]

    def end(self, run_id: str) -> list[str]:
        """What is left to be shown of a run that has ended."""
        window = self._windows.pop(run_id, None)
        told = [] if window is None else window.tell(run_id)
        return [*told, *(line for _, line in self._lines.end(run_id))]

    def rest(self) -> list[tuple[str, str]]:
        """What is left of all others, with the names of their runs."""
        return [(one.name, line) for run_id, one in self._windows.items() for line in one.tell(run_id)]

    def _logged(self, event: LogRecorded, window: _Window) -> list[str]:
        if window.room <= 0:
            window.left_out += 1
            return []
        window.text += event.weight
        return [f"{event.logger}: {event.masked().message}"]

    def _printed(self, event: OutputWritten, window: _Window) -> list[str]:
        window.is_kept = event.is_kept
        if window.room <= 0:
            self._leave_out(event, window)
            return []
        if event.text.count("\n") <= window.room:
            return self._shown(event, window)
        # a secret of many lines is known as a whole only
        *lines, rest = hide(event.text).split("\n", window.room)
        shown = self._shown(replace(event, text="\n".join([*lines, ""])), window)
        self._leave_out(replace(event, text=rest), window)
        return shown

    def _shown(self, event: OutputWritten, window: _Window) -> list[str]:
        window.text += event.weight
        return self._lines.add(event.run_id, event.stream, event.masked().text)

    def _leave_out(self, event: OutputWritten, window: _Window) -> None:
        """Count what is whole; the last line may be completed by what comes next."""
        whole, newline, rest = event.text.rpartition("\n")
        if newline:
            self._lines.add(event.run_id, event.stream, "\n")  # the line that had begun is the first of them
            window.left_out += whole.count("\n") + 1
        if rest:
            begun = replace(event, text=rest).masked().text
            window.left_out += len(self._lines.add(event.run_id, event.stream, begun))
