"""A `concurrent.futures.Executor` over any runner, for code that expects one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor as BaseExecutor
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from functools import partial
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
    by default. Raises `OptionError` for a number of workers that cannot be meant. With `max_workers` the runner
    is this executor's own, and its workers end after `shutdown`; those of a shared runner go on.
    """

    def __init__(self, runner: str | type[BaseTaskRun[Any]] = "multiprocess", max_workers: int | None = None) -> None:
        kind = load_runner(runner)
        own = None if max_workers is None else kind.configured(max_concurrency=max_workers)
        self._options = Options(runner=own or kind)
        self._end_workers: Callable[[bool], object] | None = getattr(own, "shutdown", None)
        """Where the runner is this executor's own and keeps workers: ends them, after their calls where given True."""
        self._tasks: dict[Any, Task[..., Any]] = {}
        self._open: set[_RunFuture[Any]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As `concurrent.futures.Executor.submit`: a class is called for an instance, also where it has a `run` method.

        Raises `RuntimeError` after `shutdown`.
        """
        future: _RunFuture[T] = _RunFuture()
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot submit a call after shutdown")
            self._open.add(future)
        try:
            run = future._run = self._task_of(fn)(*args, **kwargs)
        except BaseException:
            self._forget(future)
            raise
        run.add_done_callback(lambda ended: self._ended(ended, future))
        return future

    def _task_of(self, fn: Callable[..., T]) -> Task[..., T]:
        """The same task for the same function, so that a pool need not be sent its code again."""
        try:
            known = self._tasks.get(fn)
        except TypeError:  # not hashable
            return self._new_task(fn)
        if known is None:
            if len(self._tasks) >= _MOST_TASKS:
                self._tasks.clear()
            known = self._tasks[fn] = self._new_task(fn)
        return known

    def _new_task(self, fn: Callable[..., T]) -> Task[..., T]:
        return Task(Body(partial(fn) if isinstance(fn, type) else fn), self._options)

    def _ended(self, run: BaseTaskRun[Any], future: _RunFuture[Any]) -> None:
        if not future.cancelled() and future.set_running_or_notify_cancel():
            error = run.exception()
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(run.get_result())
        self._forget(future)

    def _forget(self, future: _RunFuture[Any]) -> None:
        with self._lock:
            self._open.discard(future)
            was_last = self._closed and not self._open
        if was_last and self._end_workers is not None:
            self._end_workers(False)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; with `cancel_futures` cancel those that have not started; wait for the rest.

        Workers that are this executor's own end after their last call, where `wait` is False too.
        """
        with self._lock:
            self._closed = True
            futures = list(self._open)
        if cancel_futures:
            for future in futures:
                future.cancel()
        if wait:
            wait_for_futures(futures)
        if self._end_workers is not None and (wait or not futures):
            self._end_workers(wait)


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
