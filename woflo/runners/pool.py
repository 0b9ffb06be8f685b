"""Warm worker processes, for many small calls."""

from __future__ import annotations

import os
import threading
from abc import ABCMeta
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from woflo.errors import OptionError
from woflo.kernel import bus, clock, runtime
from woflo.kernel.attempt import Attempt
from woflo.kernel.context import current_attempt
from woflo.kernel.lifecycle import NO_KWARGS
from woflo.kernel.outcome import Outcome
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.state import RunState
from woflo.kernel.traits import Traits
from woflo.runners.machine import usable_cpus
from woflo.runners.processes import loading
from woflo.runners.processes.crash import trim_trace
from woflo.runners.processes.launching import Launcher, default_process
from woflo.runners.processes.packed import Packed
from woflo.runners.processes.pooling import Pool
from woflo.runners.processes.rows import Row, Rows
from woflo.runners.processes.sharing import share
from woflo.runners.processes.shipping import are_plain
from woflo.runners.processes.worker import is_worker, plain_value

if TYPE_CHECKING:
    from woflo.kernel.task import Task

__all__ = ["PoolTaskRun"]

R = TypeVar("R")

_SUCCEEDED = RunState.SUCCEEDED


class _PoolMeta(ABCMeta):
    """Makes `with PoolTaskRun.configured(...) as Runner:` possible: the class is the pool's handle."""

    def __enter__(cls: Any) -> Any:
        return cls

    def __exit__(cls: Any, *exc: object) -> None:
        cls.shutdown()


class PoolTaskRun(BaseTaskRun[R], metaclass=_PoolMeta):
    """Executes attempts in worker processes that are started once and used for many calls.

    Settings: `max_concurrency` workers (as many as usable processors by default), their `process_type`,
    `initializer(*initargs)` called once in each, `max_tasks_per_worker` after which one is replaced. As a
    context manager the class ends its workers at the end of the block.
    """

    traits: ClassVar[Traits] = Traits(isolated=True, killable=True, pickles=True, queues=True)
    max_concurrency: ClassVar[int | None] = None
    process_type: ClassVar[type[Launcher]] = default_process()
    initializer: ClassVar[Callable[..., object] | None] = None
    initargs: ClassVar[tuple[Any, ...]] = ()
    max_tasks_per_worker: ClassVar[int | None] = None
    _settings = (
        "max_concurrency",
        "capture_output",
        "process_type",
        "initializer",
        "initargs",
        "max_tasks_per_worker",
    )
    attempt: int = 0
    parent_id: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    _where_text = ""
    _unwanted = False
    """True once it is to be stopped."""
    _code: Any = None
    _head = b""
    """What calls have in common whose arguments are plain, and which may share a frame; empty for all others."""
    _content: Any = b""
    """What a worker is sent of the call, with `_code` and, where its arguments are large, `_fd`: the frame, or where it
    has none of its own, the arguments. It may have to be sent again."""
    _fd: int | None = None
    _shared: Any = ()
    """Large values among the arguments that a worker is sent once."""

    @classmethod
    def _check_setting(cls, name: str, value: Any) -> None:
        if name == "process_type" and not (isinstance(value, type) and issubclass(value, Launcher)):
            raise OptionError(f"process_type={value!r} must be ForkProcess, SpawnProcess or ForkServerProcess")
        if name == "initializer" and value is not None and not callable(value):
            raise OptionError(f"initializer={value!r} must be something to call in each worker, or None")
        if name == "initargs" and not isinstance(value, tuple):
            raise OptionError(f"initargs={value!r} must be a tuple, the arguments of initializer")
        super()._check_setting(name, value)

    @classmethod
    def pool_size(cls) -> int:
        """How many workers there are at most. A pool inside a worker has one, however deep it is."""
        return 1 if is_worker() else cls.max_concurrency or usable_cpus()

    @classmethod
    def shutdown(cls, wait: bool = True) -> None:
        """Let the calls that were made end (where `wait`), then end the workers. The next call starts new ones."""
        pool: Pool | None = runtime.current.services.pop(cls, None)
        if pool is not None:
            pool.close(wait)

    @classmethod
    def map_ahead(cls) -> int:
        return max(1024, 64 * cls.pool_size())

    @classmethod
    def share(cls, value: Any) -> Any:
        return share(value)

    def _begin(self) -> None:
        """As ever, with a short cut for the many small calls that a pool is for."""
        if loading.loader:
            loading.refuse_call(self.task.name)
        pool: Pool | None = self._runtime.services.get(type(self))
        if (
            pool is None
            or not self.task.is_bare
            or self._kwargs
            or not are_plain(self._args)
            or self.parent_id is not None
            or self.capture_output
            or bus.wanted()
        ):
            BaseTaskRun._begin(self)
            return
        self._runtime.live.add(self)
        self.attempt, self._in_code, self._reported = 1, True, False
        try:
            pool.submit_plain(self)
        except Exception as error:
            self._finish(Outcome.failed(self._launch_error(error)))

    @classmethod
    def row_launcher(cls, task: Task[..., Any], constants: Mapping[str, Any]) -> Rows | None:
        pool: Pool | None = runtime.current.services.get(cls)
        is_usual = task.is_bare and not constants and not cls.capture_output
        if pool is None or not is_usual or bus.wanted() or current_attempt.get() is not None:
            return None
        return pool.rows_of(task)

    def handle(self) -> PoolTaskRun[R]:
        """Itself: where the pool holds calls, rows of a map may stand as well, which become handles by this."""
        return self

    def _take_over(self, row: Row) -> None:
        """Become the handle of a call that was launched without one."""
        self._runtime, self._number, self.parent_id = row._rows.runtime, row._number, None
        self._code, self._head, self._content = row._code, row._head, row._content
        self.attempt, self._in_code, self._reported = 1, True, False
        self._runtime.live.add(self)

    @classmethod
    def _ended(cls, rows: Rows, number: int, value: Any, seconds: float, now: float) -> PoolTaskRun[Any]:
        """The handle of a call that has ended already, well, before anybody asked for it."""
        run: PoolTaskRun[Any] = cls.__new__(cls)
        run.task, run._args, run._kwargs, run._lock = rows.task, (), NO_KWARGS, threading.Lock()
        run._runtime, run._number = rows.runtime, number
        run.attempt, run.started_at, run.finished_at = 1, now - seconds, now
        run._outcome, run._state = Outcome(value), _SUCCEEDED
        return run

    def _fail_with_reactor(self) -> None:
        """Where the reactor has failed, nobody else would tell this handle."""
        error = self._runtime.reactor.failure()
        if error is not None:
            self._fail_at_once(error)

    @property
    def state(self) -> RunState:
        if self._state is RunState.PENDING and self._in_code:
            self._look_whether_begun()
        return super().state

    def _make_attempt(self) -> Any:
        """The worker makes its own; here one is needed only for the messages of the code."""
        self._current = None

    def _attempt_seen(self) -> Attempt:
        attempt = self._current
        return attempt if attempt is not None else super()._make_attempt()

    def _launch(self, attempt: Attempt | None) -> None:
        cls = type(self)
        pool: Pool = self._runtime.services.get(cls) or self._runtime.service(cls, lambda: Pool(cls, self._runtime))
        self._unwanted = False
        options = self.task.options
        is_timed = options.timeout is not None or options.heartbeat_timeout is not None
        pool.submit(self, self._watched or self.capture_output or is_timed)

    def _put_away(self) -> None:
        """Its outcome is there: it will not be sent again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        self._content = b""
        self._shared = ()

    def _interrupt(self) -> None:
        pool: Pool | None = self._runtime.services.get(type(self))
        if pool is not None:
            self._runtime.reactor.call(pool.end_call, self)

    def _where(self) -> str:
        return trim_trace(self._where_text)

    # -- what its worker says, in the reactor's thread -------------------------------------------------

    def _started_in_worker(self) -> None:
        if self._enter_running() or self._state is RunState.RUNNING:  # somebody has looked already
            self._attempt_started()

    def _ended_plain(self, payload: bytes, seconds: float, now: float) -> None:
        """Well, with a plain value: the payload of its frame."""
        if self.started_at is None:
            self.started_at = now - seconds
        self._content = b""  # before the end, after which a retry may have made a new one
        outcome = Outcome(plain_value(payload))
        if not self._finish_well(outcome, now):
            self._finish(outcome)

    def _ended_packed(self, packed: Packed, seconds: float) -> None:
        if self.started_at is None:
            self.started_at = clock.now() - seconds
        self._report_packed(packed)
        self._code_ended()

    def _has_begun(self) -> bool:
        pool: Pool | None = self._runtime.services.get(type(self))
        return pool is not None and any(worker.under_way == self._number for worker in list(pool.workers))

    def _look_whether_begun(self) -> None:
        if self._has_begun() and self._enter_running() and self.started_at is None:
            self.started_at = clock.now()
