"""One worker of a pool, as its caller sees it: which calls it holds, and what becomes of them."""

from __future__ import annotations

import marshal
import signal
import weakref
from itertools import groupby
from operator import attrgetter
from time import monotonic
from typing import TYPE_CHECKING, Any

from woflo.errors import LaunchError
from woflo.kernel import clock, providing
from woflo.kernel.outcome import Outcome
from woflo.runners.processes import wire
from woflo.runners.processes.calls import plain_frames
from woflo.runners.processes.capture import Capture
from woflo.runners.processes.crash import Exit, crash_error
from woflo.runners.processes.packed import Packed
from woflo.runners.processes.slots import CALL, READY, STOP
from woflo.runners.processes.supervisor import supervisor
from woflo.runners.processes.worker import ELAPSED, RECALL_SIGNAL

if TYPE_CHECKING:
    from woflo.runners.processes.children import Child
    from woflo.runners.processes.code import Code
    from woflo.runners.processes.launching import Launcher
    from woflo.runners.processes.pooling import Pool

__all__ = ["PooledWorker"]

Run = Any
"""A `PoolTaskRun`: a call as the pool holds it."""
_NUMBER_OF, _HEAD_OF = attrgetter("_number"), attrgetter("_head")
_OUTCOMES = frozenset({wire.PLAIN, wire.VALUE, wire.ERROR})
MOST_FAILED_STARTS = 3
"""After how many workers in a row that ended before their first call it is given up to start others."""
RETIRE_GRACE = 5.0
"""Seconds that a worker without calls gets to leave."""


class PooledWorker:
    """A worker process. Its methods run in the reactor's thread; `send` also in calling threads, under the lock."""

    def __init__(self, pool: Pool, max_tasks: int | None) -> None:
        self.pool = pool
        self.child: Child | None = None
        self.calls: dict[int, Run] = {}
        """What was sent and has no outcome yet, in the order of sending."""
        self.left = max_tasks
        """How many more calls it may get; None for any number."""
        self.retiring: bool = False
        self.outdated: bool = False
        """True once it gets no more calls, because it was forked when other objects were provided."""
        self._generation: int | None = None
        """Of what was provided when it was forked; None for a worker that inherits nothing."""
        self._newest_code = 0
        """The last of the pool's codes at that moment."""
        self._known: set[int] = set()
        self._shared: set[int] = set()
        self._deferred = 0
        self._seen_call = 0
        self._last_started = 0
        self.has_served: bool = False
        self._ending: dict[int, float] = {}
        """Calls to be stopped: when to end the worker under them, on the monotonic clock."""
        self._capture: Capture | None = None
        self._start_error: BaseException | None = None

    # -- what it holds ---------------------------------------------------------------------------------

    @property
    def takes_calls(self) -> bool:
        child = self.child
        return not self.retiring and not self.outdated and self.left != 0 and child is not None and not child.closed

    @property
    def is_idle(self) -> bool:
        return not self.calls and self.takes_calls

    @property
    def under_way(self) -> int:
        """The number of the call that is being executed, 0 for none."""
        child = self.child
        return 0 if child is None or child.closed else child.supervisor.slots.words[child.slot + CALL]

    def start(self, kind: type[Launcher], role: Any) -> None:
        """Have its process started."""
        before, newest = providing.generation, self.pool.codes.newest
        self.child = supervisor(self.pool.runtime).start(kind, role, self, self.pool.lock)
        if not kind.ships:
            # What was changed meanwhile it may have or not.
            self._generation = before if before == providing.generation else -1
            self._newest_code = newest

    def has_injected(self, code: Code) -> bool:
        """True where a call of `code` finds here what this process provides now, or has nothing injected."""
        since = code.injected_since
        if since is None or self._generation is None:
            return True
        return self._generation == providing.generation and self._newest_code >= since

    def send(self, calls: list[Run]) -> None:
        """Send calls, and the code of those that it does not know. Under the pool's lock."""
        if self.left is not None:
            too_many = calls[self.left :]
            self.pool.queue.extendleft(reversed(too_many))
            calls = calls[: self.left]
            self.left -= len(calls)
        self.calls.update(zip(map(_NUMBER_OF, calls), calls, strict=True))
        pieces: list[bytes] = []
        for head, group in groupby(calls, _HEAD_OF):
            alike = list(group)
            if head:
                self._add_code(alike[0]._code, pieces)
                pieces += plain_frames(head, alike)
            else:
                for call in alike:
                    self._add_call(call, pieces)
        if pieces:
            self._write(b"".join(pieces), None)

    def _add_call(self, call: Run, pieces: list[bytes]) -> None:
        """One that has a frame of its own; where a descriptor goes with it, all is sent up to here."""
        self._add_code(call._code, pieces)
        if call._shared:
            self._send_shared(call._shared)
        pieces.append(call._content)
        if call._fd is not None:
            self._write(b"".join(pieces), call._fd)
            pieces.clear()

    def _add_code(self, code: Code, pieces: list[bytes]) -> None:
        if code.number not in self._known:
            self._known.add(code.number)
            pieces.append(wire.frame(wire.CODE, code.number, code.data))
        if code.checked < self.pool.codes.last_change and self.pool.codes.is_overtaken(code):
            self._known = {code.number}  # the others are loaded again after it: it may set globals of theirs back

    def _send_shared(self, values: Any) -> None:
        for shared in values:
            if shared.number not in self._shared:
                self._shared.add(shared.number)
                self._write(wire.frame(wire.SHARED, shared.number, shared.data, True), shared.fd)
                weakref.finalize(shared, self._forget_shared, shared.number).atexit = False

    def _forget_shared(self, number: int) -> None:
        self._shared.discard(number)
        self.pool.runtime.reactor.call(self._write_later, wire.frame(wire.FORGET, number), None)

    def _write(self, data: bytes, fd: int | None) -> None:
        assert self.child is not None
        reactor = self.pool.runtime.reactor
        if self.pool.runtime.on_reactor() and not self._deferred:
            self.child.send_raw(data, fd)
        elif fd is not None or self._deferred or not self.child.send_directly(data):
            self._deferred += 1  # what follows must not overtake it
            reactor.call(self._write_deferred, data, fd)

    def _write_deferred(self, data: bytes, fd: int | None) -> None:
        with self.pool.lock:
            self._deferred -= 1
            self._write_later(data, fd)

    def _write_later(self, data: bytes, fd: int | None) -> None:
        with self.pool.lock:
            if self.child is not None and not self.child.closed:
                self.child.send_raw(data, fd)

    # -- what it says ----------------------------------------------------------------------------------

    def on_frames(self, child: Child, frames: list[wire.Frame]) -> None:
        """Take what it says, and see what it may do next."""
        ended, seconds = self._take(frames)
        if ended:
            self._after_outcomes(seconds / ended)

    def _take(self, frames: list[wire.Frame]) -> tuple[int, float]:
        """How many calls have ended with these frames, and their seconds; short ones come by the hundred."""
        ended, seconds, now = 0, 0.0, clock.now()
        calls, careful = self.calls, self._must_prepare_ends()
        for frame in frames:
            kind, number, payload, _ = frame
            if kind in _OUTCOMES:
                run = calls.pop(number, None)
                if run is None:
                    if not number:
                        self._start_error = Packed(frame, "the initializer").unpack().error
                    continue
                took = ELAPSED.unpack_from(payload)[0] / 1e9
                seconds += took
                ended += 1
                if kind == wire.PLAIN and run._head and not careful:
                    run._ended_plain(payload, took, now)
                else:
                    self._end(run.handle(), frame, took, now)
            else:
                self._on_other(frame)
                # That its output is captured may come with its first outcome, and the start of a call with its end.
                careful, now = self._must_prepare_ends(), clock.now()
        return ended, seconds

    def _must_prepare_ends(self) -> bool:
        return bool(self._ending or self._capture is not None)

    def _end(self, run: Run, frame: wire.Frame, seconds: float, now: float) -> None:
        kind, number, payload, _ = frame
        if self._must_prepare_ends() or run._fd is not None or run._shared:
            self._prepare_end(number, run)
        if kind == wire.PLAIN:
            run._ended_plain(payload, seconds, now)
        else:
            run._ended_packed(Packed(frame, run.task.name, ELAPSED.size), seconds)

    def _after_outcomes(self, seconds: float) -> None:
        self.has_served = True
        self.pool.failed_starts = 0
        self.pool.took(seconds)
        self.pool.on_outcomes(self)
        if self.left == 0 and not self.calls:
            self.retire()

    def _prepare_end(self, number: int, run: Run) -> None:
        """What few calls need: memory to be closed, a trace to be kept, output to be told first."""
        run._put_away()
        if self._ending.pop(number, None) is not None and self.child is not None:
            self.child.supervisor.slots.words[self.child.slot + STOP] = 0  # the next attempt has the same number
            run._where_text, self.child.decoder.text = self.child.decoder.text, ""
        if self._capture is not None:
            self._capture.end(run._attempt_seen())

    def _on_other(self, frame: wire.Frame) -> None:
        kind, number, payload, _ = frame
        if kind == wire.STARTED:
            self._on_started(number)
        elif kind == wire.RETURNED:
            self._on_returned(payload)
        elif kind == wire.MESSAGE:
            run = self.calls.get(number or self._last_started)  # a log record does not know its call
            if run is not None:
                run.handle()._attempt_seen().tell(*marshal.loads(payload))
        elif kind == wire.EVENT and self.child is not None:
            from woflo.runners.processes.relaying import take_in

            take_in(payload, self.child)
        elif kind == wire.CAPTURE and self.child is not None:
            self._capture = self._capture or Capture(self.pool.runtime.reactor, None, self.child.catch_up)
            self._capture.add(frame)

    def _on_started(self, number: int) -> None:
        run = self.calls.get(number)
        if run is not None:
            self._last_started = number
            if self._capture is not None:
                self._capture.begin(run._attempt_seen())
            run.handle()._started_in_worker()

    def _on_returned(self, payload: bytes) -> None:
        numbers = [number for (number,) in ELAPSED.iter_unpack(payload)]
        calls = [self.calls.pop(number) for number in numbers if number in self.calls]
        if self.left is not None:
            self.left += len(calls)
        for call in calls:
            self._ending.pop(call._number, None)
        if calls:
            self.pool.give_back(calls)

    # -- stopping one call -----------------------------------------------------------------------------

    def end_call(self, number: int) -> None:
        """End a call that was sent here: give it back if it has not begun, else end its code, else the worker."""
        run = self.calls[number] = self.calls[number].handle()
        run._unwanted = True
        self._ending[number] = monotonic() + run.grace
        self._press(number)

    def _press(self, number: int) -> None:
        child = self.child
        if child is None or not self._is_ready:
            if child is not None and self.pool.runtime.in_a_hurry:
                child.kill()  # or it would begin the call in the moment in which it is ready
            return
        if self.under_way == number:
            words, slot = child.supervisor.slots.words, child.slot
            if words[slot + STOP] != number:
                words[slot + STOP] = number
                child.where()
                child.signal(signal.SIGTERM, group=True)
                child.remind(lambda: self.under_way == words[slot + STOP] == number)
        else:
            child.signal(RECALL_SIGNAL, group=False)

    def look_at_progress(self) -> None:
        """Called every few milliseconds while it holds more than one call, or one that is to end."""
        for number, end in list(self._ending.items()):
            if number not in self.calls:
                self._ending.pop(number, None)
            elif monotonic() >= end and self.under_way == number:
                self._kill_under(number)
            else:
                self._press(number)
        current = self.under_way
        if current and current == self._seen_call and len(self.calls) > 1 and self._is_ready:
            self._look_behind(current)
        self._seen_call = current

    def _look_behind(self, current: int) -> None:
        """Something waits because of a long call: outcomes of those before it, or calls that others may take."""
        child = self.child
        assert child is not None
        kept = child.kept()
        if self.under_way == current:  # or a part of what was read may have been overwritten
            self._take(kept)
        if len(self.calls) > 1:
            child.signal(RECALL_SIGNAL, group=False)

    @property
    def needs_looking_at(self) -> bool:
        return bool(self._ending) or len(self.calls) > 1

    @property
    def _is_ready(self) -> bool:
        """False where it has not set up its signal handlers yet: a signal would end it."""
        child = self.child
        return child is not None and not child.closed and bool(child.supervisor.slots.words[child.slot + READY])

    def _kill_under(self, number: int) -> None:
        """End the worker, unless it has gone on to the next call in this very moment."""
        child = self.child
        assert child is not None
        child.signal(signal.SIGSTOP, group=False)
        if child.is_halted() and self.under_way != number:
            child.signal(signal.SIGCONT, group=False)
            return
        child.kill()

    # -- its end ---------------------------------------------------------------------------------------

    def retire(self) -> None:
        """Let it leave: no more calls, and the end of its input."""
        if self.retiring or self.child is None:
            return
        self.retiring = True
        with self.pool.lock:
            self.child.end_input()
        self.child.end_after(RETIRE_GRACE)

    def on_exit(self, child: Child, end: Exit) -> None:
        with self.pool.lock:
            self.retiring = True
        if self._capture is not None:
            end = end._replace(output=self._capture.close())
        victim = self.calls.pop(end.call, None)
        left = list(self.calls.values())
        self.calls.clear()
        error = None if victim is not None or self.has_served else self._why_not_started(end, left)
        self.pool.on_worker_exit(self, left, error)
        if victim is not None:
            victim = victim.handle()
            victim._put_away()
            victim._where_text = end.text
            victim._finish(
                Outcome.failed(
                    crash_error(end, victim.task.name, victim._args, victim._kwargs, victim.task.body.parameter_names())
                )
            )

    def _why_not_started(self, end: Exit, left: list[Run]) -> LaunchError | None:
        """An error for those who wait, where a worker ended before its first call: the next would do the same."""
        if self._start_error is not None:
            told = LaunchError(f"the initializer of {self.pool.runner.__name__} failed: {self._start_error!r}")
            told.__cause__ = self._start_error
            return told
        self.pool.failed_starts += 1
        if left and end.status != 0 and self.pool.failed_starts >= MOST_FAILED_STARTS:
            crash = crash_error(end, "the start of a worker", (), {})
            told = LaunchError(f"a worker of {self.pool.runner.__name__} ended before its first call: {crash}")
            told.__cause__ = crash
            return told
        return None
