"""Calls of a `map` on a pool whose handles nobody has asked for yet.

A handle costs more than a small call itself: so what a map launches ahead is held as rows, and each becomes a handle
when the reader comes to it, or when anything but a plain value happens to it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from woflo.kernel import bus
from woflo.kernel.lifecycle import NO_KWARGS
from woflo.kernel.mapping import Launched
from woflo.runners.processes.shipping import are_plain
from woflo.runners.processes.worker import plain_value

if TYPE_CHECKING:
    from woflo.kernel.runtime import Runtime
    from woflo.runners.pool import PoolTaskRun
    from woflo.runners.processes.code import Code
    from woflo.runners.processes.pooling import Pool

__all__ = ["Row", "Rows"]

_making = threading.Lock()
"""Two threads may want the handle of one row: the reader, and the reactor. Held for a moment only."""


class Row(Launched):
    """One call: what a worker gets of it, and its outcome once that is there.

    It stands where the pool holds calls; whoever there needs more than these attributes asks for the `handle`.
    """

    __slots__ = ("_content", "_ended", "_head", "_number", "_rows", "_run")
    _fd = None
    _shared = ()
    _unwanted = False

    def __init__(self, rows: Rows, number: int, args: tuple[Any, ...]) -> None:
        self._rows = rows
        self._number = number
        self._head: bytes = rows.code.head
        self._content = args
        self._ended: tuple[bytes, float, float] | None = None
        """The payload of its PLAIN frame, the seconds that it took, and the time at which it came."""
        self._run: PoolTaskRun[Any] | None = None

    @property
    def _code(self) -> Code:
        return self._rows.code

    def _ended_plain(self, payload: bytes, seconds: float, now: float) -> None:
        """In the reactor's thread: its outcome has come, and is a plain value."""
        self._ended = (payload, seconds, now)
        if self._run is not None:
            self._run._ended_plain(payload, seconds, now)

    def handle(self) -> PoolTaskRun[Any]:
        """The run, as if its call had made it."""
        run = self._run
        if run is None and self._ended is not None and not bus.listeners:
            payload, seconds, now = self._ended
            rows = self._rows
            return rows.runner._ended(rows, self._number, plain_value(payload), seconds, now)
        if run is None:
            made = self._rows.runner(self._rows.task, self._content, {})
            with _making:
                run = self._run
                if run is None:
                    made._take_over(self)
                    run = self._run = made
            if self._ended is not None:  # perhaps in this very moment: to end twice does no harm
                run._ended_plain(*self._ended)
            else:
                run._fail_with_reactor()
        return run


class Rows:
    """Launches the rows of one task, and keeps what they have in common."""

    def __init__(self, pool: Pool, task: Any) -> None:
        self.runner: type[PoolTaskRun[Any]] = pool.runner
        self.runtime: Runtime = pool.runtime
        self.task = task
        self.code: Code = pool.codes.get(task.body)
        self._pool = pool
        self._check = task.body.check_call

    def launch(self, args: tuple[Any, ...]) -> Row | None:
        """Queue a call; None for one that is not of a few numbers and short texts."""
        pool = self._pool
        if pool.closed or not are_plain(args):
            return None
        if self._check is not None:
            self._check(self.task.body, args, NO_KWARGS)
        row = Row(self, next(self.runtime.numbers), args)
        pool.queue.append(row)
        return row

    def flush(self) -> None:
        """Have them sent."""
        self._pool.serve()
