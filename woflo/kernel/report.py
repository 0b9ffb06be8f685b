"""What an attempt says, in the process that made the call: its messages become events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from woflo.kernel import bus

if TYPE_CHECKING:
    from woflo.kernel.events import Event
    from woflo.kernel.ports import Speaker

__all__ = ["report"]


def report(run: Speaker, kind: str, data: Any) -> None:
    """Tell observers what an attempt of `run` says.

    Kinds: "progress": (done, total, message); "output": (stream, text), and True where a file
    has it; "log": (logger, level, message);
    "heartbeat": (value as JSON,), which is told to the run.
    """
    if kind == "heartbeat":
        run._beat(*data)
    elif bus.wanted():
        bus.emit(_event(run, kind, data))


def _event(run: Speaker, kind: str, data: Any) -> Event:
    from woflo.kernel.events import LogRecorded, OutputWritten, ProgressMade

    who: dict[str, Any] = {"run_id": bus.stands_for.get(run.id, run.id), "task": run.task.name}
    if kind == "progress":
        done, total, message = data
        return ProgressMade(**who, done=done, total=total, message=message)
    if kind == "output":
        stream, text, *kept = data
        return OutputWritten(**who, stream=stream, text=text, is_kept=any(kept))
    logger, level, message = data
    return LogRecorded(**who, logger=logger, level=level, message=message)
