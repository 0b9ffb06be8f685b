"""A pool: warm workers, one queue, and who gets which call when.

    calling thread ──► queue ──► an idle worker, at once           (one after another: no detour)
                         └─────► a busy worker, by the reactor,    (many at once: batches, as long as
                                 when its outcomes come in          the calls are short)

Calls are sent ahead only while they are short. Those behind a long one are recalled: a worker gives back what
it has not begun, and another takes it. A worker's slot tells which call is under way, so when a worker dies,
that call alone has failed; the others go to the next worker.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from woflo.errors import LaunchError, PoolClosedError, TaskStoppedError, WofloError
from woflo.kernel import runtime
from woflo.kernel.outcome import Outcome
from woflo.runners.processes import shipping
from woflo.runners.processes.code import Code, Codes
from woflo.runners.processes.packed import packing_error
from woflo.runners.processes.pooled import PooledWorker
from woflo.runners.processes.supervisor import supervisor
from woflo.runners.processes.worker import CALL_HEAD, WorkerRole

if TYPE_CHECKING:
    from woflo.runners.pool import PoolTaskRun

__all__ = ["Pool", "PoolCall"]

SHORT = 0.002
"""Seconds up to which a call counts as short: only such are sent ahead of their turn."""
BATCH_SECONDS = 0.005
BATCH_MOST = 256
RECALL_AFTER = 0.01
"""Seconds after which calls that wait behind the same long one are given to others."""


class PoolCall:
    """A call as the pool holds it until its outcome is there: it may have to be sent again."""

    __slots__ = ("code", "data", "fd", "number", "run", "unwanted")

    def __init__(self, run: PoolTaskRun[Any], code: Code, data: bytes, fd: int | None) -> None:
        self.run = run
        self.number = run._number
        self.code = code
        self.data = data
        self.fd = fd
        self.unwanted = False
        """True once it is to be stopped."""

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


class Pool:
    """The workers of one runner class in this process."""

    def __init__(self, runner: type[PoolTaskRun[Any]], here: runtime.Runtime) -> None:
        self.runner = runner
        self.runtime = here
        self.lock = threading.RLock()
        """Guards the queue, the workers' lists, and every write to a worker's socket."""
        self.queue: deque[PoolCall] = deque()
        self.workers: list[PooledWorker] = []
        self.codes = Codes()
        self.size = runner.pool_size()
        self.average = 0.0
        """Seconds that a call took lately; 0 where none has ended yet."""
        self._starting = 0
        self._ticking = False
        self._closed = False

    # -- from any thread -------------------------------------------------------------------------------

    def submit(self, run: PoolTaskRun[Any], announce: bool) -> None:
        """Take a call. Raises `SerializationError` where its code or arguments cannot be packed."""
        call = self._packed(run, announce)
        with self.lock:
            if self._closed:
                raise PoolClosedError(f"the pool of {self.runner.__name__} was shut down; its calls are not executed")
            self.queue.append(call)
            if len(self.queue) == 1 or len(self.workers) + self._starting < self.size:
                self._serve_queue()

    def _packed(self, run: PoolTaskRun[Any], announce: bool) -> PoolCall:
        task = run.task
        parts = (run._args, run._kwargs, task.name, run.parent_id)
        try:
            with self.lock:
                code = self.codes.get(task.body)
            parcel = shipping.dump_call(parts)
        except Exception as error:
            raise packing_error(error, task.name, run._args, run._kwargs) from error
        head = CALL_HEAD.pack(code.number, run.attempt, announce)
        return PoolCall(run, code, head + parcel.data, parcel.fd)

    def _serve_queue(self) -> None:
        """Give the next calls to idle workers, and start workers while there are too few. Under the lock."""
        for worker in self.workers:
            if not self.queue:
                return
            if worker.is_idle:
                worker.send([self.queue.popleft()])
        wanted = min(self.size - len(self.workers), len(self.queue)) - self._starting
        for _ in range(wanted):
            self._starting += 1
            self.runtime.reactor.call(self._start_worker)

    def close(self, wait: bool = True) -> None:
        """Take no more calls, let those that were taken end, and end the workers."""
        with self.lock:
            self._closed = True
            runs = [call.run for worker in self.workers for call in worker.calls.values()]
            runs += [call.run for call in self.queue]
        if wait:
            for run in runs:
                run.wait()
        self.runtime.reactor.call(self._end_workers)

    # -- in the reactor's thread -----------------------------------------------------------------------

    def _start_worker(self) -> None:
        runner = self.runner
        try:
            role: Any = WorkerRole(self.runtime.prefix, runner.initializer, runner.initargs, runner.capture_output)
            if runner.process_type.ships:
                role = shipping.dump(role)
            worker = PooledWorker(self, runner.max_tasks_per_worker)
            worker.child = supervisor(self.runtime).start(runner.process_type, role, worker, self.lock)
        except Exception as error:
            with self.lock:
                self._starting -= 1
            told = LaunchError(f"a worker of {runner.__name__} could not be started: {error}")
            told.__cause__ = error
            self._fail_queue(told)
            return
        with self.lock:
            self._starting -= 1
            self.workers.append(worker)
            self._refill(worker)

    def _fail_queue(self, error: WofloError) -> None:
        """No worker can be had: those that wait must not wait for ever."""
        with self.lock:
            if self.workers:
                return
            calls, self.queue = list(self.queue), deque()
        for call in calls:
            call.close()
            call.run._finish(Outcome.failed(error))

    def _refill(self, worker: PooledWorker) -> None:
        """Send a worker its next calls: one, or, while calls are short, a batch. Under the lock."""
        if not self.queue or not worker.takes_calls:
            return
        window = self.window()
        open_calls = len(worker.calls)
        if open_calls and open_calls > window // 2:
            return
        share = -(-len(self.queue) // max(1, len(self.workers)))
        most = max(0 if open_calls else 1, min(window - open_calls, share))
        if most:
            worker.send([self.queue.popleft() for _ in range(min(most, len(self.queue)))])
            if len(worker.calls) > 1:
                self._tick_soon()

    def window(self) -> int:
        """How many calls a worker may hold: one, where they are not short."""
        if not self.average or self.average > SHORT:
            return 1
        return max(2, min(BATCH_MOST, int(BATCH_SECONDS / self.average)))

    def took(self, seconds: float) -> None:
        """A call ended after so long."""
        self.average = seconds if not self.average else self.average + (seconds - self.average) / 8

    def on_outcome(self, worker: PooledWorker) -> None:
        """A worker has room again."""
        if self.queue:
            with self.lock:
                self._refill(worker)

    def give_back(self, calls: list[PoolCall]) -> None:
        """Calls that a worker did not begin: to the front of the queue, or to their end if nobody wants them."""
        unwanted = [call for call in calls if call.unwanted]
        with self.lock:
            self.queue.extendleft(call for call in reversed(calls) if not call.unwanted)
            for worker in self.workers:
                if worker.is_idle:
                    self._refill(worker)
            self._serve_queue()
        for call in unwanted:
            self._drop(call)

    def _drop(self, call: PoolCall) -> None:
        call.close()
        call.run._finish(Outcome(None, TaskStoppedError(f"{call.run.task.name} was stopped"), interrupted=True))

    def end_call(self, run: PoolTaskRun[Any]) -> None:
        """Stop one call, wherever it is."""
        number = run._number
        with self.lock:
            waiting = next((call for call in self.queue if call.number == number), None)
            if waiting is not None:
                self.queue.remove(waiting)
        if waiting is not None:
            self._drop(waiting)
            return
        for worker in self.workers:
            if number in worker.calls:
                worker.end_call(number)
                self._tick_soon()
                return

    def on_worker_exit(self, worker: PooledWorker, left: list[PoolCall], error: WofloError | None) -> None:
        """A worker is gone; what it had not begun goes to others."""
        with self.lock:
            self.workers.remove(worker)
        if error is not None:
            self._fail_queue_with(left, error)
            return
        self.give_back(left)

    def _fail_queue_with(self, left: list[PoolCall], error: WofloError) -> None:
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

