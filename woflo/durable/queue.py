"""Calls that wait in a store for a worker."""

from __future__ import annotations

from typing import TypeVar

from woflo.durable.stored import StoredTaskRun

__all__ = ["QueueTaskRun"]

R = TypeVar("R")


class QueueTaskRun(StoredTaskRun[R]):
    """Kept in the store, and executed by a worker that serves its task and its queue."""
