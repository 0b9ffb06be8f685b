"""Every event as a line of JSON, for programs that read what happened."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from woflo.errors import OptionError
from woflo.kernel import clock
from woflo.kernel.events import RunEnded
from woflo.kernel.masking import mask_text

if TYPE_CHECKING:
    from woflo.kernel.events import Event

__all__ = ["SCHEMA", "JSONLines", "as_json"]

SCHEMA = 1
"""Grows when a field changes its meaning or goes away; not when one is added."""
FLUSH_AFTER = 1.0
"""Seconds after which an event stands in the file at the latest."""


class JSONLines:
    """Appends each event to the file `path`, as one line of JSON. `subscribe("jsonl", path="events.jsonl")`.

    A line is an object with `v` (the number of the schema, 1), `event` (the name of its class), and the fields of the
    event under their names: `at` in seconds since the epoch, `run_id`, `task`, `parent_id`, `state`, and so on. An
    error is an object with `type` and `message`. Numbers that JSON does not know are null. Text is masked.

    Lines are written at the end of a run that failed and a second after the event at the latest. So a program that is
    killed leaves out a second of them, and perhaps a last line without its end, which the next program ends. They
    are not synced to the disk. A file that has grown beyond `max_bytes` (100 MiB; None for no limit) is renamed to
    `path.1`, that one to `path.2`, up to `keep` of them (5). A file belongs to one program at a time.

    Raises `OptionError` where a limit cannot be meant, or the file cannot be opened.
    """

    tells_ends = False
    """Nobody reads a file because of a failure of which nobody knows."""

    def __init__(
        self, path: str | os.PathLike[str] = "events.jsonl", *, max_bytes: int | None = 100 << 20, keep: int = 5
    ) -> None:
        if max_bytes is not None and not max_bytes > 0:
            raise OptionError(f"max_bytes={max_bytes!r} must be more than 0, or None for no limit")
        if keep < 0:
            raise OptionError(f"keep={keep!r} must be 0 or more files")
        self.path: Path = Path(path).absolute()
        self._max_bytes, self._keep = max_bytes, keep
        self._due: float | None = None
        """When what was written must be flushed."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = self.path.open("ab")
            self._end_last_line()
        except OSError as error:
            raise OptionError(f"path={str(path)!r}: events cannot be written there: {error}") from error

    @property
    def pulse(self) -> float | None:
        """Seconds until lines have to be flushed."""
        return None if self._due is None else max(0.0, self._due - clock.monotonic())

    def on_pulse(self) -> None:
        """Time has passed."""
        self._flush()

    def update(self, event: Event) -> None:
        line = json.dumps(as_json(event), allow_nan=False, separators=(",", ":"), ensure_ascii=True).encode()
        if self._max_bytes is not None and self._file.tell() and self._file.tell() + len(line) > self._max_bytes:
            self._rotate()
        self._file.write(line + b"\n")
        now = clock.monotonic()
        self._due = self._due or now + FLUSH_AFTER
        if now >= self._due or (isinstance(event, RunEnded) and not event.state.is_success):
            self._flush()

    def on_destroy(self) -> None:
        self._file.close()

    def _flush(self) -> None:
        self._due = None
        self._file.flush()

    def _end_last_line(self) -> None:
        if self._file.tell():
            with self.path.open("rb") as before:
                before.seek(-1, os.SEEK_END)
                if before.read(1) != b"\n":
                    self._file.write(b"\n")

    def _rotate(self) -> None:
        self._file.close()
        names = [self.path, *(self.path.with_name(f"{self.path.name}.{number + 1}") for number in range(self._keep))]
        names[-1].unlink(missing_ok=True)
        for old, new in reversed(list(pairwise(names))):
            if old.exists():
                old.rename(new)
        self._file = self.path.open("ab")

    def __repr__(self) -> str:
        return f"<events as lines of JSON in {self.path}>"


def as_json(event: Event) -> dict[str, Any]:
    """The event as an object of JSON; what it holds is in the docstring of `JSONLines`."""
    fields = {one.name: _value(getattr(event, one.name)) for one in dataclasses.fields(event)}
    return {"v": SCHEMA, "event": type(event).__name__, **fields}


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, BaseException):
        return {"type": type(value).__qualname__, "message": _message(value)}
    if isinstance(value, tuple | list):
        return [_value(item) for item in value]
    return _number(value)


def _message(error: BaseException) -> str:
    try:
        return mask_text(str(error))
    except Exception as why:
        return f"<its message cannot be shown: {type(why).__name__}>"


def _number(value: Any) -> float | None:
    """What tasks tell as their progress may be a number of any kind."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
