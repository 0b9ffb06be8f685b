"""Progress on the screen: a bar for the whole, and one for each running task that tells how far it is.

What it is drawn on decides how: a terminal gets bars below what is printed; a pipe, a file and CI get a line per change
of note, and no cursor is moved; a notebook gets a cell that changes.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from woflo.errors import OptionError
from woflo.kernel.events import LogRecorded, OutputWritten, RunEnded
from woflo.observers.progress.display import MODES, Display, mode_of
from woflo.observers.progress.saying import Saying
from woflo.observers.tally import Tally

if TYPE_CHECKING:
    from woflo.kernel.events import Event

__all__ = ["Progress"]


class Progress:
    """Draws how far the runs of this process are. `subscribe("progress")`, or `subscribe(Progress(…))`.

    `stream` is where to (stderr; in a notebook stdout). `mode` is "terminal", "lines" or "notebook"; without it the
    stream and the environment decide: a terminal gets "terminal", but not where `CI` is set or `TERM` is "dumb"; a
    notebook "notebook"; all else "lines". With `output=False` the captured output of tasks is not shown. Of what one
    run says, at most 1,000 lines in a second are shown, and how many others there were.

    Where it draws bars, it redraws at most ten times a second, and what the program prints meanwhile appears above
    them.
    Raises `OptionError` for another mode, and for one that needs rich where that is not installed.
    """

    counts_skipped = True
    """Of ten thousand runs that are up to date, it wants to know that they are ten thousand."""
    masks_itself = True
    """Of a flood of output, it looks for secrets only in what it shows."""

    def __init__(self, stream: Any = None, *, mode: str | None = None, output: bool = True) -> None:
        if mode is not None and mode not in MODES:
            raise OptionError(f"mode={mode!r} must be one of: {', '.join(MODES)}")
        self._mode = mode or mode_of(sys.stderr if stream is None else stream)
        if stream is None:
            stream = sys.stdout if self._mode == "notebook" else sys.stderr  # a notebook shows stderr as if it were bad
        self._stream = stream
        self._output = output
        self._saying = Saying()
        self._tally = Tally()
        self._display: Display = _display(self._mode, self._stream)

    @property
    def pulse(self) -> float | None:
        """Seconds after which `on_pulse` is called where nothing has happened meanwhile; None while nothing goes on."""
        return self._display.pulse if self._tally.created > self._tally.done or self._display.is_drawn else None

    def on_create(self) -> None:
        self._display.open()

    def update(self, event: Event) -> None:
        if not isinstance(event, OutputWritten | LogRecorded):
            event = event.masked()
        name = self._tally.name_of(event)
        self._tally.take(event)
        if isinstance(event, OutputWritten | LogRecorded):
            if self._output:
                self._say(name, self._saying.add(event, name))
        else:
            if isinstance(event, RunEnded):
                self._say(name, self._saying.end(event.run_id))
            self._display.show(event, name, self._tally)
        self._display.draw(self._tally)

    def _say(self, name: str, lines: list[str]) -> None:
        for line in lines:
            self._display.say(name, line)

    def on_pulse(self) -> None:
        """Time has passed."""
        self._display.draw(self._tally)

    def on_destroy(self) -> None:
        for name, line in self._saying.rest():
            self._display.say(name, line)
        self._display.close(self._tally)


def _display(mode: str, stream: Any) -> Display:
    if mode == "lines":
        from woflo.observers.progress.lines import LineDisplay

        return LineDisplay(stream)
    if find_spec("rich") is None:
        raise OptionError(
            f"mode={mode!r} needs rich, which is not there; install it with: pip install 'woflo[progress]', or say "
            f"mode='lines'"
        )
    if mode == "notebook":
        from woflo.observers.progress.notebook import NotebookDisplay

        return NotebookDisplay(stream)
    from woflo.observers.progress.terminal import TerminalDisplay

    return TerminalDisplay(stream)
