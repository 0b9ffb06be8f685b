"""The channel of an attempt in its own process: its messages become events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from woflo.kernel import bus

if TYPE_CHECKING:
    from woflo.kernel.events import Event
    from woflo.kernel.lifecycle import Lifecycle

__all__ = ["ReportChannel"]


class ReportChannel:
    """Turns the messages of one run's attempts into events. Isolated runners feed it what arrives."""

    __slots__ = ("_run",)

    def __init__(self, run: Lifecycle) -> None:
        self._run = run

    def send(self, kind: str, data: Any) -> None:
        """Kinds: "progress": (done, total, message); "output": (stream, text); "log": (logger, level, message)."""
        if bus.wanted():
            bus.emit(_event(self._run, kind, data))


def _event(run: Lifecycle, kind: str, data: Any) -> Event:
    from woflo.kernel.events import LogRecorded, OutputWritten, ProgressMade

    who: dict[str, Any] = {"run_id": run.id, "task": run.task.name}
    if kind == "progress":
        done, total, message = data
        return ProgressMade(**who, done=done, total=total, message=message)
    if kind == "output":
        stream, text = data
        return OutputWritten(**who, stream=stream, text=text)
    logger, level, message = data
    return LogRecorded(**who, logger=logger, level=level, message=message)
