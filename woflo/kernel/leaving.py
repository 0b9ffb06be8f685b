"""Ctrl-C in a command: the first one stops what was called, the next one leaves at once.

For programs that woflo itself is: a library installs no signal handler.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["interrupts_held_back", "leave_at_next_interrupt"]

INTERRUPTED = 130
_SHOW_CURSOR = b"\x1b[?25h\r\n"
"""What bars have hidden."""


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Ctrl-C counts when this ends: a run that is called, and that nobody has yet, could not be stopped.

    A second one counts at once.
    """
    if not _is_ours():
        yield
        return
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if came:
            signal.default_int_handler(number, frame)
        came.append(number)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


def leave_at_next_interrupt() -> None:
    """From now on Ctrl-C ends this process at once, with the status of an interrupt and without a traceback.

    What it has started ends with it: the guardian sees to that.
    """
    if not _is_ours():
        return
    pid = os.getpid()

    def leave(number: int, frame: FrameType | None) -> None:
        if os.getpid() != pid:
            signal.default_int_handler(number, frame)  # in a forked child
        if sys.stderr is not None and sys.stderr.isatty():
            os.write(2, _SHOW_CURSOR)
        os._exit(INTERRUPTED)

    signal.signal(signal.SIGINT, leave)


def _is_ours() -> bool:
    """True where nobody else has a handler, and one can be set."""
    return current_thread() is main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler
