"""Where attempts execute. Each runner is imported when it is first named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from woflo.kernel.run import BaseTaskRun
from woflo.kernel.traits import Traits

if TYPE_CHECKING:
    from woflo.runners.asynchronous import AsyncTaskRun
    from woflo.runners.multiprocess import MultiprocessTaskRun
    from woflo.runners.pool import PoolTaskRun
    from woflo.runners.sequential import SequentialTaskRun
    from woflo.runners.thread import ThreadTaskRun

__all__ = [
    "AsyncTaskRun",
    "BaseTaskRun",
    "MultiprocessTaskRun",
    "PoolTaskRun",
    "SequentialTaskRun",
    "ThreadTaskRun",
    "Traits",
]

_ON_FIRST_USE = {
    "AsyncTaskRun": "asynchronous",
    "MultiprocessTaskRun": "multiprocess",
    "PoolTaskRun": "pool",
    "SequentialTaskRun": "sequential",
    "ThreadTaskRun": "thread",
}


def __getattr__(name: str) -> Any:
    module = _ON_FIRST_USE.get(name)
    if module is None:
        raise AttributeError(f"module 'woflo.runners' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"woflo.runners.{module}"), name)
    return value
