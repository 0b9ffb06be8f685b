"""The pictures of the docs, as rich exports what it renders: `python tests/docs/pictures.py` makes them anew."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from woflo.kernel.events import AttemptStarted, ProgressMade, RunCreated, RunEnded
from woflo.kernel.state import RunState
from woflo.observers.progress.bars import bars
from woflo.observers.tally import Tally
from woflo.testing.clock import FakeClock

__all__ = ["PICTURES", "progress"]

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Which a browser would fetch from elsewhere."""


def progress() -> str:
    """Bars as a terminal shows them."""
    with FakeClock() as clock:
        now = clock.now()
        tally = Tally()
        for number in range(40):
            name = "resize" if number % 2 else "fetch"
            tally.take(RunCreated(run_id=str(number), task=name, at=now - 12))
        for number in range(25):
            state = RunState.FAILED if number == 7 else RunState.SUCCEEDED
            tally.take(RunEnded(run_id=str(number), task="fetch", state=state, attempts=1, at=now))
        for number, done, message in ((25, 12, "holiday.png"), (26, 31, "https://example.org"), (27, 3, "")):
            name = "resize" if number % 2 else "fetch"
            tally.take(AttemptStarted(run_id=str(number), task=name, attempt=1, at=now - number / 8))
            tally.take(
                ProgressMade(
                    run_id=str(number), task=name, done=done, total=40 if number == 26 else 20, message=message
                )
            )
        console = Console(file=io.StringIO(), record=True, width=72, force_terminal=True, color_system="truecolor")
        console.print("save: attempt 1 failed, again in 2 s: TimeoutError: no answer", style="red", highlight=False)
        console.print(bars(tally, 10, 72))
    return _FONTS.sub("", console.export_svg(title='subscribe("progress")', unique_id="woflo"))


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "progress.svg").write_text(progress(), encoding="utf-8")
