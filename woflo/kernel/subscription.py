"""Observers: who wants to know what happens, on a thread of their own.

    any thread ─► bus.emit ─► put ─► [ the queue, bounded ] ─► woflo-observer ─► update(event)

Nobody waits for an observer before the end, and then for its patience at most. What it did not get is counted, and told
when it ends.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from woflo.errors import OptionError
from woflo.kernel import bus, clock, masking, runtime, tracing
from woflo.kernel.observing import made_observer, name_of
from woflo.kernel.stages import Stages
from woflo.kernel.state import TERMINAL
from woflo.kernel.texts import plain

if TYPE_CHECKING:
    from woflo.kernel.events import Event

__all__ = ["PATIENCE", "Subscription", "close_all", "close_together", "subscribe"]

PATIENCE = 2.0
"""Seconds that the end waits for an observer which has not said how long it may take."""
LINGER = 0.01
"""Seconds for which events are collected once one was delivered; the first one after a rest is delivered at once."""
HURRY = 1.0
"""Seconds at most where the program was interrupted."""
MOST_TEXT = 64 << 20
"""Characters of output and messages that may wait for an observer: memory stays flat, whatever is printed."""
AFTER_AN_END = 0.2
"""Seconds at most between the end of a run and its event."""
MOST_COMPLAINTS = 10
"""How many exceptions of one observer are logged; it may raise at every event."""
_FOR_ENDS = 0.25
"""The share of the patience that is kept for `on_success` to `on_destroy`."""
_FOR_CHATTER = 0.5
"""The share of it after which no output, log record and progress is delivered any more: how runs end comes behind."""


class Subscription:
    """One observer's queue and thread. Also usable as `with subscribe(observer):`."""

    _skipped_since = 0.0
    _first_raised = ""
    """What it raised first, as it may be shown."""
    _chatter_deadline = 0.0
    """From which time on nothing is delivered any more of what attempts say; set by the end."""

    def __init__(
        self, observer: Any, capacity: int, patience: float = PATIENCE, *, name: str = "", restarted: bool = False
    ) -> None:
        self.name: str = name or name_of(observer)
        """Who is told of what was dropped."""
        self.patience: float = patience
        self.tells_ends: bool = getattr(observer, "tells_ends", True)
        """False for one that tells nobody how runs end: a failure that it has seen is still unseen. The observer says
        so by an attribute of that name."""
        self.dropped: int = 0
        """How many events the observer did not get, because it was too slow."""
        self._observer = observer
        self._update: Callable[[Event], object] = getattr(observer, "update", observer)
        self._witness: Callable[[Event], object] | None = getattr(observer, "witness", None)
        self.wants_routine: bool = getattr(observer, "wants_routine", True)
        """False for one that wants to know nothing of what is routine, which costs next to nothing then."""
        self.counts_skipped: bool = getattr(observer, "counts_skipped", False)
        """True for one that is told how many runs were skipped, `RunsSkipped`, unless others want events of each."""
        self._skipped: dict[str, int] = {}
        """By task, those of which it has not been told; the first of them was at `_skipped_since`."""
        self._capacity = capacity
        self._room = capacity - capacity // 10
        """Up to which output, log records and progress are taken: what happens to runs is worth more than those."""
        self._events: deque[Event] = deque()
        self._weight = self._chatter = 0
        """How much text waits in the queue, and in how many events: those may be dropped for others."""
        self._put = self._raised = 0
        self._changed = threading.Condition()
        self._closed = self._has_news = self._lingers = self._told = False
        self._deadline: float | None = None
        """From which time on no event is delivered any more; set by the end."""
        self._stages = Stages(observer, restarted, self._call)
        self._thread = threading.Thread(target=self._deliver, name="woflo-observer", daemon=True)
        self._thread.start()

    # -- in the threads of others ----------------------------------------------------------------------

    def put(self, event: Event) -> None:
        """Queue an event; never waits."""
        if self._witness is not None:
            self._call(self._witness, event)
        if event.is_routine and not self.wants_routine:
            return
        with self._changed:
            if self._closed:
                return
            self._put += 1
            if event.is_chatter:
                if self._is_too_much(event.weight):
                    self.dropped += 1
                    return
            elif len(self._events) >= self._capacity:
                self._drop_chatter()
                if len(self._events) >= self._capacity:
                    self.dropped += 1
                    return
            self._events.append(event)
            if not self._lingers:
                self._changed.notify()

    def count_skipped(self, task: str) -> None:
        """See `Counter`."""
        with self._changed:
            if self._closed:
                return
            if not self._skipped:
                self._skipped_since = clock.now()
                if not self._lingers:
                    self._changed.notify()
            self._skipped[task] = self._skipped.get(task, 0) + 1

    def _is_too_much(self, weight: int) -> bool:
        """Of what attempts say; where it is not, its weight is taken in."""
        if len(self._events) >= self._room or self._weight + weight > MOST_TEXT:
            return True
        self._weight += weight
        self._chatter += 1
        return False

    def _drop_chatter(self) -> None:
        """For what happens to runs, which is worth more. Nothing is looked at where none of it waits."""
        if self._chatter:
            kept = [event for event in self._events if not event.is_chatter]
            self.dropped += len(self._events) - len(kept)
            self._events = deque(kept)
            self._weight = self._chatter = 0

    def _drop_late(self) -> None:
        """The end has come, and its patience is not endless: what attempts say goes first, then all else."""
        if self._deadline is None or not self._events:
            return
        now = time.monotonic()
        if now > self._chatter_deadline:
            self._drop_chatter()
        if now > self._deadline:
            self.dropped += len(self._events)
            self._events.clear()

    def close(self, timeout: float | None = None) -> None:
        """Take no more events; wait up to `timeout` seconds (the observer's patience) until those queued are delivered.

        What was dropped, then or before, is told aloud, once.
        """
        timeout = self.patience if timeout is None else timeout
        if not self._closed:
            _await_ends()
        self.begin_close(timeout)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)
        self._tell_at_end()

    def begin_close(self, timeout: float) -> None:
        """The same without the waiting."""
        bus.remove(self)
        if tracing.carrier is self._observer:
            tracing.carrier = None
        with self._changed:
            self._closed = True
            if self._deadline is None:
                now = time.monotonic()
                self._deadline = now + timeout * (1 - _FOR_ENDS)
                self._chatter_deadline = now + timeout * _FOR_CHATTER
            self._changed.notify()

    def _tell_at_end(self) -> None:
        """What it did not get, and what it could not deal with, once."""
        hangs = self._thread.is_alive() and threading.current_thread() is not self._thread
        with self._changed:
            if hangs:
                self.dropped += len(self._events)
                self._events.clear()
            if self._told or not (hangs or self.dropped or self._raised):
                return
            self._told = True
        if "logging" in sys.modules or not runtime.current.in_a_hurry:  # see `bus.wanted_at_exit`
            if hangs or self.dropped:
                text = f"the observer {self.name} was too slow: {self.dropped} of {self._put} events were dropped"
                bus.tell_aloud(text + ("; it has not returned, and is not waited for any longer" if hangs else ""))
            if self._raised:
                times = "once" if self._raised == 1 else f"{self._raised} times"
                bus.tell_aloud(f"the observer {self.name} raised {times}; the first time: {self._first_raised}")

    # -- in the observer's ------------------------------------------------------------------------------

    def _deliver(self) -> None:
        masks_itself = getattr(self._observer, "masks_itself", False)  # what it passes over is not looked through
        self._stages.begin()
        while (event := self._next()) is not None:
            if not masks_itself:
                event = event.masked()
            self._stages.see(event)
            self._call(self._update, event)
            del event
        self._stages.end()

    def _next(self) -> Event | None:
        """The next event; None at the end."""
        while True:
            with self._changed:
                self._drop_late()
                if self._events:
                    event = self._events.popleft()
                    if event.is_chatter:
                        self._weight -= event.weight
                        self._chatter -= 1
                    self._has_news = True
                    return event
                if self._skipped:
                    counts, self._skipped = self._skipped, {}
                    self._has_news = True
                    return _runs_skipped(counts, self._skipped_since)
                if self._closed:
                    return None
                if self._has_news:
                    self._linger()
                    continue
                idle = not self._changed.wait(getattr(self._observer, "pulse", None))
            if idle:
                self._call(self._observer.on_pulse)

    def _linger(self) -> None:
        """Let a few events come together: threads that woke each other for each would wait for each other as often."""
        self._has_news, self._lingers = False, True
        self._changed.wait(LINGER)  # woken by the end alone
        self._lingers = False

    def _call(self, function: Callable[..., object], *args: Any) -> None:
        try:
            function(*args)
        except BaseException as error:  # `sys.exit` ends a thread without a word
            self._first_raised = self._first_raised or plain(masking.told(error))
            self._raised += 1
            if self._raised <= MOST_COMPLAINTS:
                # Where nobody takes the log, the end tells of it, once.
                bus.logger().error(
                    f"the observer {self.name} raised; it gets the next event all the same", exc_info=True
                )

    # -- as a context manager ---------------------------------------------------------------------------

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        self.left_by(kind)
        self.close()

    def left_by(self, kind: type[BaseException] | None) -> None:
        """What it was for ends, by an exception of this class, or in order."""
        self._stages.aborted = kind is not None and not issubclass(kind, Exception)
        self._stages.broke_off = kind is not None

    def __repr__(self) -> str:
        return f"<subscription of {self.name}, {self.dropped} events dropped>"


def subscribe(
    observer: Any, *, capacity: int = 100_000, patience: float | None = None, restarted: bool = False, **options: Any
) -> Subscription:
    """Have `observer` told of every event of this process from now on, on a thread of its own.

    `observer` is a callable that takes an event; an object with `update(event)`, or a class of such objects; or the
    name of an observer: `"progress"`, `"logs"`, `"jsonl"`, `"notify"`, `"spans"`, one that another distribution brings
    (entry points `woflo.observers`), `"module:Class"`, or an address of apprise (`"mailto://…"`) for notifications. A
    class, or a name, is called with `options`.

    An object may have methods without arguments: `on_create` before the first event, and then `on_restart` where the
    subscription says `restarted`; at the end one of `on_success`, `on_failure` (a run that no other run had called has
    failed) and `on_abort` (one was stopped, or the program interrupted); and `on_destroy`, the last.

    An object with `counts_skipped = True` is told of runs that are skipped at once by `RunsSkipped`, many by one event,
    instead of `RunCreated` and `RunEnded` for each; unless another observer, or the log, takes those.

    A slow one harms only itself: where more than `capacity` events wait for it, further ones are dropped and counted,
    output and progress before others. The end of the subscription, or of the program, waits `patience` seconds for it
    (2, or what the observer has as `patience`), and tells what was dropped. Text in events is masked.

    Raises `OptionError` for what is no observer and for options that it does not have, `UnknownNameError` for a name
    that nobody knows. `close()` the returned subscription, or use it as a context manager.
    """
    made, name = made_observer(observer, options)
    import woflo.kernel.events  # noqa: F401 - now, since a child may be forked while the observer's thread imports

    if capacity < 1:
        raise OptionError(f"capacity={capacity!r} must be at least 1 event")
    patience = getattr(made, "patience", PATIENCE) if patience is None else patience
    if not patience >= 0:
        raise OptionError(f"patience={patience!r} must be a number of seconds, 0 or more")
    subscription = Subscription(made, capacity, patience, name=name, restarted=restarted)
    bus.add(subscription)
    if callable(getattr(made, "traceparent", None)):
        tracing.carrier = made
    runtime.current.final_closers.setdefault(Subscription, close_all)
    return subscription


def _runs_skipped(counts: dict[str, int], since: float) -> Event:
    from woflo.kernel.events import RunsSkipped

    return RunsSkipped(counts=counts, since=since)


def _await_ends() -> None:
    """Whoever waits for a run may go on a moment before its end is told: what has ended is to be heard of."""
    end = time.monotonic() + AFTER_AN_END
    while time.monotonic() < end and any(run._state in TERMINAL for run in list(runtime.current.live)):
        time.sleep(0)  # another thread is about to tell: it is let go on


def close_all() -> None:
    """At the end of the program: whoever still listens."""
    close_together([one for one in bus.listeners if isinstance(one, Subscription)])


def close_together(subscriptions: Iterable[Subscription]) -> None:
    """All end at once, so that one that hangs costs its own patience and no other's."""
    hurry = runtime.current.in_a_hurry
    ends = []
    if not hurry:
        _await_ends()
    for one in subscriptions:
        one._stages.aborted = one._stages.aborted or hurry
        patience = min(one.patience, HURRY) if hurry else one.patience
        ends.append((one, time.monotonic() + patience))
        one.begin_close(patience)
    for one, end in ends:
        one.close(max(0.0, end - time.monotonic()))
