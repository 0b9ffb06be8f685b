"""The row of a call, as the options of its task have it; and the task as that row has it, where it executes.

Whoever executes a stored call finds the task by its name, and with it the options of its definition. What
`with_options` gave to the call alone stands in the row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from woflo.errors import OptionError, TaskTimeoutError
from woflo.kernel import tracing
from woflo.kernel.context import current_attempt
from woflo.kernel.digest import digest
from woflo.kernel.task import Task
from woflo.stores.rows import DEFAULT_QUEUE, Row, Tag

__all__ = ["TRACE", "as_called", "called", "deadline_of", "deadline_passed", "given_with", "tags_of"]

TRACE = "traceparent"
"""The tag that a call has which is traced: its span, as W3C Trace Context writes it."""
_TRAVEL = frozenset(
    (
        *("retries", "retry_sleep_time", "timeout", "deadline", "on_crash"),
        *("on_failure", "max_calls", "heartbeat_timeout"),
    )
)
"""What whoever executes the call has to know."""
_STAY = frozenset(("name", "runner", "after", "key", "queue", "limit_key", "priority", "delay", "tags", "force"))
"""What the caller or the row itself keeps to."""


def called(row: Row, task: Task[..., Any], args: str, now: float) -> Row:
    """The row of a call of `task` with these arguments (JSON); `row` has its id and place. Raises as `given_with`."""
    options = task.options
    return row.changed(
        task=task.name,
        args=args,
        digest=row.digest or digest(args),
        key=options.key,
        queue=options.queue or DEFAULT_QUEUE,
        limit_key=options.limit_key,
        priority=options.priority,
        run_after=None if options.delay is None else now + options.delay,
        options=given_with(task),
        created_at=now,
    )


def given_with(task: Task[..., Any]) -> str | None:
    """The options that travel with a call. Raises `OptionError` for one that whoever executes it could not know."""
    if not task.given:
        return None
    given = {name: value for name, value in task.given.items() if name not in _STAY}
    if isinstance(given.get("on_failure"), Task):
        given["on_failure"] = given["on_failure"].name
    for name, value in given.items():
        if name not in _TRAVEL or callable(value):
            raise OptionError(
                f"{name}={value!r} was given to a call of {task.name} that is kept in a store, and whoever executes it "
                f"would not know of it; give it to the task where it is defined"
            )
    return json.dumps(given, separators=(",", ":")) if given else None


def tags_of(run_id: str, task: Task[..., Any]) -> tuple[Tag, ...]:
    """What the run of this call is found by."""
    tags = task.options.tags
    if tracing.carrier is not None:
        tags = {**_trace_as_tag(run_id), **(tags or {})}
    return tuple(Tag(run_id, name, value) for name, value in tags.items()) if tags else ()


def _trace_as_tag(run_id: str) -> dict[str, str]:
    """The span of the run, or of the code that calls it: for whoever executes it in another process."""
    attempt = current_attempt.get()
    trace = tracing.trace_of(run_id) or (None if attempt is None else attempt.trace)
    return {} if trace is None else {TRACE: trace}


def as_called(task: Task[..., Any], row: Row) -> Task[..., Any]:
    """The task with the options of this call."""
    if row.options is None:
        return task
    given: Mapping[str, Any] = json.loads(row.options)
    return task.with_options(**{name: value for name, value in given.items() if name in _TRAVEL})


def deadline_of(task: Task[..., Any], row: Row) -> float | None:
    """Until when the run has to end, in seconds since the epoch."""
    return None if task.options.deadline is None else row.created_at + task.options.deadline


def deadline_passed(task: Task[..., Any]) -> TaskTimeoutError:
    """What a run fails with that did not end in time."""
    return TaskTimeoutError(f"{task.name} did not end within its deadline of {task.options.deadline:g} s")
