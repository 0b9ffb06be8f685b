"""Which runner steps get that name none: the pool, as large as the job allows, and heard where somebody listens."""

from __future__ import annotations

from typing import Any

from woflo.kernel import bus
from woflo.kernel.registry import load_runner
from woflo.runners.machine import usable_cpus

__all__ = ["runner_for"]

_made: dict[tuple[Any, int | None, bool], Any] = {}
"""Pools are kept: the next run of a job finds their workers warm."""


def runner_for(name: str | None, max_concurrency: int | None) -> Any:
    """The class. What steps print is captured where there are observers, and else goes where all else goes."""
    plain: Any = load_runner(name or "pool")
    if plain.traits.durable:
        return plain
    workers = max_concurrency if name is None and max_concurrency and max_concurrency > usable_cpus() else None
    captures = bool(bus.listeners)
    if workers is None and not captures:
        return plain
    key = (plain, workers, captures)
    if key not in _made:
        settings: dict[str, Any] = {"capture_output": captures} if captures else {}
        if workers is not None:
            settings["max_concurrency"] = workers
        _made[key] = plain.configured(**settings)
    return _made[key]
