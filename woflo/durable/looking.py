"""When an engine looks at its store: the thread that does, and what it hears of changes.

It looks when the store or the clock has changed, when a run is due, and otherwise twice a second; where it waits for
nothing but calls, with every sign of life. Whether another worker has died is seen twice a second in any case.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from woflo.durable.membership import LOOK, Membership
from woflo.errors import StoreError
from woflo.kernel import bus, clock, runtime

if TYPE_CHECKING:
    from woflo.durable.execution import Execution
    from woflo.stores.contract import Store


__all__ = ["Looking"]

BETWEEN_LOOKS = 0.05
"""Seconds between two looks for what executes here and may have been asked to stop, however much is heard of."""


class Looking(ABC):
    """Looks, and wakes those that wait for changes."""

    _looked_at = 0.0
    """The monotonic time of the last look."""
    _has_heard = False
    """True where something was heard since."""
    heard: int = 0
    """How often something was heard; for who wants to know whether that was since it looked."""

    def __init__(self, store: Store) -> None:
        self.store: Store = store
        self.membership: Membership = Membership(store)
        self.executions: dict[str, Execution] = {}
        """The workflows under way here, by their runs."""
        self._lock = threading.RLock()
        self._listeners: tuple[Callable[[], object], ...] = ()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self.failing_since: float | None = None
        """The monotonic time since when the store cannot be looked at, which is told once; None where it can."""

    @property
    def id(self) -> str:
        """Of the worker that this process is; another one after it was taken for dead."""
        return self.membership.id

    @abstractmethod
    def _look(self) -> None:
        """Do what is due. In its thread; where the store fails, it is done again."""

    @abstractmethod
    def _is_waiting(self) -> bool:
        """True where a run that does not execute here matters here."""

    @abstractmethod
    def _seconds_to_rest(self) -> float:
        """After which it looks though nothing was heard."""

    @abstractmethod
    def close(self) -> None:
        """End in order."""

    # -- hearing of changes ----------------------------------------------------------------------------

    def listen(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Have `listener()` called in any thread after the store or the clock has changed. Returns what ends that."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def end() -> None:
            with self._lock:
                self._listeners = tuple(one for one in self._listeners if one is not listener)

        return end

    @contextmanager
    def hearing(self) -> Iterator[threading.Event]:
        """An event that `wait(seconds)` returns from after each change."""
        event = _Change()
        end = self.listen(event.set)
        try:
            yield event
        finally:
            end()

    def _changed(self) -> None:
        self.heard += 1
        for listener in self._listeners:
            listener()
        if self._is_waiting():
            self._wake.set()
        elif self.executions:  # which somebody may have asked to stop
            self._has_heard = True
            if time.monotonic() - self._looked_at > BETWEEN_LOOKS:
                self._wake.set()

    # -- the thread ------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Look soon; the thread is started where there is none."""
        if self._thread is None:
            self._start_thread()
        if not self._wake.is_set():  # by one of the many calls that end at the same time: it looks after clearing it
            self._wake.set()

    def _start_thread(self) -> None:
        with self._lock:
            if self._thread is not None or self._closing.is_set():
                return
            self.membership.enter()
            self._end_listening = self.store.listen(self._changed)
            clock.when_moved(self._changed)
            runtime.current.preludes[self] = self.close
            thread = threading.Thread(target=self._work, name="woflo-engine", daemon=True)
            thread.start()
            self._thread = thread

    def be_alive(self) -> None:
        """To be called before the first claim: others must be able to tell that this process lives."""
        if self._thread is None:
            self._start_thread()

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                self._rest(self._seconds_to_rest())
                self._wake.clear()
                if not self._closing.is_set():
                    self._look()
                    self.failing_since = None
            except StoreError as error:
                if self.failing_since is None:
                    self.failing_since = time.monotonic()
                    self.complain("the store could not be looked at; it is tried again", error)
                self._closing.wait(LOOK)

    def _rest(self, seconds: float) -> None:
        """Until there is something to look at. What was heard soon after a look is looked at a little later."""
        if self.executions and not self._wake.wait(min(seconds, BETWEEN_LOOKS)):
            seconds = 0.0 if self._has_heard else seconds - BETWEEN_LOOKS
        while seconds > LOOK and not self.membership.is_alone:
            if self._wake.wait(LOOK):
                return
            self.membership.watch()
            seconds -= LOOK
        if seconds > 0:
            self._wake.wait(seconds)

    def has_died(self) -> bool:
        """True where its thread has ended by an error of woflo's own: nothing is claimed or renewed any more."""
        return self._thread is not None and not self._thread.is_alive() and not self._closing.is_set()

    def _stop(self) -> bool:
        """End the thread; False where that was done before."""
        with self._lock:
            if self._closing.is_set():
                return False
            self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._end_listening()
        runtime.current.preludes.pop(self, None)
        return True

    def complain(self, message: str, error: Exception) -> None:
        """Report what cannot be raised to anybody."""
        bus.complain(message, error)


class _Change(threading.Event):
    """An event that is clear again whenever a wait for it has ended."""

    def wait(self, timeout: float | None = None) -> bool:
        heard = super().wait(timeout)
        self.clear()
        return heard
