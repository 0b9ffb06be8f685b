"""The life of an observer: which of its methods `on_create` to `on_abort` are called, and when.

on_create ─► [on_restart] ─► update, update, … ─► on_success | on_failure | on_abort ─► on_destroy
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from woflo.kernel.state import RunState

if TYPE_CHECKING:
    from woflo.kernel.events import Event

__all__ = ["STAGES", "Stages"]

STAGES: tuple[str, ...] = ("on_create", "on_restart", "on_success", "on_failure", "on_abort", "on_destroy")
"""The names that an observer may give to methods without arguments; none of them is needed."""
_FAILURES = frozenset({RunState.FAILED, RunState.UPSTREAM_FAILED})


class Stages:
    """What an observer is called beside `update`. All of it happens in the observer's thread."""

    def __init__(self, observer: Any, restarted: bool, call: Callable[[Callable[[], object]], None]) -> None:
        self._methods: dict[str, Callable[[], object]] = {
            name: method for name in STAGES if callable(method := getattr(observer, name, None))
        }
        self._restarted = restarted
        self._call_safely = call
        self._asks = bool({"on_success", "on_failure", "on_abort"} & self._methods.keys())
        self._inner: set[str] = set()
        """Runs under way that another run has called: what becomes of them is that one's to judge."""
        self._failed = self._stopped = False
        self.broke_off: bool = False
        """True where the program left by an exception."""
        self.aborted: bool = False
        """True where the program was interrupted."""

    def begin(self) -> None:
        """Before the first event."""
        self._call("on_create")
        if self._restarted:
            self._call("on_restart")

    def see(self, event: Event) -> None:
        """Keep in mind how the runs end that no other run has called."""
        if not self._asks:
            return
        events = sys.modules["woflo.kernel.events"]  # there is an event, so it is there
        if isinstance(event, events.RunCreated):
            if event.parent_id is not None:
                self._inner.add(event.run_id)
        elif isinstance(event, events.RunEnded):
            if event.run_id in self._inner:
                self._inner.discard(event.run_id)
            else:
                self._failed = self._failed or event.state in _FAILURES
                self._stopped = self._stopped or event.state is RunState.STOPPED

    def end(self) -> None:
        """After the last event."""
        if self.aborted or self._stopped:
            self._call("on_abort")
        elif self._failed or self.broke_off:
            self._call("on_failure")
        else:
            self._call("on_success")
        self._call("on_destroy")

    def _call(self, name: str) -> None:
        method = self._methods.get(name)
        if method is not None:
            self._call_safely(method)
