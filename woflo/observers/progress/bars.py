"""The bars, as rich renders them."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from woflo.kernel import clock
from woflo.kernel.texts import seconds, short
from woflo.observers.tally import Run, Tally

__all__ = ["Painter", "bars"]

MOST = 12
"""How many running tasks have a bar at once; the others are counted."""
_BAR = 24


class Painter:
    """Makes text of them, with the colours that the terminal behind this stream has."""

    def __init__(self, stream: Any) -> None:
        self._console = Console(file=stream, force_terminal=True, legacy_windows=False)

    def painted(self, tally: Tally, height: int, width: int) -> str:
        """The bars on a terminal of this size."""
        self._console.size = (width, height)
        with self._console.capture() as captured:
            self._console.print(bars(tally, max(1, height - 2), width - 1), highlight=False, markup=False, emoji=False)
        return captured.get()


def bars(tally: Tally, height: int, width: int) -> RenderableType:
    """The whole, and those tasks that tell how far they are, on at most `height` lines."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=max(8, width // 3))
    grid.add_column(width=min(_BAR, max(4, width // 4)))
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(no_wrap=True, overflow="ellipsis")
    told = [run for run in tally.running.values() if run.done is not None]
    room = min(MOST, height - 1)
    shown = told if len(told) <= room else told[: max(0, room - 1)]
    for run in shown:
        _add(grid, run)
    grid.add_row(
        Text("all", "bold"), _bar(tally.done, tally.created), f"{tally.done:,}/{tally.created:,}", _words(tally)
    )
    if len(shown) == len(told):
        return grid
    return Group(Text(f"and {len(told) - len(shown):,} more that are under way", "dim"), grid)


def _add(grid: Table, run: Run) -> None:
    assert run.done is not None
    count = f"{run.done:,.12g}" + (f"/{run.total:,.12g}" if run.total is not None else "")
    took = seconds(round(max(0.0, clock.now() - run.since)))
    text = Text(took, "dim")
    if run.message:
        text.append(f" {short(run.message, 80)}")
    grid.add_row(Text(run.name), _bar(run.done, run.total), Text(short(count, 40)), text)


def _bar(done: float, total: float | None) -> RenderableType:
    if not total or total < 0:
        return Text("")
    return ProgressBar(total=total, completed=min(done, total))


def _words(tally: Tally) -> Text:
    words = Text(seconds(round(max(0.0, clock.now() - (tally.began or clock.now())))), "dim")
    if tally.running:
        words.append(f" {len(tally.running):,} running")
    if tally.failed:
        words.append(f" {tally.failed:,} failed", "bold red")
    return words
