"""`Worker`: a process that executes what others have called."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from woflo.durable.choice import current_store, opened
from woflo.durable.engine import Engine, engine_of
from woflo.durable.retention import Retention, ages, in_file
from woflo.durable.serving import Serving
from woflo.durable.unserved import LOOK, Unserved
from woflo.errors import OptionError
from woflo.kernel import runtime
from woflo.kernel.options import checked_text, whole_number
from woflo.kernel.providing import Resources, check_provided, use_resources
from woflo.kernel.registry import load_runner
from woflo.stores.rows import DEFAULT_QUEUE

if TYPE_CHECKING:
    from typing import Self

    from woflo.kernel.run import BaseTaskRun
    from woflo.kernel.task import Task
    from woflo.stores.contract import Store

__all__ = ["Worker"]


class Worker:
    """Claims calls of these tasks from the store, and executes them in this process.

    `run()` works until somebody calls `stop()`; as a context manager it works beside the block. What it holds when
    it is stopped is finished first; what it cannot finish goes back to the queue.
    """

    def __init__(
        self,
        tasks: Iterable[Task[..., Any]],
        store: str | Store | None = None,
        *,
        queues: Iterable[str] = (DEFAULT_QUEUE,),
        concurrency: int = 16,
        limits: Mapping[str, int] | None = None,
        runner: str | type[BaseTaskRun[Any]] | None = None,
        resources: Iterable[Any] = (),
        retention: Mapping[str, str | float] | None = None,
    ) -> None:
        """What it serves, and how.

        Arguments:
            tasks: the tasks and workflows that it serves; others stay queued for workers that know them.
            store: its URL or object; that of this process by default.
            queues: whose calls it takes.
            concurrency: how many plain calls execute at once.
            limits: how many runs of a task execute at once, by its name; where it has no room, its calls stay queued.
            runner: executes plain tasks, for example "multiprocess" to isolate them; by default the one that a task
                names, and of the others those that are coroutines on the event loop, the rest in threads.
            resources: objects for the parameters of tasks that have the default `inject()`, provided by this process
                as long as the worker works; see `use_resources`.
            retention: how long runs are kept after their end, by the state in which they ended: {"SUCCEEDED": "30d"}.
                By default what the table `[retention]` of `woflo.toml` says; else all are kept.

        Raises `OptionError` for what cannot be meant, `UnknownNameError` for an unknown runner.

        """
        if isinstance(queues, str):
            raise OptionError(f"queues={queues!r} must be a list of names: queues=[{queues!r}]")
        queues = [checked_text("queue", queue) for queue in queues]
        if runner is not None:
            load_runner(runner)
        self.store: Store = current_store() if store is None else opened(store)
        self.engine: Engine = engine_of(self.store)
        most = whole_number("concurrency", concurrency, least=1)
        self.serving: Serving = Serving(self.engine, tasks, queues, most, runner, limits)
        self.unserved: Unserved = Unserved(self.store, self.serving)
        self.retention: Retention = Retention(self.store, in_file() if retention is None else ages(retention))
        self._resources = tuple(resources)
        self._provided: Resources | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to work, in threads of its own.

        Raises `MissingResourceError` where a task has something injected that nobody provides, and `SettingsError` for
        settings that are not valid.
        """
        self._provided = use_resources(*self._resources)
        try:
            check_provided(self.serving.tasks.values())
            self.engine.serve(self.serving)
        except BaseException:
            self._provided.end()
            raise

    def run(self) -> None:
        """Work until `stop()` is called, from another thread or a signal handler.

        Interrupted by an exception, as by Ctrl-C, it gives back what has not ended, after a few seconds for the steps
        of workflows: it is then none of the workers of the store any more.
        """
        self.start()
        try:
            while not self._stopped.wait(LOOK):
                self.unserved.look()
                self.retention.look()
        except BaseException:
            self.leave(runtime.EXIT_GRACE)
            raise
        self.drain()

    def stop(self) -> None:
        """Claim nothing more, and let `run` return when all that is under way has ended."""
        self._stopped.set()

    def drain(self, timeout: float | None = None) -> bool:
        """Claim nothing more, and wait until what is under way has ended; False where `timeout` seconds pass first."""
        done = threading.Event()
        self.serving.drain(done.set)
        if not done.wait(timeout):
            return False
        self.engine.serve(None)
        self.serving.threads.end()
        self.serving.logs.end()
        if self._provided is not None:
            self._provided.end()
        return True

    def leave(self, grace: float = 0.0) -> None:
        """Give back what has not ended, after `grace` seconds for the steps of workflows.

        It is the last that this process does with its store. Threads under way go on, and what they return is not kept.
        """
        self.serving.logs.end()
        self.engine.close(grace)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drain()
