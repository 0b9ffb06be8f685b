"""A log file per run: what it printed and logged, and how it failed. Old files are taken away."""

from __future__ import annotations

import logging
import os
import re
import time
from collections import OrderedDict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from woflo.errors import OptionError
from woflo.kernel.events import AttemptFailed, AttemptStarted, LogRecorded, OutputWritten, RunEnded
from woflo.kernel.masking import mask_text, told
from woflo.kernel.texts import MOST_ENDED, Lines, file_name, output, plain, seconds

if TYPE_CHECKING:
    from woflo.kernel.events import Event

__all__ = ["LogFiles"]

MOST_OPEN = 32
"""How many files are open at once."""
SWEEP_EVERY = 100
"""After how many new files old ones are looked for."""
_OURS = re.compile(r"^\d{8}T\d{6}-.+-[0-9a-f]{28}[A-Za-z0-9_.-]*\.log$")
"""The id of a step is that of its workflow, and its place there."""
_DAY = 86_400


class LogFiles:
    """Writes what each run says into a file of its own in `folder`. `subscribe("logs", folder=…)`.

    A file is named by the time, the task and the id of the run. It has a line for each attempt, for each line that was
    printed (where the runner captures output), for each log record from another process, and for the end, each with its
    time. Terminal escapes are taken out, and secrets masked; nobody but you may read the files. A run of which there is
    nothing to tell but that it succeeded leaves no file.

    When the program begins, and with every hundredth file, the oldest are removed until no more than `keep` files are
    there (1,000), none is older than `max_age` days (30), and all together have no more than `max_bytes` (1 GiB). None
    for no such limit. Files of runs under way stay, and so does whatever woflo has not made.

    Raises `OptionError` where a limit is no number that can be meant, or the folder cannot be made.
    """

    tells_ends = False
    """Nobody reads a file because of a failure of which nobody knows."""
    wants_routine = False
    """Calls, and runs that are skipped, leave nothing in a file: there may be thousands of them in a second."""

    masks_itself = True
    """What a command prints is not even looked at where it has a file beside these."""

    def __init__(
        self,
        folder: str | os.PathLike[str] = "logs",
        *,
        keep: int | None = 1_000,
        max_age: float | None = 30.0,
        max_bytes: int | None = 1 << 30,
    ) -> None:
        for name, limit in (("keep", keep), ("max_age", max_age), ("max_bytes", max_bytes)):
            if limit is not None and not limit > 0:
                raise OptionError(f"{name}={limit!r} must be more than 0, or None for no limit")
        self.folder: Path = Path(folder).absolute()
        self._is_beside_commands = self.folder.parts[-2:] == (".woflo", "logs")
        """True for the folder in which what a command prints has a file of its own."""
        self._keep, self._max_age, self._max_bytes = keep, max_age, max_bytes
        self._lines = Lines()
        self._waiting: dict[str, list[str]] = {}
        """Of runs under way that have no file: what it would begin with."""
        self._paths: dict[str, Path] = {}
        """Of runs under way, the others' files."""
        self._late: OrderedDict[str, Path] = OrderedDict()
        """Those of the runs that ended last, for what comes late."""
        self._open: OrderedDict[Path, TextIO] = OrderedDict()
        """The one that was written to last stands last."""
        self._made = 0
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(f"folder={str(folder)!r}: log files cannot be kept there: {error}") from error

    def on_create(self) -> None:
        self._sweep()

    def update(self, event: Event) -> None:
        if isinstance(event, OutputWritten):
            if event.is_kept and self._is_beside_commands:
                return
            event = event.masked()
            lines = self._lines.add(event.run_id, event.stream, event.text)
            self._write(event, [f"{event.stream}: {output(line)}" for line in lines])
        elif isinstance(event, LogRecorded):
            event = event.masked()
            head = f"{logging.getLevelName(event.level)} {event.logger}: "
            self._write(event, [head + plain(line) for line in event.message.split("\n")])
        elif isinstance(event, AttemptStarted):
            self._prepare(event, f"attempt {event.attempt} of {plain(event.task)} started")
        elif isinstance(event, AttemptFailed):
            self._write(event, [f"attempt {event.attempt} failed:", *_trace(event.error)])
        elif isinstance(event, RunEnded):
            self._ended(event)

    def _ended(self, event: RunEnded) -> None:
        rest = [f"{stream}: {output(line)}" for stream, line in self._lines.end(event.run_id)]
        if rest or event.run_id in self._paths or not event.state.is_success:
            why = "" if event.error is None else f": {plain(told(event.error))}"
            took = "" if event.duration is None else f" after {seconds(event.duration)}"
            self._write(event, [*rest, f"{event.state}{took}{why}"])
        self._waiting.pop(event.run_id, None)
        path = self._paths.pop(event.run_id, None)
        if path is not None:
            self._remember(event.run_id, path)
            if path in self._open:
                self._open.pop(path).close()

    def on_destroy(self) -> None:
        while self._open:
            self._open.popitem()[1].close()
        self._sweep()

    # -- writing -----------------------------------------------------------------------------------------

    def _prepare(self, event: Event, line: str) -> None:
        """To be written as soon as there is more to say."""
        if event.run_id in self._paths:
            self._write(event, [line])
        else:
            self._waiting.setdefault(event.run_id, []).append(f"{_stamp(event)} {line}\n")

    def _write(self, event: Event, lines: list[str]) -> None:
        if not lines:
            return
        path = self._paths.get(event.run_id)
        if path is None:
            path = self._late.get(event.run_id) or self._new_path(event)
            if self._lines.has_ended(event.run_id):
                self._remember(event.run_id, path)
            else:
                self._paths[event.run_id] = path
        file = self._file(path)
        stamp = _stamp(event)
        before = self._waiting.pop(event.run_id, [])
        file.write("".join([*before, *(f"{stamp} {line}\n" for line in lines)]))
        file.flush()

    def _remember(self, run_id: str, path: Path) -> None:
        self._late[run_id] = path
        if len(self._late) > MOST_ENDED:
            self._late.popitem(last=False)

    def _new_path(self, event: Event) -> Path:
        self._made += 1
        if self._made % SWEEP_EVERY == 0:
            self._sweep()
        when = datetime.fromtimestamp(event.at).strftime("%Y%m%dT%H%M%S")  # noqa: DTZ006 - as the clock on the wall
        return self.folder / f"{when}-{file_name(event.task)}-{file_name(event.run_id, 120)}.log"

    def _file(self, path: Path) -> TextIO:
        file = self._open.get(path)
        if file is None:
            # Not through a link that somebody has put there.
            number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
            file = self._open[path] = os.fdopen(number, "w", encoding="utf-8")
            if len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(path)
        return file

    # -- retention ---------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        """Remove what is beyond the limits, the oldest first."""
        found = sorted(self._ended_files(), reverse=True)
        count, size = len(self._paths), 0
        oldest = -1.0 if self._max_age is None else time.time() - self._max_age * _DAY
        for changed, path, length in found:
            count += 1
            size += length
            beyond = self._keep is not None and count > self._keep
            if beyond or changed < oldest or (self._max_bytes is not None and size > self._max_bytes):
                path.unlink(missing_ok=True)

    def _ended_files(self) -> list[tuple[float, Path, int]]:
        under_way = {path.name for path in self._paths.values()}
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if not _OURS.match(entry.name) or entry.name in under_way:
                    continue
                try:
                    if entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        found.append((status.st_mtime, Path(entry.path), status.st_size))
                except OSError:
                    continue  # removed meanwhile
        return found

    def __repr__(self) -> str:
        return f"<log files in {self.folder}>"


def _stamp(event: Event) -> str:
    return datetime.fromtimestamp(event.at).astimezone().isoformat(timespec="milliseconds")


def _trace(error: BaseException) -> list[str]:
    import traceback

    text = mask_text("".join(traceback.format_exception(error)))
    return [f"  {plain(line)}" for line in text.rstrip("\n").split("\n")]
