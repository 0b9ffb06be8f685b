"""Every task executes where it is called, whatever runner it names: for tests, debuggers and profilers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from woflo.kernel.context import current_attempt
from woflo.kernel.registry import load_runner
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.task import Task

__all__ = ["inline"]


@contextmanager
def inline() -> Iterator[None]:
    """Until the block ends, calls of tasks in this process have ended when they return; a failure is in the handle.

    A coroutine that is called on a running event loop executes there. What is kept in a store goes its own way:
    workflows, manual steps, and calls for a queue. A `timeout` cannot end code that executes in the calling thread: it
    is told when the code has ended.
    """
    call, runner = Task.__call__, Task.runner
    Task.__call__ = _call  # type: ignore[method-assign]
    Task.runner = property(_inline_runner)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Task.__call__, Task.runner = call, runner  # type: ignore[method-assign]


def _call(task: Task[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    check = task.body.check_call
    if check is not None:
        check(task.body, args, kwargs)
    caller = current_attempt.get()
    if caller is not None and caller.recorder is not None:
        return caller.recorder.call(task, args, kwargs)
    run = task.runner(task, args, kwargs)
    run._begin()
    return run


def _inline_runner(task: Task[..., Any]) -> type[BaseTaskRun[Any]]:
    named = task.options.runner
    if named is not None:
        kind = load_runner(named)
        if kind.traits.durable:
            return kind
    return load_runner("async" if task.body.is_async and _is_on_loop() else "sequential")


def _is_on_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None
