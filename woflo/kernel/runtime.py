"""What belongs to this process alone: its live runs, its reactor, its places.

A forked child gets a new `Runtime` and never touches the old one: the threads behind it do not exist there,
and its locks may be held by threads that do not exist either.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from woflo.kernel.delivery import Deliverer
    from woflo.kernel.limits import Limits
    from woflo.kernel.reactor import Reactor

__all__ = ["EXIT_GRACE", "STARTS_LATE", "Runtime", "at_exit", "current", "prepare_forks", "was_interrupted"]

EXIT_GRACE = 5.0
"""Seconds that runs are given to end when the program was interrupted."""
STARTS_LATE: bool = sys.version_info < (3, 12)
"""True where threads can be started, and processes forked, when the main thread has ended already."""
LAST_WORDS = 1.0
"""Seconds that other threads are given to tell of failures that nobody looked at."""


class Runtime:
    """The per-process state of woflo. Its services start on first use."""

    def __init__(self) -> None:
        self.lock: Any = threading.Lock()
        self._prefix = ""
        self._prefix_lock = threading.Lock()
        self.numbers: count[int] = count(1)
        self.live: set[Any] = set()
        """Every run that is not terminal; what is in here is waited for at exit."""
        self.preludes: dict[Any, Callable[[], None]] = {}
        """Called once at exit, before runs are waited for: what has launched something that is no handle yet."""
        self.closers: dict[Any, Callable[[], None]] = {}
        """Called once at exit after the last run ended, the last made first: pools, observers."""
        self.final_closers: dict[Any, Callable[[], None]] = {}
        """Called after those: what they stand on."""
        self.services: dict[Any, Any] = {}
        """One object per key and process, made by `service`: a pool per runner class, the supervisor."""
        self.failures: WeakSet[Any] = WeakSet()
        """Of runs that failed and that nobody has looked at; see `unseen`."""
        self.telling: set[int] = set()
        """Of which of them other threads are telling just now."""
        self.notifying: dict[int, deque[Any]] = {}
        """By thread: the ended runs of which it is telling. No `threading.local`: each one that any thread has used
        costs every child that is forked some dozen pages, for it puts the other threads away."""
        self.starting: dict[int, deque[Any]] = {}
        """By thread: the runs that it is starting."""
        self.exiting = False
        self.in_a_hurry = False
        """True once Ctrl-C ends the program."""
        self._reactor: Reactor | None = None
        self._deliverer: Deliverer | None = None
        self._limits: Limits | None = None

    @property
    def prefix(self) -> str:
        """What the ids of this process's runs begin with: the time of the first one, and chance."""
        if not self._prefix:
            with self._prefix_lock:
                if not self._prefix:
                    self._prefix = f"{time.time_ns() // 1_000_000:012x}{os.urandom(4).hex()}"
        return self._prefix

    @property
    def reactor(self) -> Reactor:
        if self._reactor is None:
            from woflo.kernel.reactor import Reactor

            with self.lock:
                if self._reactor is None:
                    self._reactor = Reactor(self)
            assert self.deliverer is not None  # for what the reactor may not do itself, see `ready_for_the_end`
        return self._reactor

    def ready_for_the_end(self) -> None:
        """To be called by what lets runs outlive the main thread: the threads that they may need then are started."""
        if not STARTS_LATE:
            assert self.reactor is not None

    @property
    def deliverer(self) -> Deliverer:
        if self._deliverer is None:
            from woflo.kernel.delivery import Deliverer

            with self.lock:
                if self._deliverer is None:
                    self._deliverer = Deliverer()
        return self._deliverer

    @property
    def limits(self) -> Limits:
        if self._limits is None:
            from woflo.kernel.limits import Limits

            with self.lock:
                if self._limits is None:
                    self._limits = Limits()
        return self._limits

    def deliverer_about_to_wait(self) -> None:
        """To be called before a thread blocks: another one may have to deliver what it waits for."""
        if self._deliverer is not None:
            self._deliverer.about_to_wait()

    def look_after_reactor(self) -> None:
        """To be called now and then by a thread that waits: code that closed the reactor's descriptors tells nobody."""
        if self._reactor is not None:
            self._reactor.wake()

    def on_reactor(self) -> bool:
        """True in the reactor's own thread, where no code of the user may run."""
        return self._reactor is not None and self._reactor.ident == threading.get_ident()

    def away_from_reactor(self, function: Callable[..., object], *args: Any) -> None:
        """Call now, or, in the reactor's thread, from the thread that runs code of the user."""
        if self.on_reactor():
            self.deliverer.post(function, *args)
        else:
            function(*args)

    def service(self, key: Any, make: Callable[[], Any]) -> Any:
        """The one object under `key` in this process, made on first use."""
        found = self.services.get(key)
        if found is None:
            with self.lock:
                found = self.services.get(key)
                if found is None:
                    found = self.services[key] = make()
        return found


current: Runtime = Runtime()
"""This process's runtime. Read it as `runtime.current`: a fork puts another one here."""


_next: Runtime | None = None
"""The one of the next forked child."""


def prepare_forks() -> None:
    """Make the runtime of forked children here, once: making it there would copy some twenty pages in each."""
    global _next
    _next = Runtime()


def _renew_in_child() -> None:
    global current, _next
    current, _next = _next or Runtime(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)


# -- the end of the program ----------------------------------------------------------------------------


def at_exit() -> None:
    """Wait for every run; where the program was interrupted, stop them instead."""
    runtime = current
    try:
        _end_runs(runtime)
    except KeyboardInterrupt:
        runtime.in_a_hurry = True  # once more: what is left is ended by the closers, at once
    finally:
        runtime.exiting = True
        with ExitStack() as last:  # calls the last one first, and all of them whatever one raises
            last.callback(_tell_failures, runtime)
            for close in (*runtime.final_closers.values(), *runtime.closers.values()):
                last.callback(close)
        if runtime.in_a_hurry:
            _end_as_interrupted()


def _end_runs(runtime: Runtime) -> None:
    for prelude in list(runtime.preludes.values()):
        prelude()
    try:
        runtime.in_a_hurry = runtime.in_a_hurry or was_interrupted()
        runtime.exiting = True
        if not runtime.in_a_hurry:
            _wait_for_all(runtime)
    except KeyboardInterrupt:
        runtime.in_a_hurry = True
    _stop_all(runtime)


def _end_as_interrupted() -> None:
    """Let the interpreter end this program by SIGINT, as it does after any Ctrl-C that nobody caught.

    It remembers that such an exception came out of the last code that it executed from a text, and forgets it where
    more of that is executed meanwhile: `dataclass` and `NamedTuple` do it, in modules that are imported for the end.
    """
    try:
        exec("raise KeyboardInterrupt")
    except KeyboardInterrupt:
        pass


def _tell_failures(runtime: Runtime) -> None:
    """Of those that nobody looked at; after Ctrl-C only where nothing has to be imported for it (see `bus`)."""
    if runtime.failures and ("logging" in sys.modules or not runtime.in_a_hurry):
        from woflo.kernel.unseen import tell_at_exit

        tell_at_exit()
    end = time.monotonic() + LAST_WORDS
    while runtime.telling and time.monotonic() < end:
        time.sleep(0.001)
    if runtime._deliverer is not None:
        runtime._deliverer.catch_up(LAST_WORDS)


def wait_for_all() -> None:
    """Wait for every run of this process, as its end does."""
    _wait_for_all(current)


def stop_all() -> None:
    """Stop every run of this process, as its end does after Ctrl-C."""
    _stop_all(current)


def was_interrupted() -> bool:
    """True where a KeyboardInterrupt that nobody caught ends this program (not one shown at a prompt)."""
    if hasattr(sys, "ps1") or sys.flags.interactive:
        return False
    return isinstance(getattr(sys, "last_value", None), KeyboardInterrupt)


def _wait_for_all(runtime: Runtime) -> None:
    while _leave_to_stores(runtime):
        for run in list(runtime.live):
            run._await_end(None)
        time.sleep(0)  # one that has ended stays in there until its event is out


def _leave_to_stores(runtime: Runtime) -> bool:
    """What waits for runs that a store keeps, as a group of workflows, ends elsewhere; True where others are left."""
    for run in list(runtime.live):
        if _waits_for_kept(runtime, run):
            runtime.live.discard(run)
    return bool(runtime.live)


def _waits_for_kept(runtime: Runtime, run: Any) -> bool:
    under_way = [one for one in run._held_up_by() if one.is_running()]
    return any(one not in runtime.live or _waits_for_kept(runtime, one) for one in under_way)


def _stop_all(runtime: Runtime) -> None:
    _leave_to_stores(runtime)
    # Those that wait first, as they stand in their queues: the place of one that ends is not to start another.
    runs = sorted(runtime.live, key=lambda run: (run._has_begun(), run._number))
    for run in runs:
        run._ask_to_stop(EXIT_GRACE)
    end = time.monotonic() + EXIT_GRACE + 1.0
    for run in runs:
        run._wait_ended(max(0.0, end - time.monotonic()))


# Not the hook before threads are waited for: a thread that outlives the main program may make calls until its end.
atexit.register(at_exit)
