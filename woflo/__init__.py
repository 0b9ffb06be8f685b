"""woflo: tasks for Python that run anywhere, wait for each other, and end well.

The house, from the top (imports point down only):

    cli/           the command `woflo`, one file for each of its commands
    testing/       conformance suites for runners and stores, a clock, crashes at any write
    jobs/          job files: read, checked, executed as workflows
    durable/       what survives: workflows, their journals, queues, workers
    observers/     progress, log files, JSON lines, notifications, spans; each imported when it is used
    scripts/       WHAT besides functions: commands, their files, and whether these are up to date
    stores/        where runs are kept: the contract; memory, folders, SQLite, PostgreSQL
    runners/       WHERE an attempt executes: sequential, thread, asynchronous, multiprocess, pool;
                   processes/ is what the last two stand on
    kernel/        the rules: task, run, state, retry, graph, limits, events, registry;
                   reactor is the one background thread
    errors.py      every exception, one root: WofloError
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from woflo.durable.batching import batch
    from woflo.durable.checking import check
    from woflo.durable.choice import use_store
    from woflo.durable.failing import FailedRun
    from woflo.durable.found import find_runs, get_run
    from woflo.durable.inside import continue_as, now, patched, random, sleep, sleep_until, uuid4, wait_signal
    from woflo.durable.manual import manual
    from woflo.durable.moving import move
    from woflo.durable.outside import complete, fork, published, restart, resume, send
    from woflo.durable.queues import (
        configure_queue,
        pause_queue,
        pause_schedule,
        queues,
        resume_queue,
        resume_schedule,
    )
    from woflo.durable.retention import prune
    from woflo.durable.uncertain import Happened
    from woflo.durable.worker import Worker
    from woflo.durable.workflow import workflow
    from woflo.errors import WofloError
    from woflo.jobs.job import Job
    from woflo.jobs.sharing import shared
    from woflo.kernel.context import CurrentRun, current_run, track
    from woflo.kernel.executor import Executor
    from woflo.kernel.graph import quote
    from woflo.kernel.group import gather
    from woflo.kernel.injecting import inject
    from woflo.kernel.providing import use_resources
    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.state import RunState
    from woflo.kernel.subscription import Subscription, subscribe
    from woflo.kernel.task import Task, task
    from woflo.kernel.waiting import as_completed, wait
    from woflo.scripts.files import protected, temporary
    from woflo.scripts.freshness import forcing
    from woflo.scripts.planning import dry_run
    from woflo.scripts.script import script, touch, why

__version__ = "1.0.0a1"

__all__ = [
    "BaseTaskRun",
    "CurrentRun",
    "Executor",
    "FailedRun",
    "Happened",
    "Job",
    "RunState",
    "Subscription",
    "Task",
    "WofloError",
    "Worker",
    "as_completed",
    "batch",
    "check",
    "complete",
    "configure_queue",
    "continue_as",
    "current_run",
    "dry_run",
    "find_runs",
    "forcing",
    "fork",
    "gather",
    "get_run",
    "inject",
    "manual",
    "move",
    "now",
    "patched",
    "pause_queue",
    "pause_schedule",
    "protected",
    "prune",
    "published",
    "queues",
    "quote",
    "random",
    "restart",
    "resume",
    "resume_queue",
    "resume_schedule",
    "script",
    "send",
    "shared",
    "sleep",
    "sleep_until",
    "subscribe",
    "task",
    "temporary",
    "touch",
    "track",
    "use_resources",
    "use_store",
    "uuid4",
    "wait",
    "wait_signal",
    "why",
    "workflow",
]

_ON_FIRST_USE = {
    "FailedRun": "woflo.durable.failing",
    "Happened": "woflo.durable.uncertain",
    "batch": "woflo.durable.batching",
    "configure_queue": "woflo.durable.queues",
    "pause_queue": "woflo.durable.queues",
    "pause_schedule": "woflo.durable.queues",
    "queues": "woflo.durable.queues",
    "resume_queue": "woflo.durable.queues",
    "resume_schedule": "woflo.durable.queues",
    "check": "woflo.durable.checking",
    "complete": "woflo.durable.outside",
    "continue_as": "woflo.durable.inside",
    "find_runs": "woflo.durable.found",
    "fork": "woflo.durable.outside",
    "get_run": "woflo.durable.found",
    "restart": "woflo.durable.outside",
    "manual": "woflo.durable.manual",
    "move": "woflo.durable.moving",
    "now": "woflo.durable.inside",
    "patched": "woflo.durable.inside",
    "prune": "woflo.durable.retention",
    "published": "woflo.durable.outside",
    "random": "woflo.durable.inside",
    "resume": "woflo.durable.outside",
    "send": "woflo.durable.outside",
    "sleep": "woflo.durable.inside",
    "sleep_until": "woflo.durable.inside",
    "use_store": "woflo.durable.choice",
    "uuid4": "woflo.durable.inside",
    "wait_signal": "woflo.durable.inside",
    "Worker": "woflo.durable.worker",
    "workflow": "woflo.durable.workflow",
    "Job": "woflo.jobs.job",
    "shared": "woflo.jobs.sharing",
    "BaseTaskRun": "woflo.kernel.run",
    "CurrentRun": "woflo.kernel.context",
    "Executor": "woflo.kernel.executor",
    "RunState": "woflo.kernel.state",
    "Subscription": "woflo.kernel.subscription",
    "Task": "woflo.kernel.task",
    "WofloError": "woflo.errors",
    "as_completed": "woflo.kernel.waiting",
    "current_run": "woflo.kernel.context",
    "gather": "woflo.kernel.group",
    "inject": "woflo.kernel.injecting",
    "quote": "woflo.kernel.graph",
    "subscribe": "woflo.kernel.subscription",
    "task": "woflo.kernel.task",
    "track": "woflo.kernel.context",
    "use_resources": "woflo.kernel.providing",
    "wait": "woflo.kernel.waiting",
    "dry_run": "woflo.scripts.planning",
    "forcing": "woflo.scripts.freshness",
    "protected": "woflo.scripts.files",
    "script": "woflo.scripts.script",
    "temporary": "woflo.scripts.files",
    "touch": "woflo.scripts.script",
    "why": "woflo.scripts.script",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: the command line needs few of them, and no program needs all."""
    module = _ON_FIRST_USE.get(name)
    if module is None:
        raise AttributeError(f"module 'woflo' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
