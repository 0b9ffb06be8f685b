"""How a command fails: one line and a hint on stderr, and an exit status that a supervisor can tell apart.

0  done       1  it could not be done, or what was run did not succeed       2  wrong usage
3  taken for dead, and not able to come back                                     130  interrupted
                                                                   (143 by SIGTERM and 129 by SIGHUP, in `run`)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import format_exception

import typer

from woflo.errors import (
    KeyConflictError,
    PictureError,
    RunContinuedError,
    RunEndedError,
    RunNotEndedError,
    RunUnderWayError,
    StoreError,
    UnknownRunError,
    WofloError,
)
from woflo.kernel.masking import masked
from woflo.kernel.texts import spelled_out

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "LEASE_LOST",
    "WRONG_USAGE",
    "UsageError",
    "say",
    "say_last_lines",
    "telling",
    "traceback_of",
]

FAILED, WRONG_USAGE, LEASE_LOST = 1, 2, 3
INTERRUPTED = 130
_MISTAKES = (
    KeyConflictError,
    RunContinuedError,
    RunEndedError,
    RunNotEndedError,
    RunUnderWayError,
    UnknownRunError,
)
"""What a store says of a command that cannot be meant, such as `send` to a run that has ended."""


class UsageError(WofloError, ValueError):
    """What was written on the command line cannot be meant."""


@contextmanager
def telling(*, debug: bool) -> Iterator[None]:
    """Tell of an error of woflo in one line, or with its traceback, and end the command with its status."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read has what it wanted: typer ends with status 1, and nothing is said
    except (WofloError, OSError) as error:
        say(traceback_of(error) if debug else f"error: {error}")
        raise typer.Exit(_status(error)) from None


def _status(error: BaseException) -> int:
    """1 where the store, the disk or another program failed, 2 where the command cannot be meant."""
    if isinstance(error, StoreError):
        return WRONG_USAGE if isinstance(error, _MISTAKES) else FAILED
    is_of_woflo = isinstance(error, WofloError) and not isinstance(error, PictureError)
    return WRONG_USAGE if is_of_woflo else FAILED


def traceback_of(error: BaseException) -> str:
    """As Python tells it."""
    return "".join(format_exception(error)).rstrip("\n")


def say_last_lines(error: BaseException | None) -> None:
    """What a command that failed has printed last, for who has not seen it: indented, on stderr."""
    for line in getattr(error, "output", "").splitlines():
        say(f"    {line}")


def say(text: str) -> None:
    """A line on stderr, or a few, in which nothing steers a terminal, and no secret is told that is known."""
    typer.echo("\n".join(map(spelled_out, str(masked("", text)).split("\n"))), err=True)
