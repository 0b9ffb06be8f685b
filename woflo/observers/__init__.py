"""Who is told of what happens: progress, log files, events as JSON lines, notifications, spans.

    chosen                            those that are named in texts and files
    tally                             how many runs there are, how they ended, which are under way
    progress/                         on the screen
        display, lines                what it is drawn on, and a line per change where nothing can be drawn
        terminal, streams, bars       bars below what is printed
        notebook                      in a cell
    logs, jsonl                       in files
    notify                            to people
    spans                             to OpenTelemetry

Each is handed to `woflo.subscribe`, by its name or as an object. How events get there is the kernel's
(`kernel/subscription.py`). Nothing here is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from woflo.observers.jsonl import JSONLines
    from woflo.observers.logs import LogFiles
    from woflo.observers.notify import Notify
    from woflo.observers.progress import Progress
    from woflo.observers.spans import Spans

__all__ = ["JSONLines", "LogFiles", "Notify", "Progress", "Spans"]

_ON_FIRST_USE = {
    "JSONLines": "jsonl",
    "LogFiles": "logs",
    "Notify": "notify",
    "Progress": "progress",
    "Spans": "spans",
}


def __getattr__(name: str) -> Any:
    module = _ON_FIRST_USE.get(name)
    if module is None:
        raise AttributeError(f"module 'woflo.observers' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"woflo.observers.{module}"), name)
    return value
