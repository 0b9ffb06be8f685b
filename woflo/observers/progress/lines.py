"""A line per change of note, for a pipe, a file, CI and terminals that cannot draw."""

from __future__ import annotations

from collections import Counter
from typing import Any

from woflo.kernel import clock
from woflo.kernel.events import Event, ProgressMade, RunEnded, RunsSkipped
from woflo.kernel.state import RunState
from woflo.kernel.texts import short
from woflo.observers.progress.display import Display, headline, said, summary
from woflo.observers.tally import MOST_NAME, WORDS, Tally

__all__ = ["LineDisplay"]

MOST_ENDS = 50
"""How many runs that end well get a line of their own; later ones are counted."""
MOST_FAILURES = 200
"""The same for retries and runs that end badly."""
BETWEEN = 10.0
"""Seconds at least between two lines with the counts of the whole."""
QUARTERS = 4
"""How many lines the progress of one task gets."""
MOST_QUARTERS = 200
"""How many lines the progress of all tasks gets."""


class LineDisplay(Display):
    """Writes whole lines, each flushed, and no escapes."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._ends = self._failures = self._told_quarters = 0
        self._quarters: dict[str, int] = {}
        """How far the running tasks were when that was last told."""
        self._counted = clock.monotonic()
        self._news = False
        self._skipped: Counter[str] = Counter()
        """By task, how many runs were skipped of which nothing is told yet."""
        self._broken = False

    def say(self, name: str, line: str) -> None:
        self._write(said(name, line))

    def show(self, event: Event, name: str, tally: Tally) -> None:
        if isinstance(event, ProgressMade):
            self._show_progress(event.run_id, tally)
            return
        if isinstance(event, RunsSkipped):
            self._count_skipped(event)
            return
        line = headline(event, name)
        if isinstance(event, RunEnded):
            self._quarters.pop(event.run_id, None)
            self._news = True
        if line is None:
            return
        text, is_bad = line
        if is_bad and self._failures < MOST_FAILURES:
            self._failures += 1
            self._write(text)
        elif not is_bad and self._ends < MOST_ENDS:
            self._ends += 1
            self._write(text)

    def _count_skipped(self, event: RunsSkipped) -> None:
        self._news = True
        self._skipped.update(event.counts)

    def _show_skipped(self) -> None:
        for task, number in self._skipped.items():
            if self._ends < MOST_ENDS:
                self._ends += 1
                count = "" if number == 1 else f"{number:,} "
                self._write(f"{short(task, MOST_NAME)}: {count}{WORDS[RunState.SKIPPED]}")
        self._skipped.clear()

    def _show_progress(self, run_id: str, tally: Tally) -> None:
        run = tally.running.get(run_id)
        if run is None or run.done is None or not run.total:
            return
        quarter = int(QUARTERS * min(run.done / run.total, 1.0))
        if quarter > self._quarters.get(run_id, 0) and self._told_quarters < MOST_QUARTERS:
            self._told_quarters += 1
            self._quarters[run_id] = quarter
            message = f", {short(run.message, 60)}" if run.message else ""
            self._write(f"{run.name}: {run.done:g} of {run.total:g}{message}")

    def draw(self, tally: Tally) -> None:
        now = clock.monotonic()
        if not self._news or now - self._counted < BETWEEN:
            return
        self._counted, self._news = now, False
        self._show_skipped()
        if self._is_counting():
            self._write(
                f"{tally.done:,} of {tally.created:,} ended ({tally.in_words()}), {len(tally.running):,} running"
            )

    def _is_counting(self) -> bool:
        return self._ends >= MOST_ENDS or self._failures >= MOST_FAILURES

    def close(self, tally: Tally) -> None:
        self._show_skipped()
        if tally.created or tally.done:
            self._write(summary(tally))

    def _write(self, line: str) -> None:
        if self._broken:
            return
        try:
            encoding = getattr(self.stream, "encoding", None) or "utf-8"
            self.stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
            self.stream.flush()
        except (OSError, ValueError):
            self._broken = True  # nobody reads it any more
