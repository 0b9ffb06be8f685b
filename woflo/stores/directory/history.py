"""A log beside the file of each run: what happened to it, in lines for people. It moves with the file.

    failed/order-17.log     2026-11-28T20:12:53+01:00 called
                            2026-11-28T20:12:54+01:00 executed by host-17-a1b2c3, attempt 1
                            2026-11-28T20:12:55+01:00 step charge (order-17:0) SUCCEEDED
                            2026-11-28T20:12:55+01:00 failed: ValueError: no such account

It begins with the first claim, so a call that only waits costs nothing. Where a process dies just after a commit, its
lines are missing: what counts is what is kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

from woflo.kernel import clock
from woflo.kernel.state import SUCCESSES, RunState
from woflo.kernel.texts import seconds
from woflo.stores.directory.files import Files
from woflo.stores.directory.places import QUEUE, folder_of, log_of, place_of
from woflo.stores.rows import Row

__all__ = ["History"]

Place = tuple[str, str]
MOST = 16 * 1024 * 1024
"""Bytes of a log that are brought to the end of another."""
LONGEST = 500
"""Characters of an error or a reason in a line."""


class History:
    """The logs of a store. `place` tells where the file of a run is."""

    def __init__(self, files: Files, place: Callable[[str], Place | None]) -> None:
        self._files = files
        self._place = place

    def follow(self, before: Mapping[str, Place | None], rows: Mapping[str, Row | None]) -> None:
        """Tell what a commit changed; `before` is where the files were then."""
        lines: dict[str, list[str]] = {}
        for run_id, row in rows.items():
            old = before.get(run_id)
            if row is None or place_of(row) is None:
                self._remove(run_id, old)  # a moved run may become a step, which has no file
            else:
                lines.setdefault(run_id, []).extend(_told(old, row))
                if old is not None and not _is_fresh(old, row):
                    self.move(run_id, old[0], folder_of(row))
            if row is not None and place_of(row) is None and row.parent_id is not None and row.is_terminal:
                lines.setdefault(row.parent_id, []).append(_line(f"step {row.task} ({row.id}) {row.state}{_why(row)}"))
        for run_id, some in lines.items():
            if some:
                self.append(run_id, some)

    def append(self, run_id: str, lines: list[str]) -> None:
        """Whatever fails: nothing depends on it."""
        place = self._place(run_id)
        if place is not None:
            with suppress(OSError):
                self._files.append(f"{place[0]}/{log_of(run_id)}", "".join(f"{line}\n" for line in lines))

    def move(self, run_id: str, old: str, new: str) -> None:
        """From one folder to another; to the end of the one that is there already, where a process was slow."""
        if old == new:
            return
        before, after = f"{old}/{log_of(run_id)}", f"{new}/{log_of(run_id)}"
        with suppress(OSError, ValueError):
            if not os.path.exists(self._files.path(after)):
                self._files.rename(before, after)
                return
            text = self._files.read_strange(before, MOST).decode(errors="backslashreplace")
            self._files.append(after, text)
            self._files.remove(before)

    def _remove(self, run_id: str, old: Place | None) -> None:
        if old is not None:
            with suppress(OSError):
                self._files.remove(f"{old[0]}/{log_of(run_id)}")


def _is_fresh(old: Place, row: Row) -> bool:
    """Whether nobody has had it before: then there is no log yet."""
    return old[0] == QUEUE and row.fence <= 1


def _told(old: Place | None, row: Row) -> list[str]:
    """What happened to a run that is in this state now."""
    was = old and old[0]
    first = [f"{_time(row.created_at)} called"] if was in (None, QUEUE) and row.fence <= 1 else []
    if row.worker is not None:
        stop = f"asked to stop{_by(row)}" if row.stop_requested else ""
        return [_line(stop)] if stop and was == "running" else [*first, _line(_execution(row))]
    if row.is_terminal:
        return [*first, _line(f"{_end(row)}{_why(row)}")]
    if row.state is RunState.RETRYING:
        return [_line(f"attempt {row.attempt} failed{_why(row)}{_later(row)}")]
    if row.state is RunState.WAITING:
        return [*first, _line(f"waits: {row.reason or ''} {' '.join(row.waits_for)}{_later(row)}".rstrip())]
    return [_line(f"in the queue again{_by(row)}{_later(row)}")] if was not in (None, QUEUE) else []


def _execution(row: Row) -> str:
    return f"executed by {row.worker}, attempt {row.attempt}"


def _end(row: Row) -> str:
    took = ""
    if row.started_at is not None and row.finished_at is not None:
        took = f" after {seconds(row.finished_at - row.started_at)}"
    return ("succeeded" if row.state in SUCCESSES else row.state.lower().replace("_", " ")) + took


def _why(row: Row) -> str:
    """The error, in one line."""
    if row.error is None or row.state in SUCCESSES:
        return ""
    try:
        parts = json.loads(row.error)
        text = f"{parts['type'].rpartition(':')[2]}: {parts['message']}"
    except (ValueError, TypeError, KeyError, AttributeError):
        text = row.error
    return f": {_short(text)}"


def _by(row: Row) -> str:
    return f": {_short(row.reason)}" if row.reason else ""


def _later(row: Row) -> str:
    return "" if row.run_after is None else f", not before {_time(row.run_after)}"


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}…"


def _line(text: str) -> str:
    return f"{_time(clock.now())} {text}"


def _time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g}"
