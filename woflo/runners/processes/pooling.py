"""A pool: warm workers, one queue, and who gets which call when.

    calling thread ──► queue ──► an idle worker, at once           (one after another: no detour)
                         └─────► a busy worker, by the reactor,    (many at once: batches, as long as
                                 when its outcomes come in          the calls are short)

Calls are sent ahead only while they are short. Those behind a long one are recalled: a worker gives back what
it has not begun, and another takes it. A worker's slot tells which call is under way, so when a worker dies,
that call alone has failed; the others go to the next worker.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from woflo.errors import LaunchError, PoolClosedError, TaskStoppedError, WofloError
from woflo.kernel import providing, runtime, tracing
from woflo.kernel.outcome import Outcome
from woflo.runners.processes import shipping, wire
from woflo.runners.processes.calls import CALL_HEAD, plain_head
from woflo.runners.processes.code import Codes
from woflo.runners.processes.launching import check_system
from woflo.runners.processes.packed import packing_error
from woflo.runners.processes.pooled import PooledWorker
from woflo.runners.processes.rows import Rows
from woflo.runners.processes.sharing import Shared
from woflo.runners.processes.worker import WorkerRole

if TYPE_CHECKING:
    from woflo.kernel.body import Body
    from woflo.runners.pool import PoolTaskRun

__all__ = ["Pool"]

Run = Any
"""A `PoolTaskRun`: a call as the pool holds it."""

PAUSE = 1.0
"""Seconds until another worker is started where one could not be, and others serve."""
_LONGEST_START = 10.0
SHORT = 0.002
"""Seconds up to which a call counts as short: only such are sent ahead of their turn."""
BATCH_SECONDS = 0.005
BATCH_MOST = 1024
RECALL_AFTER = 0.01
"""Seconds after which calls that wait behind the same long one are given to others."""


class Pool:
    """The workers of one runner class in this process."""

    def __init__(self, runner: type[PoolTaskRun[Any]], here: runtime.Runtime) -> None:
        check_system()
        self.runner = runner
        self.runtime = here
        self.lock: Any = threading.RLock()
        """Guards the queue, the workers' lists, and every write to a worker's socket."""
        self.queue: deque[Run] = deque()
        self.workers: list[PooledWorker] = []
        self.codes: Codes = Codes()
        self.size: int = runner.pool_size()
        self.average: float = 0.0
        """Seconds that a call took lately; 0 where none has ended yet."""
        self._starting = 0
        self._leaving = 0
        """How many of the workers are outdated."""
        self._start_again_at = 0.0
        """The monotonic time before which, as long as others serve, none is started: the last start has failed."""
        self._hungry = True
        """False only while every worker that may be is busy: then a call need only be queued, without the lock.

        Set under the lock; whoever sets it to True looks at the queue afterwards, so that no call is left behind.
        """
        self._ticking = False
        self.closed: bool = False
        self.failed_starts: int = 0
        """Workers in a row that ended before their first call."""
        self._a_worker_started = threading.Event()
        here.preludes[self] = self._make_handles
        here.closers[self] = lambda: self.close(wait=False)

    # -- from any thread -------------------------------------------------------------------------------

    def submit(self, run: Run, announce: bool) -> None:
        """Take a call. Raises `SerializationError` where its code or arguments cannot be packed."""
        self._pack(run, announce)
        self._take(run)

    def submit_plain(self, run: Run) -> None:
        """The same for a call whose arguments are plain and whose task has no options of its own."""
        body = run.task.body
        if body.injections is not None:
            self._check_injected(body, run._args, {})
        try:
            code = run._code = self.codes.get(body)
        except Exception as error:
            raise packing_error(error, run.task.name, body, run._args, {}) from error
        run._head, run._content = code.head, run._args
        self._take(run)

    def _take(self, run: Run) -> None:
        if self.closed:
            raise PoolClosedError(f"the pool of {self.runner.__name__} was shut down; its calls are not executed")
        self.queue.append(run)
        if self._hungry:
            with self.lock:
                self._serve_queue()
            if not runtime.STARTS_LATE and self._starting and not self.workers and not self.runtime.on_reactor():
                self._a_worker_started.wait(_LONGEST_START)

    def _pack(self, run: Run, announce: bool) -> None:
        """Put on the run what a worker is sent of it. It is kept until the outcome is there: it may be sent again."""
        task, args = run.task, run._args
        if task.body.injections is not None:
            self._check_injected(task.body, args, run._kwargs)
        try:
            trace = None if tracing.carrier is None else tracing.trace_of(run.id)
            is_bare = run.parent_id is None and run._heartbeat is None and trace is None and task.name == task.body.name
            if is_bare and not run._kwargs and shipping.are_plain(args):
                code = run._code = self.codes.get(task.body)
                run._head, run._content = plain_head(code.number, run.attempt, announce), args
                return
            code = run._code = self.codes.get(task.body)
            run._shared = [value for value in (*args, *run._kwargs.values()) if type(value) is Shared]
            parcel = shipping.dump((args, run._kwargs, task.name, run.parent_id, run._heartbeat, trace))
        except Exception as error:
            raise packing_error(error, task.name, task.body, args, run._kwargs) from error
        run._fd = parcel.fd
        head = CALL_HEAD.pack(code.number, run.attempt, announce)
        run._head, run._content = b"", wire.frame(wire.CALL, run._number, head + parcel.data, parcel.fd is not None)

    def _check_injected(self, body: Body, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise `MissingResourceError` where workers would not have what this process provides for the call."""
        if self.runner.process_type.ships and self.runner.initializer is None:
            providing.check_travels(body, args, kwargs)

    def rows_of(self, task: Any) -> Rows | None:
        """What launches a map of `task`; None where its code cannot be packed, which its calls will tell."""
        try:
            self._check_injected(task.body, (), {})
            return Rows(self, task)
        except Exception:
            return None

    def serve(self) -> None:
        """Have sent what was queued, as far as workers have room."""
        if self._hungry:
            with self.lock:
                self._serve_queue()

    def _serve_queue(self) -> None:
        """Give the next calls to idle workers, and start workers while there are too few. Under the lock."""
        self._hungry = True
        if self.runtime.in_a_hurry:
            return  # after Ctrl-C nothing begins any more
        for worker in self.workers:
            if not self.queue:
                return
            if worker.is_idle:
                self._refill(worker)
        self._start_workers()
        active = len(self.workers) - self._leaving
        self._hungry = active + self._starting < self.size or any(one.is_idle for one in self.workers)

    def _start_workers(self) -> None:
        """As many as may be and find something to do. Under the lock."""
        wanted = min(self.size - len(self.workers) + self._leaving, len(self.queue)) - self._starting
        if self.workers and time.monotonic() < self._start_again_at:
            wanted = 0
        for _ in range(wanted):
            self._starting += 1
            self.runtime.reactor.call(self._start_worker)

    def close(self, wait: bool = True) -> None:
        """Take no more calls, let those that were taken end, and end the workers."""
        with self.lock:
            self.closed = True
            runs = self._all_calls()
        if wait:
            for run in runs:
                run.handle()._await_end(None)
        self.runtime.preludes.pop(self, None)
        self.runtime.closers.pop(self, None)
        self.runtime.reactor.call(self._end_workers)

    def _all_calls(self) -> list[Run]:
        """Those under way, those that were sent and those that wait. Under the lock."""
        return [call for worker in self.workers for call in list(worker.calls.values())] + list(self.queue)

    def _make_handles(self) -> None:
        """At the end of the program, which waits for all handles: what a map has launched ahead is waited for too."""
        with self.lock:
            calls = self._all_calls()
        for call in calls:
            call.handle()

    # -- in the reactor's thread -----------------------------------------------------------------------

    def _start_worker(self) -> None:
        runner = self.runner
        try:
            role: Any = WorkerRole(self.runtime.prefix, runner.initializer, runner.initargs, runner.capture_output)
            if runner.process_type.ships:
                role = shipping.dump(role)
            worker = PooledWorker(self, runner.max_tasks_per_worker)
            worker.start(runner.process_type, role)
        except Exception as error:
            with self.lock:
                self._starting -= 1
                self._start_again_at = time.monotonic() + PAUSE
                others_serve = bool(self.workers)
            self._a_worker_started.set()
            if others_serve:
                self.runtime.reactor.call_later(PAUSE, self._serve_again)
                return
            told = LaunchError(f"a worker of {runner.__name__} could not be started: {error}")
            told.__cause__ = error
            self._fail_queue(told)
            return
        with self.lock:
            self._starting -= 1
            self._a_worker_started.set()
            self.workers.append(worker)
            self._refill(worker)
            self._serve_queue()

    def _serve_again(self) -> None:
        with self.lock:
            self._serve_queue()

    def _fail_queue(self, error: WofloError) -> None:
        """No worker can be had: those that wait must not wait for ever."""
        with self.lock:
            if any(worker.has_served for worker in self.workers):
                self._serve_queue()
                return
            self.failed_starts = 0
            calls, self.queue = list(self.queue), deque()
        for call in calls:
            run = call.handle()
            run._put_away()
            run._finish(Outcome.failed(error))

    def _refill(self, worker: PooledWorker) -> None:
        """Send a worker its next calls: one, or, while calls are short, a batch. Under the lock."""
        if not self.queue or not worker.takes_calls or self.runtime.in_a_hurry:
            return
        window = self.window()
        open_calls = len(worker.calls)
        if open_calls and open_calls > window // 2:
            return
        share = -(-len(self.queue) // max(1, len(self.workers)))
        most = max(0 if open_calls else 1, min(window - open_calls, share))
        if most:
            calls = [self.queue.popleft() for _ in range(min(most, len(self.queue)))]
            worker.send(self._served_by(worker, calls) if self.codes.injects else calls)
            if len(worker.calls) > 1:
                self._tick_soon()

    def _served_by(self, worker: PooledWorker, calls: list[Run]) -> list[Run]:
        """The calls up to the first for which `worker` is too old; that waits for another one. Under the lock."""
        for at, call in enumerate(calls):
            if not worker.has_injected(call._code):
                self.queue.extendleft(reversed(calls[at:]))
                if not at and worker.is_idle:
                    self._replace(worker)
                return calls[:at]
        return calls

    def _replace(self, worker: PooledWorker) -> None:
        """End a worker that has not what is provided now, and start another one beside it. Under the lock."""
        worker.outdated = True
        self._leaving += 1
        self.runtime.reactor.call(worker.retire)
        self._start_workers()

    def window(self) -> int:
        """How many calls a worker may hold: one, where they are not short."""
        if not self.average or self.average > SHORT or self.runner.capture_output:
            return 1  # captured output must not be that of the next call
        return max(2, min(BATCH_MOST, int(BATCH_SECONDS / self.average)))

    def took(self, seconds: float) -> None:
        """A call ended after so long."""
        self.average = seconds if not self.average else self.average + (seconds - self.average) / 8

    def on_outcomes(self, worker: PooledWorker) -> None:
        """A worker has room again."""
        if self.queue or not worker.calls:
            with self.lock:
                self._refill(worker)
                self._hungry |= not worker.calls

    def give_back(self, calls: list[Run]) -> None:
        """Calls that a worker did not begin: to the front of the queue, or to their end if nobody wants them."""
        unwanted = [run for run in calls if run._unwanted]
        with self.lock:
            self.queue.extendleft(run for run in reversed(calls) if not run._unwanted)
            for worker in self.workers:
                if worker.is_idle:
                    self._refill(worker)
            self._serve_queue()
        for run in unwanted:
            self._drop(run)

    def _drop(self, call: Run) -> None:
        run = call.handle()
        run._put_away()
        run._finish(Outcome(None, TaskStoppedError(f"{run.task.name} was stopped"), interrupted=True))

    def end_call(self, run: Run) -> None:
        """Stop one call, wherever it is."""
        with self.lock:
            waiting = next((call for call in self.queue if call._number == run._number), None)
            if waiting is not None:
                self.queue.remove(waiting)
        if waiting is not None:
            self._drop(run)
            return
        for worker in self.workers:
            if run._number in worker.calls:
                worker.end_call(run._number)
                self._tick_soon()
                return

    def on_worker_exit(self, worker: PooledWorker, left: list[Run], error: WofloError | None) -> None:
        """A worker is gone; what it had not begun goes to others."""
        with self.lock:
            self.workers.remove(worker)
            self._leaving -= worker.outdated
            self._hungry = True
        if error is not None:
            self._fail_queue_with(left, error)
            return
        self.give_back(left)

    def _fail_queue_with(self, left: list[Run], error: WofloError) -> None:
        with self.lock:
            self.queue.extendleft(reversed(left))
        self._fail_queue(error)

    # -- calls behind a long one -----------------------------------------------------------------------

    def _tick_soon(self) -> None:
        if not self._ticking:
            self._ticking = True
            self.runtime.reactor.call_later(RECALL_AFTER, self._tick)

    def _tick(self) -> None:
        self._ticking = False
        for worker in list(self.workers):
            worker.look_at_progress()
        if any(worker.needs_looking_at for worker in self.workers):
            self._tick_soon()

    # -- the end ---------------------------------------------------------------------------------------

    def _end_workers(self) -> None:
        for worker in list(self.workers):
            worker.retire()
        with self.lock:
            left, self.queue = list(self.queue), deque()
        for run in left:  # came while the pool was being closed
            self._drop(run)
