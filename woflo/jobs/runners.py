"""Which runner steps get that name none: the pool, as large as the job allows, and heard where somebody listens."""

from __future__ import annotations

from typing import Any

from woflo.kernel import bus
from woflo.runners.machine import usable_cpus
from woflo.runners.pool import PoolTaskRun

__all__ = ["runner_for"]

_made: dict[tuple[int | None, bool], Any] = {}
"""Pools are kept: the next run of a job finds their workers warm."""


def runner_for(max_concurrency: int | None) -> Any:
    """The class. What steps print is captured where there are observers, and else goes where all else goes."""
    workers = max_concurrency if max_concurrency and max_concurrency > usable_cpus() else None
    captures = bool(bus.listeners)
    if workers is None and not captures:
        return PoolTaskRun
    if (workers, captures) not in _made:
        settings: dict[str, Any] = {"capture_output": captures} if captures else {}
        if workers is not None:
            settings["max_concurrency"] = workers
        _made[workers, captures] = PoolTaskRun.configured(**settings)
    return _made[workers, captures]
