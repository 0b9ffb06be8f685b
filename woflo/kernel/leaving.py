"""Ctrl-C in a command: the first one stops what was called, the next one leaves at once. So do SIGTERM and SIGHUP.

For programs that woflo itself is: a library installs no signal handler.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

__all__ = [
    "ending_signals_interrupt",
    "interrupted_status",
    "interrupts_held_back",
    "leave_at_next_interrupt",
    "told_stopping",
]

_OTHERS: tuple[int, ...] = tuple(int(getattr(signal, name)) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What ends programs as Ctrl-C does, and is sent by others: `timeout`, a scheduler, a terminal that is closed."""
_SHOW_CURSOR = b"\x1b[?25h\r\n"
"""What bars have hidden."""
_Handler = Callable[[int, "FrameType | None"], object]


class _Leaving:
    """How this program is ended at the moment."""

    number: int = signal.SIGINT
    """The first signal that has interrupted it; that of Ctrl-C where it was no other."""
    act: _Handler = staticmethod(signal.default_int_handler)
    """What one of the others does where Ctrl-C is ignored, as in a script's background."""


@contextmanager
def ending_signals_interrupt() -> Iterator[None]:
    """Within this, SIGTERM and SIGHUP do what Ctrl-C does, where they would have ended the program at once.

    What is ignored, as SIGHUP under `nohup`, stays so.
    """
    if current_thread() is not main_thread():
        yield
        return
    pid = os.getpid()
    terminals = [fd for fd in (1, 2) if os.isatty(fd)]
    _Leaving.number = signal.SIGINT

    def interrupt(number: int, frame: FrameType | None) -> None:
        if os.getpid() != pid:  # in a forked child, which has none of this to end
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        for fd in terminals:
            if not os.isatty(fd):
                _write_to_nobody(fd)
        if _Leaving.number == signal.SIGINT:
            _Leaving.number = number
        of_interrupts = signal.getsignal(signal.SIGINT)
        (of_interrupts if callable(of_interrupts) else _Leaving.act)(number, frame)

    ours = [number for number in _OTHERS if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in ours:
            if signal.getsignal(number) is interrupt:
                signal.signal(number, signal.SIG_DFL)


def _write_to_nobody(fd: int) -> None:
    """The terminal behind it was closed: what is said from now on is no error."""
    nobody = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nobody, fd)
    os.close(nobody)


def interrupted_status() -> int:
    """The exit status of a program that was interrupted: 128, and the number of the signal."""
    return 128 + _Leaving.number


def told_stopping(what: str) -> str:
    """What is said when it begins to stop `what`."""
    if _Leaving.number == signal.SIGINT:
        return f"stopping {what}; press Ctrl-C again to leave now"
    return f"{signal.Signals(_Leaving.number).name}: stopping {what}; a second signal leaves now"


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Ctrl-C counts when this ends: a run that is called, and that nobody has yet, could not be stopped.

    A second one counts at once.
    """
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if came:
            signal.default_int_handler(number, frame)
        came.append(number)

    if not _act(note):
        yield
        return
    try:
        yield
    finally:
        _act(signal.default_int_handler, instead_of=note)
    if came:
        raise KeyboardInterrupt


def leave_at_next_interrupt() -> None:
    """From now on Ctrl-C ends this process at once, with the status of an interrupt and without a traceback.

    What it has started ends with it: the guardian sees to that.
    """
    pid = os.getpid()

    def leave(number: int, frame: FrameType | None) -> None:
        if os.getpid() != pid:
            signal.default_int_handler(number, frame)  # in a forked child
        if sys.stderr is not None and sys.stderr.isatty():
            os.write(2, _SHOW_CURSOR)
        os._exit(128 + number)

    _act(leave)


def _act(handler: _Handler, instead_of: Any = signal.default_int_handler) -> bool:
    """Have this done at a signal; on Ctrl-C only where nobody else has a handler. False where none can be set."""
    if current_thread() is not main_thread():
        return False
    _Leaving.act = staticmethod(handler)  # a plain function would be bound
    if signal.getsignal(signal.SIGINT) is instead_of:
        signal.signal(signal.SIGINT, handler)
    return True
