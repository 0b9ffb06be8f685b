"""The one background thread: a selector, the timers, and a way to wake it.

    any thread ──call(fn)──► inbox ──wake──┐
    descriptors ───────────────────────────┼──► one loop ──► handlers of the kernel and of runners
    timers (a heap) ───────────────────────┘

Only woflo's own code runs here, and none of it may wait. Loading values, callbacks and predicates of the
user go to the `Deliverer`. Descriptors are made, registered, taken out of the table and closed in this
thread only: a number that is closed elsewhere could be reused under the selector.
"""

from __future__ import annotations

import _socket
import heapq
import socket
import threading
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

from woflo.errors import InternalError
from woflo.kernel import clock
from woflo.kernel.polling import READ, WRITE, make_poller

if TYPE_CHECKING:
    from woflo.kernel.runtime import Runtime

__all__ = ["READ", "WRITE", "Reactor", "Timer"]

Handler = Callable[[int], None]
LONGEST_SLEEP = 86400.0
"""Seconds: the kernel's own limit is about 24 days, and a timer may be due later."""
LOOK_AFTER = 1.0
"""Seconds after which a thread that waits looks whether there is still a reactor that could end its wait."""
MOST_CANCELLED = 256
"""How many cancelled timers may stay in the heap before it is cleared of them."""


class Timer:
    """A call that is due at a time. `cancel` may be called from any thread, also after it fired."""

    __slots__ = ("_args", "_function", "_reactor")

    def __init__(self, function: Callable[..., object], args: tuple[Any, ...], reactor: Reactor) -> None:
        self._function: Callable[..., object] | None = function
        self._args = args
        self._reactor = reactor

    def cancel(self) -> None:
        if self._function is not None:
            self._function = None
            self._args = ()
            self._reactor._cancelled += 1

    @property
    def cancelled(self) -> bool:
        return self._function is None

    def fire(self) -> None:
        function, args = self._function, self._args
        self._function, self._args = None, ()
        if function is not None:
            function(*args)


class Reactor:
    """The loop and its thread, started by the first use."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._poller = make_poller()
        self._handlers: dict[int, Handler] = {}
        self._gone: set[int] = set()
        """Descriptors that were forgotten in the present turn: what was found ready there is not for who comes next."""
        self._inbox: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._timer_lock = threading.Lock()
        self._cancelled = 0
        """About how many timers of the heap are cancelled; a count lost in a race costs nothing."""
        self._numbers = count()
        self._sleeping = False
        """True only while the loop may be blocked in `select`; whoever finds it True writes the wake-up."""
        self._failed: BaseException | None = None
        # Plain sockets: forked children close them, and each call in Python costs a child memory.
        self._wake_reader, self._wake_writer = (_socket.socket(fileno=end.detach()) for end in socket.socketpair())
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self.register(self._wake_reader.fileno(), READ, self._drain_wake_ups)
        clock.when_moved(self.wake)
        self._thread = threading.Thread(target=self._loop, name="woflo-reactor", daemon=True)
        self._thread.start()
        self.ident: int | None = self._thread.ident

    # -- from any thread -------------------------------------------------------------------------------

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Have `function(*args)` called in the reactor's thread, soon. It must not wait."""
        self._check()
        self._inbox.append((function, args))
        if self._sleeping:
            self.wake()

    def call_at(self, when: float, function: Callable[..., object], *args: Any) -> Timer:
        """Have `function(*args)` called at `when`, in seconds of the monotonic clock."""
        self._check()
        timer = Timer(function, args, self)
        with self._timer_lock:
            if self._cancelled > MOST_CANCELLED and self._cancelled > len(self._timers) // 2:
                self._forget_cancelled()
            heapq.heappush(self._timers, (when, next(self._numbers), timer))
            first = self._timers[0][2] is timer
        if first and self._sleeping:
            self.wake()
        return timer

    def call_later(self, delay: float, function: Callable[..., object], *args: Any) -> Timer:
        """Have `function(*args)` called in `delay` seconds."""
        return self.call_at(clock.monotonic() + delay, function, *args)

    def next_time(self) -> float | None:
        """When the next timer is due, in seconds of the monotonic clock; None where there is none."""
        with self._timer_lock:
            return min((when for when, _, timer in self._timers if not timer.cancelled), default=None)

    def _check(self) -> None:
        if self._failed is not None:
            raise InternalError("the reactor has failed; no run can be started") from self._failed

    def failure(self) -> InternalError | None:
        """Why nothing will happen here any more; None as long as it works."""
        return None if self._failed is None else _told(self._failed)

    def wake(self) -> None:
        """End the present wait of the loop. Where it cannot be woken any more, that is its failure."""
        self._sleeping = False
        try:
            self._wake_writer.send(b"\0")
        except BlockingIOError:
            pass  # full of wake-ups already
        except OSError as error:  # somebody has closed its descriptors: it sleeps for ever
            self._fail(error)

    def wait_for(self, lock: Any) -> None:
        """Take `lock`, which something that is done here releases. Raises `InternalError` where nothing is any more."""
        while not lock.acquire(True, LOOK_AFTER):
            self.wake()
            self._check()

    # -- in the reactor's thread -----------------------------------------------------------------------

    def register(self, fd: int, events: int, handler: Handler) -> None:
        """Call `handler(events)` when `fd` is ready."""
        self._handlers[fd] = handler
        self._poller.register(fd, events)

    def modify(self, fd: int, events: int) -> None:
        """Listen for other events on a registered descriptor."""
        self._poller.modify(fd, events)

    def unregister(self, fd: int) -> None:
        """Forget `fd`; to be called before it is closed."""
        if self._handlers.pop(fd, None) is not None:
            self._poller.unregister(fd)
            self._gone.add(fd)

    def has(self, fd: int) -> bool:
        """True where `fd` is registered."""
        return fd in self._handlers

    def closers_in_child(self) -> list[Callable[[], object]]:
        """What a forked child has to call, to close without a word to the kernel about the caller's descriptors."""
        return [self._poller.close, self._wake_reader.close, self._wake_writer.close]

    def _loop(self) -> None:
        try:
            while True:
                self._turn()
        except BaseException as error:
            self._fail(error)

    def _turn(self) -> None:
        # First the flag, then the look: what comes in between finds the flag and writes the wake-up.
        self._sleeping = True
        timeout = 0.0 if self._inbox else self._time_to_next_timer()
        ready = self._poller.poll(timeout)
        self._sleeping = False
        self._gone.clear()
        for fd, events in ready:
            # An earlier handler of this turn may have closed the descriptor, or given its number to another.
            if fd not in self._gone:
                self._handlers[fd](events)
        for _ in range(len(self._inbox)):
            function, args = self._inbox.popleft()
            function(*args)
        if self._timers:
            self._fire_due_timers()

    def _time_to_next_timer(self) -> float | None:
        if not self._timers:
            return None
        with self._timer_lock:
            while self._timers and self._timers[0][2].cancelled:
                heapq.heappop(self._timers)
            if not self._timers:
                return None
            return min(LONGEST_SLEEP, max(0.0, self._timers[0][0] - clock.monotonic()))

    def _forget_cancelled(self) -> None:
        """Under the timers' lock."""
        self._timers = [entry for entry in self._timers if not entry[2].cancelled]
        heapq.heapify(self._timers)
        self._cancelled = 0

    def _fire_due_timers(self) -> None:
        now = clock.monotonic()
        while True:
            with self._timer_lock:
                if not self._timers or self._timers[0][0] > now:
                    return
                timer = heapq.heappop(self._timers)[2]
            timer.fire()

    def _drain_wake_ups(self, events: int) -> None:
        try:
            self._wake_reader.recv(4096)  # more than there ever are; if not, the loop comes by here again
        except BlockingIOError:
            pass

    def _fail(self, error: BaseException) -> None:
        """Nobody may wait for ever: every live run ends with what went wrong here first."""
        if self._failed is not None:
            return
        self._failed = error
        told = _told(error)
        for run in list(self._runtime.live):
            run._fail_at_once(told)


def _told(error: BaseException) -> InternalError:
    told = InternalError(f"the reactor failed with {error!r}; please report this")
    told.__cause__ = error
    return told
