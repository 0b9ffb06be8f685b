"""The handle of a call, and the base of every runner."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NoReturn, TypeVar, cast, overload

from woflo.errors import BlockingLoopError, HandleNotPortableError, InheritedHandleError, OptionError
from woflo.kernel import clock, runtime
from woflo.kernel.ending import call_back
from woflo.kernel.lending import lend_place, take_back_place
from woflo.kernel.options import waiting_time, whole_number
from woflo.kernel.recording import current_recorder, monotonic_end, recalled
from woflo.kernel.starting import Starting
from woflo.kernel.state import TERMINAL, RunState
from woflo.kernel.texts import seconds

if TYPE_CHECKING:
    from typing import Self

    from woflo.kernel.mapping import RowLauncher
    from woflo.kernel.options import Options
    from woflo.kernel.outcome import Outcome
    from woflo.kernel.task import Task

__all__ = ["BaseTaskRun", "acquire_lock"]

R = TypeVar("R")

_SLICE: float = 0.5 if sys.platform == "win32" else 1.0
"""How many seconds a lock is waited for at a time. On Windows a wait cannot be interrupted by Ctrl-C before its end."""


class BaseTaskRun(Starting, Generic[R]):
    """One call of a task: the handle that the call returns.

    A subclass is a runner: it says where and how an attempt executes, by `_launch` and `_interrupt`. Its
    class attributes are its settings.
    """

    _settings: ClassVar[tuple[str, ...]] = ("max_concurrency", "capture_output")
    """The class attributes that `configured` may set; heirs add their own."""
    remembers_itself: ClassVar[bool] = False
    """True for a runner that keeps by itself what its runs have made; of others, whoever admits them does."""

    # -- the result ------------------------------------------------------------------------------------

    @overload
    def get_result(self, timeout: float | None = None, *, raise_exceptions: Literal[True] = True) -> R: ...
    @overload
    def get_result(self, timeout: float | None = None, *, raise_exceptions: bool) -> R | BaseException: ...
    def get_result(self, timeout: float | None = None, *, raise_exceptions: bool = True) -> R | BaseException:
        """Wait for the end and return the value; as often as wanted, from any thread.

        A failure is raised as the exception that the task raised; `raise_exceptions=False` returns it instead.
        Raises `TimeoutError` where `timeout` seconds pass before the end (the run goes on),
        `TaskStoppedError`, `TaskTimeoutError`, `TaskCrashedError`, `UpstreamFailedError` or
        `SerializationError` where the run ended in that way.
        """
        outcome = self._ended_outcome(timeout)
        if outcome.error is None:
            value: R = outcome.value
            return value
        if not raise_exceptions:
            return outcome.error
        try:
            raise outcome.error.with_traceback(self._trace_of(outcome.error))
        finally:
            del self, outcome  # what is raised holds this frame, which is not to hold what is raised

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the end and return the failure, or None for a success.

        Raises `TimeoutError` where `timeout` seconds pass before the end.
        """
        return self._ended_outcome(timeout).error

    def _ended_outcome(self, timeout: float | None) -> Outcome:
        if (timeout is not None or self._state not in TERMINAL) and not self._await_end(timeout):
            raise TimeoutError(f"{self!r} did not end within {timeout:g} s; it goes on")
        if self._failure is not None:
            self._looked_at()
        assert self._outcome is not None
        return self._outcome

    def _trace_of(self, error: BaseException) -> Any:
        """The traceback as the attempt left it: without this, each raise would add its frames to it."""
        if not hasattr(self, "_trace"):
            self._trace = error.__traceback__
        return self._trace

    # -- waiting ---------------------------------------------------------------------------------------

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended, at most `timeout` seconds; True where it has. Never raises its failure.

        Raises `BlockingLoopError` where this would block the event loop that the run needs, and
        `InheritedHandleError` in a process that inherited the handle through a fork.
        """
        if not self._await_end(timeout):
            return False
        if self._failure is not None:
            self._looked_at()
        return True

    def _await_end(self, timeout: float | None) -> bool:
        """The same for those who wait and do not look at the end."""
        if timeout is None or current_recorder() is None:
            return self._await_end_now(timeout)
        end = monotonic_end(waiting_time(timeout))
        assert end is not None
        has_ended = recalled("woflo.ended", lambda: self._await_end_now(max(0.0, end - clock.monotonic())))
        return has_ended and self._await_end_now(None)

    def _await_end_now(self, timeout: float | None) -> bool:
        """The same, whatever is recorded of it."""
        if self._state in TERMINAL:
            return True
        waiting_time(timeout)
        self._check_may_block()
        if timeout is not None and timeout <= 0:
            return False
        self._runtime.deliverer_about_to_wait()
        lender = lend_place()
        if lender is None:
            return self._block(timeout)
        try:
            return self._block(timeout)
        finally:
            take_back_place(lender)

    def _block(self, timeout: float | None) -> bool:
        end = None if timeout is None else clock.monotonic() + timeout
        recorder = current_recorder()
        if recorder is not None and recorder.block((self,), lambda: self._state in TERMINAL, end):
            return self._state in TERMINAL
        while True:
            waiter = self._enlist()
            if waiter is None:
                return True
            try:
                woken = acquire_lock(waiter, -1.0 if end is None else max(0.0, end - clock.monotonic()))
            except BaseException:  # Ctrl-C: what was meant for this thread to load is for another now
                self._strike_off(waiter)
                self._runtime.deliverer.post(self._unpack)
                raise
            if not woken:
                self._strike_off(waiter)
            self._woken()
            if not woken or self._state in TERMINAL:
                return self._state in TERMINAL

    def _woken(self) -> None:
        """A thread that waits for the end has been woken, or is out of time. May raise, in place of the waiting."""
        if self._packed is not None:
            self._unpack()

    def _enlist(self) -> Any:
        """A lock that is released when there is something to do or the run has ended; None where it has."""
        waiter = threading.Lock()
        waiter.acquire()
        with self._lock:
            if self._state in TERMINAL:
                return None
            self._waiters = [*self._waiters, waiter]
        return waiter

    def _strike_off(self, waiter: Any) -> None:
        with self._lock:
            self._waiters = [one for one in self._waiters if one is not waiter]

    def _check_is_ours(self) -> None:
        if self._runtime is not runtime.current and self._state not in TERMINAL:
            raise InheritedHandleError(
                f"{self!r} was made by another process and inherited through a fork; only that one can wait for it"
            )

    def _check_may_block(self) -> None:
        self._check_is_ours()
        asyncio = sys.modules.get("asyncio")
        loop = None if asyncio is None else asyncio._get_running_loop()
        if loop is not None and self._needs_loop(loop):
            raise BlockingLoopError(f"{self!r} needs the event loop that this call would block; use `await run`")

    def _check_may_block_unless_ended(self) -> None:
        if self._state not in TERMINAL:
            self._check_may_block()

    def _needs_loop(self, loop: Any) -> bool:
        """True where this run cannot end while `loop` is blocked."""
        return any(run._state not in TERMINAL and run._needs_loop(loop) for run in self._held_up_by())

    def _held_up_by(self) -> tuple[BaseTaskRun[Any], ...]:
        """The runs that have to end before this one can begin, or end."""
        return self._waits_for

    def _wait_ended(self, timeout: float | None) -> bool:
        """Wait until no code of this run executes any more."""
        waiter = threading.Lock()
        waiter.acquire()
        with self._lock:
            if not self._in_code:
                return True
            self._end_waiters = [*self._end_waiters, waiter]
        return acquire_lock(waiter, -1.0 if timeout is None else timeout)

    def __await__(self) -> Generator[Any, None, R]:
        """As `get_result`, without blocking, on any event loop. Cancelling it cancels the waiting, not the run."""
        if self._state not in TERMINAL:
            from woflo.kernel.awaiting import until_ended

            yield from until_ended(self).__await__()
        try:
            return self.get_result()
        finally:
            del self  # see there

    # -- ending ----------------------------------------------------------------------------------------

    def stop(self, grace: float = 5.0) -> bool:
        """Ask the running code to end, and after `grace` seconds end it with every process that it started.

        Returns True when the code has ended, False where it goes on: a thread that does not look at
        `current_run().stop_requested`, or when called from the event loop that the run needs. Before the
        start and after the end it does no harm.
        """
        if isinstance(grace, bool) or not isinstance(grace, int | float) or not grace >= 0:
            raise OptionError(f"grace={grace!r} must be seconds, zero or more")
        if self._runtime is not runtime.current:
            raise InheritedHandleError(
                f"{self!r} was inherited through a fork; only the process that made it can stop it"
            )
        self._ask_to_stop(float(grace))
        asyncio = sys.modules.get("asyncio")
        loop = None if asyncio is None else asyncio._get_running_loop()
        if loop is not None and self._needs_loop(loop):
            return not self._in_code
        ended = self._wait_ended(grace + (self._KILL_SLACK if self._is_killable() else 0.05))
        if ended:
            self._block(self._KILL_SLACK)
        return ended

    _KILL_SLACK: ClassVar[float] = 2.0
    """Seconds that the operating system gets to end what was killed."""

    # -- to look at ------------------------------------------------------------------------------------

    @property
    def state(self) -> RunState:
        """Where the run is on its way; who reads here that it has failed has looked."""
        if self._failure is not None:
            self._looked_at()
        return self._state

    def is_running(self) -> bool:
        """True from the call until the run has ended."""
        return self._state not in TERMINAL

    @property
    def duration(self) -> float | None:
        """Seconds from the first start to the end, or until now; None before the start."""
        if self.started_at is None:
            return None
        return (clock.now() if self.finished_at is None else self.finished_at) - self.started_at

    @property
    def outputs(self) -> tuple[str, ...]:
        """The files that this run makes, known from its start on; empty for a task that names none."""
        files: Callable[[], tuple[str, ...]] | None = getattr(self, "_files", None)
        return () if files is None else files()

    calls: tuple[BaseTaskRun[Any], ...] = ()
    """The runs that a command has asked for by `$WOFLO_CALLS`, when it has ended well, or was up to date."""

    @property
    def log(self) -> str | None:
        """The file that has the output of the last attempt of a command; None where there is none (yet).

        A command whose outputs are being made has it when it has ended. Other tasks have none.
        """
        find: Callable[[str, int], str | None] | None = getattr(self.task.body.fn, "log_of", None)
        return None if find is None else find(self.id, self.attempt)

    @property
    def ref(self) -> R:
        """This handle, typed as its value, to be passed to another task."""
        return cast("R", self)

    def add_done_callback(self, fn: Callable[[BaseTaskRun[R]], object]) -> None:
        """Have `fn(run)` called once the run has ended; at once where it has.

        What it raises is logged, or written to stderr where nobody has configured logging.
        """
        if not callable(fn):
            raise OptionError(f"add_done_callback was given {fn!r}, which cannot be called with the run")
        with self._lock:
            ended = self._state in TERMINAL
            if not ended:
                self._callbacks = (*self._callbacks, fn)
        if ended:
            call_back(fn, self)

    def __repr__(self) -> str:
        took = "" if self.duration is None else f" {seconds(self.duration)}"
        tries = f" attempt {self.attempt}" if self.attempt > 1 else ""
        return f"<{self.task.name} {self.id} {self.state}{tries}{took}>"

    def _repr_html_(self) -> str:
        from html import escape

        colour = {"SUCCEEDED": "#2a7", "SKIPPED": "#2a7", "FAILED": "#c33", "UPSTREAM_FAILED": "#c33"}.get(
            self.state, "#888"
        )
        took = "" if self.duration is None else f" in {seconds(self.duration)}"
        state = f'<b style="color:{colour}">{escape(str(self.state))}</b>'
        return f"<code>{escape(self.task.name)}</code> {state}, attempt {self.attempt}{took} <small>{self.id}</small>"

    def __reduce__(self) -> NoReturn:
        raise HandleNotPortableError(
            f"the handle {self!r} cannot leave its process: pass it as an argument of a task to pass its value, "
            f"or pass get_result()"
        )

    # -- settings --------------------------------------------------------------------------------------

    @classmethod
    def map_ahead(cls) -> int:
        """How many calls `Task.map` keeps open ahead of its reader on this runner."""
        return 2 * cls.max_concurrency if cls.max_concurrency else 1024

    @classmethod
    def share(cls, value: Any) -> Any:
        """What `Task.map` passes for a value that all its calls get; a runner may send a large one only once."""
        return value

    @classmethod
    def row_launcher(
        cls,
        task: Task[..., Any],  # noqa: ARG003  # for heirs to look at
        constants: Mapping[str, Any],  # noqa: ARG003
    ) -> RowLauncher | None:
        """A runner's own way to launch the calls of a map, where it has one and `task` allows it.

        `constants`: what all calls get by name.
        """
        return None

    @classmethod
    def _check_options(cls, options: Options) -> None:
        """Raise `OptionError` for options of a task that this runner cannot keep; asked once for each task."""
        for name in ("key", "queue", "priority", "delay", "schedule", "tags", "on_failure", "max_calls"):
            value = getattr(options, name)
            if value not in (None, 0):
                raise OptionError(
                    f"{name}={value!r} needs a run that is kept in a store, which {cls.__name__} does not do; use it "
                    f"with a workflow, or with runner='queue'"
                )

    @classmethod
    def _check_setting(cls, name: str, value: Any) -> None:
        """Raise `OptionError` for a value that cannot be meant."""
        if name in ("max_concurrency", "max_tasks_per_worker") and value is not None:
            whole_number(name, value, least=1)

    @classmethod
    def configured(cls, **settings: Any) -> type[Self]:
        """A runner like this one with its own settings, limits counted by itself.

        Raises `OptionError` for a setting that this runner does not have.
        """
        for name, value in settings.items():
            if name not in cls._settings:
                raise OptionError(f"{cls.__name__} has no setting {name!r}; it has: {', '.join(cls._settings)}")
            cls._check_setting(name, value)
        make: Any = type(cls)  # the metaclass, which a runner may have of its own
        return cast("type[Self]", make(cls.__name__, (cls,), {"__module__": cls.__module__, **settings}))


def acquire_lock(lock: Any, timeout: float) -> bool:
    """Take `lock`, waiting up to `timeout` seconds (-1: for ever), so that every wait has an end.

    Ctrl-C interrupts it everywhere, and a reactor that can do nothing any more is noticed: it ends all runs.
    """
    while timeout < 0 or timeout > _SLICE:
        if lock.acquire(True, _SLICE):
            return True
        runtime.current.look_after_reactor()
        if timeout >= 0:
            timeout -= _SLICE
    return bool(lock.acquire(True, timeout))
