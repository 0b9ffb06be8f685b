"""What commands print: tables, JSON, and times."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from woflo.kernel.masking import MASK, mask, mask_text, masked
from woflo.kernel.texts import seconds, spelled_out

if TYPE_CHECKING:
    from woflo.stores.rows import Row

__all__ = [
    "as_json",
    "call_of",
    "counted",
    "duration",
    "error_line",
    "keep_stdout",
    "print_json",
    "print_table",
    "styled",
    "time_of",
    "utc",
]

_COLOURS = {
    "SUCCEEDED": typer.colors.GREEN,
    "SKIPPED": typer.colors.GREEN,
    "RUNNING": typer.colors.CYAN,
    "RETRYING": typer.colors.YELLOW,
    "WAITING": typer.colors.YELLOW,
    "FAILED": typer.colors.RED,
    "UPSTREAM_FAILED": typer.colors.RED,
    "STOPPED": typer.colors.MAGENTA,
}
GAP = "  "
LEAST = 30
"""Characters that the last column of a table has at least; where there are less, it stands below the others."""
BELOW = "    "


def styled(state: str, shown: str | None = None) -> str:
    """A state in its colour, which is left out where nobody looks at a terminal."""
    text = shown or state
    return text if os.environ.get("NO_COLOR") else typer.style(text, fg=_COLOURS.get(state))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns beside each other; the last takes what is left of the line, and is cut there on a terminal.

    Where next to nothing is left, it stands below.
    """
    cells = [list(columns), *([spelled_out(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    if sys.stdout.isatty():
        wide = shutil.get_terminal_size().columns
        left = wide - sum(widths[:-1]) - len(GAP) * (len(widths) - 1)
        if left < min(LEAST, widths[-1]):
            _print_with_last_below(cells, widths, wide)
            return
        widths[-1] = min(widths[-1], left)
    for row in cells:
        _print_row(row, widths)


def _print_with_last_below(cells: list[list[str]], widths: list[int], wide: int) -> None:
    for number, (*row, last) in enumerate(cells):
        _print_row(row, widths[:-1])
        if last and number:
            typer.echo(f"{BELOW}{_fitted(last, wide - len(BELOW)).rstrip()}")


def _print_row(row: list[str], widths: list[int]) -> None:
    padded = [_fitted(cell, width) for cell, width in zip(row, widths, strict=True)]
    padded[-1] = padded[-1].rstrip()
    typer.echo(GAP.join(styled(cell.strip(), cell) for cell in padded).rstrip())


def _fitted(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else f"{cell[: width - 1]}…"


DEEPEST = 100
"""Levels of a value that are told as JSON, where not all of it can be: one that has itself inside has no end."""
_stdout: int | None = None
"""The descriptor of what was stdout, where that is kept for JSON."""


def keep_stdout() -> None:
    """From now on stdout is for `print_json` alone.

    What anything else prints there, such as code of a user and what that has started, goes to stderr.
    """
    global _stdout
    if _stdout is None and sys.stdout is not None:
        sys.stdout.flush()
        _stdout = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def print_json(value: Any) -> None:
    """For programs: the same on a terminal and in a pipe, and in ASCII, so that nothing moves the cursor."""
    text = _json(value) + "\n"
    if _stdout is None:
        typer.echo(text, nl=False)
        return
    with open(_stdout, "w", encoding="ascii", closefd=False) as file:
        file.write(text)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, indent=2, allow_nan=False, default=_spelled)
    except (ValueError, TypeError, RecursionError):
        return json.dumps(_in_json(value), indent=2, default=_spelled)


def _spelled(value: Any) -> str:
    """What a task returned, and JSON does not know."""
    return spelled_out(repr(value))


def _in_json(value: Any, depth: int = 0) -> Any:
    """As far as JSON has it: other numbers are null, other keys are texts, and what is too deep is told as `…`."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth == DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {_key(key): _in_json(item, depth + 1) for key, item in value.items()}
    return [_in_json(item, depth + 1) for item in value]


def _key(key: Any) -> Any:
    return key if isinstance(key, str | int | float | None) else _spelled(key)


def time_of(at: float | None) -> str:
    """A time as people here have it; empty for none."""
    return "" if at is None else datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(row: Row, now: float) -> str:
    """How long the run has taken, up to now where it has not ended; empty where it has not begun."""
    if row.started_at is None:
        return ""
    return seconds((row.finished_at or now) - row.started_at)


def call_of(row: Row, limit: int = 200) -> str:
    """The call with its arguments, secrets hidden."""
    given = _loaded(row.args)
    told = ", ".join(
        f"{name}={json.dumps(mask(name, value), ensure_ascii=False)}"
        for name, value in (given.items() if isinstance(given, Mapping) else [("…", row.args)])
    )
    text = f"{row.task}({told})"
    return text if len(text) <= limit else f"{text[:limit]}…"


def error_line(error: str | None) -> str:
    """What a stored error says, in a line; empty for none."""
    parts = _loaded(error)
    if not isinstance(parts, dict):
        return ""
    name = str(parts.get("type", "")).rpartition(":")[2]
    return mask_text(f"{name}: {parts.get('message', '')}").splitlines()[0]


def _masked_texts(value: Any) -> Any:
    """A stored error as it is, but for secrets in its texts."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {name: MASK if mask(name, "") == MASK else _masked_texts(item) for name, item in value.items()}
    return [_masked_texts(item) for item in value] if isinstance(value, list) else value


def as_json(row: Row, tags: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A run for programs: times in UTC by ISO 8601, values as they are stored, secrets hidden."""
    told = {
        "id": row.id,
        "task": row.task,
        "state": row.state.value,
        "reason": row.reason,
        "queue": row.queue,
        "parent": row.parent_id,
        "key": row.key,
        "continues": row.continues,
        "args": masked("", _loaded(row.args)),
        "result": masked("", _loaded(row.result)),
        "error": _masked_texts(_loaded(row.error)),
        "attempt": row.attempt,
        "deaths": row.deaths,
        "worker": row.worker,
        "stop_requested": row.stop_requested,
        "run_after": utc(row.run_after),
        "created_at": utc(row.created_at),
        "started_at": utc(row.started_at),
        "finished_at": utc(row.finished_at),
    }
    return told if tags is None else told | {"tags": dict(tags)}


def _loaded(text: str | None) -> Any:
    """What a value in a row says; a text that is no JSON stands for itself."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text


def counted(number: int, noun: str) -> str:
    """As `1 run` and `2 runs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def utc(at: float | None) -> str | None:
    """A time as programs have it."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
