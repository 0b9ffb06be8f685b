"""Observers: who wants to know what happens, on a thread of their own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from woflo.errors import OptionError
from woflo.kernel import bus, runtime

if TYPE_CHECKING:
    from woflo.kernel.events import Event

__all__ = ["Subscription", "subscribe"]


class Subscription:
    """One observer's queue and thread. Also usable as `with subscribe(observer):`."""

    def __init__(self, update: Callable[[Event], object], capacity: int) -> None:
        self._update = update
        self._capacity = capacity
        self._events: deque[Event] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.tells_ends: bool = True
        """False for one that tells nobody how runs end: a failure that it has seen is still unseen."""
        self.dropped: int = 0
        """How many events found the queue full, because the observer was too slow."""
        self._thread = threading.Thread(target=self._deliver, name="woflo-observer", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        """Queue an event; never waits."""
        with self._changed:
            if self._closed:
                return
            if len(self._events) >= self._capacity:
                self.dropped += 1
                return
            self._events.append(event)
            self._changed.notify()

    def close(self, timeout: float | None = 5.0) -> None:
        """Take no more events; wait up to `timeout` seconds until those queued are delivered."""
        bus.remove(self)
        runtime.current.closers.pop(self, None)
        with self._changed:
            self._closed = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _deliver(self) -> None:
        while True:
            with self._changed:
                while not self._events and not self._closed:
                    self._changed.wait()
                if not self._events:
                    return
                event = self._events.popleft()
            self._tell(event)

    def _tell(self, event: Event) -> None:
        try:
            self._update(event)
        except Exception:
            bus.complain(f"the observer {self._update!r} raised; it gets the next event all the same")

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def subscribe(observer: Any, *, capacity: int = 100_000) -> Subscription:
    """Have `observer` told of every event of this process from now on, on a thread of its own.

    `observer` is a callable that takes an event, or an object with `update(event)`. A slow one harms only
    itself: where more than `capacity` events wait for it, further ones are dropped and counted. Raises
    `OptionError` for anything else. `close()` the returned subscription, or use it as a context manager.
    """
    update = getattr(observer, "update", observer)
    if not callable(update):
        raise OptionError(f"{observer!r} is no observer: give a callable, or an object with update(event)")
    subscription = Subscription(update, capacity)
    bus.add(subscription)
    runtime.current.closers[subscription] = lambda: subscription.close(1.0)
    return subscription
