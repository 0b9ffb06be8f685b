"""The way from what happens to those who want to know: observers and the `woflo` logger.

Nothing here costs more than two look-ups while nobody listens.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from woflo.kernel import hiding, runtime

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from woflo.kernel.events import Event
    from woflo.kernel.ports import Counter, Listener

__all__ = [
    "complain",
    "count_skipped",
    "emit",
    "hearing",
    "is_heard",
    "listeners",
    "pass_on",
    "passes_over_routine",
    "stands_for",
    "tell_aloud",
    "wanted",
    "wants_calls",
    "wants_routine",
    "when_changed",
]

listeners: tuple[Listener, ...] = ()
wants_routine: bool = False
"""True where a listener wants to know of all that is routine, see `Event.is_routine`: else that is not even made."""
wants_calls: bool = False
"""True where one wants to know of all calls but those of runs that are skipped at once, which it wants counted."""
when_changed: list[Callable[[], None]] = []
"""Called when somebody begins to listen, or listens no more: what tells other processes of it."""
stands_for: dict[str, str] = {}
"""By the ids of runs that execute in the place of others, theirs: what the code says and calls is told as of those."""
_counting: tuple[Counter, ...] = ()
_logger: logging.Logger | None = None
INFO, WARNING, ERROR = 20, 30, 40


def wanted(level: int = INFO) -> bool:
    """True where an event, logged at `level`, would reach anybody."""
    if listeners:
        return True
    if "logging" not in sys.modules:
        return False
    return (_logger or logger()).isEnabledFor(level)


def passes_over_routine() -> bool:
    """True where somebody listens, and neither they nor the log take what is routine."""
    if wants_routine or not listeners:
        return False
    return "logging" not in sys.modules or not (_logger or logger()).isEnabledFor(INFO)


def wanted_at_exit(level: int) -> bool:
    """The same where the program may be ending by Ctrl-C: then nothing is imported that executes text.

    CPython forgets the interrupt when any text is executed, and `dataclasses` does that; the exit status would
    not be that of an interrupted program.
    """
    ready = "woflo.kernel.events" in sys.modules or not runtime.current.in_a_hurry
    return ready and wanted(level)


def logger() -> logging.Logger:
    """The `woflo` logger. It gets a `NullHandler`, and no other configuration from here."""
    global _logger
    if _logger is None:
        import logging

        _logger = logging.getLogger("woflo")
        _logger.addHandler(logging.NullHandler())
        _logger.addFilter(_hide_secrets)
    return _logger


def _hide_secrets(record: logging.LogRecord) -> bool:
    """In what is logged, and in its traceback, which handlers write as they find it here."""
    if hiding.is_any_known():
        told = record.getMessage()
        if (hidden := hiding.hide(told)) != told:
            record.msg, record.args = hidden, ()
    if record.exc_info:
        record.exc_text = _traceback(record.exc_info) or record.exc_text
    return True


def _traceback(info: Any) -> str | None:
    """A traceback with its secrets hidden; None where it has none."""
    import traceback

    from woflo.kernel.masking import mask_text

    text = "".join(traceback.format_exception(*info)).rstrip("\n")
    hidden = mask_text(text)
    return None if hidden == text else hidden


def emit(event: Event) -> None:
    """Hand an event to every observer's queue, and its line to the log."""
    for subscription in listeners:
        subscription.put(event)
    if "logging" in sys.modules:
        line = event.log_line()
        if line is not None and logger().isEnabledFor(line[0]):
            runtime.current.away_from_reactor(logger().log, *line)


def pass_on(event: Event) -> None:
    """Hand observers an event of another process, which has logged it itself."""
    for subscription in listeners:
        subscription.put(event)


def count_skipped(task: str) -> None:
    """A run was skipped of which nothing was told: one more for those who count."""
    for subscription in _counting:
        subscription.count_skipped(task)


def hearing() -> int:
    """0 where nobody listens; 2 where an observer tells somebody how runs end, else 1."""
    return max((1 + one.tells_ends for one in listeners), default=0)


def complain(message: str, error: BaseException | None = None) -> None:
    """Report something that must not be raised, with its traceback: that of `error`, or of what is being handled."""
    tell_aloud(message, sys.exc_info()[1] if error is None else error)


def is_heard(level: int) -> bool:
    """True where an event, logged at `level`, does reach somebody: an observer, or a handler of the user's."""
    if any(one.tells_ends for one in listeners):
        return True
    return "logging" in sys.modules and logger().isEnabledFor(level) and _has_handler()


def _has_handler() -> bool:
    from logging import NullHandler

    at: logging.Logger | None = logger()
    while at is not None:
        if any(not isinstance(handler, NullHandler) for handler in at.handlers):
            return True
        at = at.parent if at.propagate else None
    return False


def tell_aloud(message: str, error: BaseException | None = None) -> None:
    """Log at ERROR what must not be missed; where no handler takes it, Python's last resort writes it to stderr."""
    log = logger()
    if not log.isEnabledFor(ERROR):
        return
    if _has_handler():
        log.error(message, exc_info=error)
        return
    from logging import lastResort, makeLogRecord

    if lastResort is not None:
        info = None if error is None else (type(error), error, error.__traceback__)
        record = makeLogRecord({"name": log.name, "levelno": ERROR, "msg": message, "exc_info": info})
        if log.filter(record):
            lastResort.handle(record)


def add(subscription: Listener) -> None:
    global listeners
    listeners = (*listeners, subscription)
    _tell_changed()


def remove(subscription: Listener) -> None:
    global listeners
    listeners = tuple(one for one in listeners if one is not subscription)
    _tell_changed()


def _tell_changed() -> None:
    global wants_routine, wants_calls, _counting
    counting: Any = [one for one in listeners if getattr(one, "counts_skipped", False)]
    _counting, wants_calls = tuple(counting), bool(counting)
    wants_routine = any(getattr(one, "wants_routine", True) for one in listeners if one not in counting)
    for tell in when_changed:
        tell()


def _forget_in_child() -> None:
    """The threads of the observers stayed with the parent."""
    global listeners, wants_routine, wants_calls, _counting
    listeners, wants_routine, wants_calls, _counting = (), False, False, ()
    when_changed.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
