"""How a command fails: one line and a hint on stderr, and an exit status that a supervisor can tell apart.

0  done       1  the store failed, or what was run did not succeed       2  wrong usage
3  taken for dead, and not able to come back                             130  interrupted
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import format_exception

import typer

from woflo.errors import StoreError, WofloError
from woflo.kernel.masking import masked
from woflo.kernel.texts import spelled_out

__all__ = [
    "INTERRUPTED",
    "LEASE_LOST",
    "SOME_FAILED",
    "STORE_FAILED",
    "WRONG_USAGE",
    "UsageError",
    "say",
    "telling",
    "traceback_of",
]

STORE_FAILED, WRONG_USAGE, LEASE_LOST = 1, 2, 3
SOME_FAILED = STORE_FAILED
INTERRUPTED = 130


class UsageError(WofloError, ValueError):
    """What was written on the command line cannot be meant."""


@contextmanager
def telling(*, debug: bool) -> Iterator[None]:
    """Tell of an error of woflo in one line, or with its traceback, and end the command with its status."""
    try:
        yield
    except WofloError as error:
        say(traceback_of(error) if debug else f"error: {error}")
        raise typer.Exit(STORE_FAILED if isinstance(error, StoreError) else WRONG_USAGE) from None


def traceback_of(error: BaseException) -> str:
    """As Python tells it."""
    return "".join(format_exception(error)).rstrip("\n")


def say(text: str) -> None:
    """A line on stderr, or a few, in which nothing steers a terminal, and no secret is told that is known."""
    typer.echo("\n".join(map(spelled_out, str(masked("", text)).split("\n"))), err=True)
