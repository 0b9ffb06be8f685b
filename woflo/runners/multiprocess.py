"""A process of its own for each attempt: the default runner."""

from __future__ import annotations

import marshal
import threading
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from woflo.errors import OptionError
from woflo.kernel.attempt import Attempt
from woflo.kernel.outcome import Outcome
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.runtime import STARTS_LATE
from woflo.kernel.traits import Traits
from woflo.runners.processes import loading, shipping, wire
from woflo.runners.processes.attempts import AttemptRole
from woflo.runners.processes.children import Child
from woflo.runners.processes.crash import Exit, crash_error, trim_trace
from woflo.runners.processes.launching import (
    ForkProcess,
    ForkServerProcess,
    Launcher,
    SpawnProcess,
    check_system,
    default_process,
)
from woflo.runners.processes.packed import Packed, packing_error
from woflo.runners.processes.supervisor import supervisor

if TYPE_CHECKING:
    from woflo.runners.processes.capture import Capture

__all__ = ["ForkProcess", "ForkServerProcess", "MultiprocessTaskRun", "SpawnProcess"]

R = TypeVar("R")


class _TraitsOfProcessType:
    """The traits of the process runner depend on its `process_type`, which may be set at any time."""

    def __get__(self, run: Any, owner: type[MultiprocessTaskRun[Any]]) -> Traits:
        return _SHIPPING if owner.process_type.ships else _INHERITING


_INHERITING = Traits(isolated=True, killable=True)
_SHIPPING = Traits(isolated=True, killable=True, pickles=True)


class MultiprocessTaskRun(BaseTaskRun[R]):
    """Executes each attempt in a new process, with a session of its own, which ends with all that it started.

    `process_type` is `ForkProcess` (the default where it exists), `SpawnProcess` or `ForkServerProcess`.
    """

    traits: ClassVar[Any] = _TraitsOfProcessType()
    max_concurrency: ClassVar[int | None] = 32
    process_type: ClassVar[type[Launcher]] = default_process()
    _settings = ("max_concurrency", "capture_output", "process_type")
    _set_by_each = (
        *BaseTaskRun._set_by_each,
        *("_context", "_has_outcome", "_where_text", "_child", "_packed", "_end_waiters"),
    )
    _child: Child | None = None
    """The process of the attempt under way, which refers back to this handle; None once it has ended."""
    _where_text = ""
    _capture: Capture | None = None
    _has_outcome = False

    @classmethod
    def _check_setting(cls, name: str, value: Any) -> None:
        if name == "process_type":
            _check_process_type(value)
        super()._check_setting(name, value)

    def _begin(self) -> None:
        if loading.loader:
            loading.refuse_call(self.task.name)
        if self.process_type not in _checked:
            _check_process_type(self.process_type)
        self._context: Context = copy_context()
        BaseTaskRun._begin(self)

    def _launch(self, attempt: Attempt) -> None:
        kind = self.process_type
        self._has_outcome = False
        self._where_text = ""
        role: Any = AttemptRole(attempt, self._context, self.capture_output)
        if kind.ships:
            role = self._pack(role, attempt)
        reactor = self._runtime.reactor
        # Where nothing can be forked late, a call is forked before it returns.
        if not STARTS_LATE and not self._runtime.on_reactor() and not self._runtime.exiting:
            started = threading.Lock()
            started.acquire()
            reactor.call(self._start, kind, role, started)
            reactor.wait_for(started)
        else:
            reactor.call(self._start, kind, role, None)

    def _pack(self, role: AttemptRole, attempt: Attempt) -> shipping.Parcel:
        if attempt.body.injections is not None:
            from woflo.kernel.providing import check_travels

            check_travels(attempt.body, attempt.args, attempt.kwargs)
        try:
            return shipping.dump(role)
        except Exception as error:
            raise packing_error(error, self.task.name, attempt.body, attempt.args, attempt.kwargs) from error

    # -- in the reactor's thread -----------------------------------------------------------------------

    def _start(self, kind: type[Launcher], role: Any, started: Any) -> None:
        try:
            self._child = supervisor(self._runtime).start(kind, role, self)
            if self._verdict is not None:  # asked to end while it was being packed
                self._end_child()
        except Exception as error:
            self._finish(Outcome.failed(self._launch_error(error)))
        finally:
            if started is not None:
                started.release()

    def _interrupt(self) -> None:
        self._runtime.reactor.call(self._end_child)

    def _end_child(self) -> None:
        child = self._child
        if child is not None and self._in_code:
            if not self._has_outcome:
                child.where()
            child.ask_to_end(self.grace)
            child.remind(lambda: not self._has_outcome)

    def _where(self) -> str:
        child = self._child
        return trim_trace(self._where_text if child is None else child.decoder.text)

    def on_frames(self, child: Child, frames: list[wire.Frame]) -> None:
        """What the child says."""
        for frame in frames:
            self._on_frame(child, frame)
        child.measured = not self._has_outcome

    def _on_frame(self, child: Child, frame: wire.Frame) -> None:
        kind = frame[0]
        if kind == wire.MESSAGE:
            if self._current is not None:
                self._current.tell(*marshal.loads(frame[2]))
        elif kind == wire.EVENT:
            from woflo.runners.processes.relaying import take_in

            take_in(frame[2], child)
        elif kind == wire.CAPTURE:
            if self._capture is None:
                from woflo.runners.processes.capture import Capture

                self._capture = Capture(self._runtime.reactor, self._current, self._catch_up)
            self._capture.add(frame)
        elif kind in (wire.VALUE, wire.ERROR):
            if self._capture is not None:
                self._capture.drain()
            self._has_outcome = True
            self._report_packed(Packed(frame, self.task.name))

    def _catch_up(self) -> bool:
        return self._child is not None and self._child.catch_up()

    def on_exit(self, child: Child, end: Exit) -> None:
        """How the child ended."""
        if self._capture is not None:
            end = end._replace(output=self._capture.close())
            self._capture = None
        self._where_text, self._child = child.decoder.text, None
        if not self._has_outcome:
            self._report(
                Outcome.failed(
                    crash_error(end, self.task.name, self._args, self._kwargs, self.task.body.parameter_names())
                )
            )
        self._code_ended()


_checked: set[Any] = set()
"""What was found to be a process type."""


def _check_process_type(kind: Any) -> None:
    check_system()
    if not (isinstance(kind, type) and issubclass(kind, Launcher)):
        raise OptionError(f"process_type={kind!r} must be ForkProcess, SpawnProcess or ForkServerProcess")
    _checked.add(kind)
