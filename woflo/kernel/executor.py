"""A `concurrent.futures.Executor` over any runner, for code that expects one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor as BaseExecutor
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from woflo.kernel.body import Body
from woflo.kernel.options import Options
from woflo.kernel.registry import load_runner
from woflo.kernel.state import RunState
from woflo.kernel.task import Task

if TYPE_CHECKING:
    from woflo.kernel.run import BaseTaskRun

__all__ = ["Executor"]

_MOST_TASKS = 128
P = ParamSpec("P")
T = TypeVar("T")


class Executor(BaseExecutor):
    """Submit calls to a woflo runner through the standard library's interface.

    `runner` is a runner class or its name. `max_workers` bounds the calls at once; the runner's own limit
    by default. Raises `OptionError` for a number of workers that cannot be meant.
    """

    def __init__(self, runner: str | type[BaseTaskRun[Any]] = "multiprocess", max_workers: int | None = None) -> None:
        kind = load_runner(runner)
        self._options = Options(runner=kind if max_workers is None else kind.configured(max_concurrency=max_workers))
        self._tasks: dict[Any, Task[..., Any]] = {}
        self._open: set[_RunFuture[Any]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As `concurrent.futures.Executor.submit`. Raises `RuntimeError` after `shutdown`."""
        future: _RunFuture[T] = _RunFuture()
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot submit a call after shutdown")
            self._open.add(future)
        try:
            run = future._run = self._task_of(fn)(*args, **kwargs)
        except BaseException:
            with self._lock:
                self._open.discard(future)
            raise
        run.add_done_callback(lambda ended: self._ended(ended, future))
        return future

    def _task_of(self, fn: Callable[..., T]) -> Task[..., T]:
        """The same task for the same function, so that a pool need not be sent its code again."""
        try:
            known = self._tasks.get(fn)
        except TypeError:  # not hashable
            return Task(Body(fn), self._options)
        if known is None:
            if len(self._tasks) >= _MOST_TASKS:
                self._tasks.clear()
            known = self._tasks[fn] = Task(Body(fn), self._options)
        return known

    def _ended(self, run: BaseTaskRun[Any], future: _RunFuture[Any]) -> None:
        if not future.cancelled() and future.set_running_or_notify_cancel():
            error = run.exception()
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(run.get_result())
        with self._lock:
            self._open.discard(future)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; with `cancel_futures` cancel those that have not started; wait for the rest."""
        with self._lock:
            self._closed = True
            futures = list(self._open)
        if cancel_futures:
            for future in futures:
                future.cancel()
        if wait:
            wait_for_futures(futures)


class _RunFuture(Future[T]):
    """A future that stops its run when it is cancelled before the start."""

    _run: BaseTaskRun[T] | None = None

    def cancel(self) -> bool:
        run = self._run
        if self.cancelled():
            return True
        if run is None or run.state is not RunState.PENDING or not super().cancel():
            return False
        self.set_running_or_notify_cancel()
        run._ask_to_stop(0.0)
        return True

    def running(self) -> bool:
        return self._run is not None and self._run.state is RunState.RUNNING
