"""`woflo stop`, `retry`, `resume`, `restart`, `fork`, `send`, `complete`: what is done to runs from outside.

Each writes into the store; whoever executes the run acts upon it. None of them imports code of a user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from woflo.cli.arguments import json_or_text
from woflo.cli.failures import UsageError, say, telling
from woflo.cli.options import Debug, OneRun, Runs, Url, found, opened_store
from woflo.durable import outside
from woflo.errors import TaskStoppedError
from woflo.kernel import clock
from woflo.kernel.state import SUCCESSES, TERMINAL
from woflo.stores.failures import dump_error
from woflo.stores.operations import RequestStop

if TYPE_CHECKING:
    from woflo.stores.contract import Store

__all__ = ["complete", "fork", "restart", "resume", "retry", "send", "stop"]

Value = Annotated[str | None, typer.Argument(help="JSON; what is none is meant as text. Without, null.")]


def stop(run: Runs, store: Url = None, debug: Debug = False) -> None:
    """Ask runs to stop.

    One that nobody executes is STOPPED at once; else its worker ends it, and all below it.
    """
    with telling(debug=debug), opened_store(store) as kept:
        for row in [found(kept, text) for text in run]:
            if row.state in TERMINAL:
                say(f"woflo stop: {row.id} has ended, {row.state}")
                continue
            error = dump_error(TaskStoppedError(f"{row.task} was stopped by `woflo stop`"))
            state = kept.write(RequestStop(now=clock.now(), run_id=row.id, error=error))
            say(f"woflo stop: {row.id} is {state if state in TERMINAL else 'asked to stop'}")


def retry(run: Runs, store: Url = None, debug: Debug = False) -> None:
    """Go on with runs that failed or were stopped.

    What succeeded in them is not done again. Each goes on under a new id, which is printed, with the key of the one
    before.
    """
    with telling(debug=debug), opened_store(store) as kept:
        rows = [found(kept, text) for text in run]
        for row in rows:
            if row.state not in TERMINAL or row.state in SUCCESSES:
                raise UsageError(f"{row.id} is {row.state}: only what failed or was stopped is tried again")
        for row in rows:
            typer.echo(outside.resume(row.id, store=kept))
        _tell_who_executes(kept)


def resume(run: Runs, store: Url = None, debug: Debug = False) -> None:
    """Let runs go on that wait for a decision, or that failed.

    The ids under which they do are printed. A step or call that is uncertain after a crash is executed again;
    `woflo complete` is the other answer.
    """
    with telling(debug=debug), opened_store(store) as kept:
        for row in [found(kept, text) for text in run]:
            typer.echo(outside.resume(row.id, store=kept))
        _tell_who_executes(kept)


def restart(run: Runs, store: Url = None, debug: Debug = False) -> None:
    """Begin runs that have ended once more.

    From the beginning; the new ids are printed.
    """
    with telling(debug=debug), opened_store(store) as kept:
        for row in [found(kept, text) for text in run]:
            typer.echo(outside.restart(row.id, store=kept))
        _tell_who_executes(kept)


def fork(
    run: OneRun,
    step: Annotated[int, typer.Argument(min=0, help="How many of its first calls are kept, as `woflo show` tells.")],
    key: Annotated[str | None, typer.Option(help="The key of the new run.")] = None,
    store: Url = None,
    debug: Debug = False,
) -> None:
    """Begin a run beside another one, from one of its calls on.

    What its first STEP calls left is kept; the new id is printed.
    """
    with telling(debug=debug), opened_store(store) as kept:
        typer.echo(outside.fork(found(kept, run).id, step, key=key, store=kept))
        _tell_who_executes(kept)


def send(
    run: OneRun,
    name: Annotated[str, typer.Argument(help="Of the signal, as wait_signal(NAME) has it.")],
    value: Value = None,
    signal_id: Annotated[str | None, typer.Option("--id", help="Sent once under this id, however often.")] = None,
    store: Url = None,
    debug: Debug = False,
) -> None:
    """Send a signal to a run.

    It is on disk when this returns, and received once.
    """
    with telling(debug=debug), opened_store(store) as kept:
        row = found(kept, run)
        was_sent = outside.send(row.id, name, None if value is None else json_or_text(value), id=signal_id, store=kept)
    say(f"woflo send: {name!r} {'is' if was_sent else 'was already'} on its way to {row.id}")


def complete(
    run: OneRun,
    value: Value = None,
    error: Annotated[str | None, typer.Option(help="It failed, with this message.")] = None,
    store: Url = None,
    debug: Debug = False,
) -> None:
    """End a manual or uncertain step, by a value or an error."""
    with telling(debug=debug), opened_store(store) as kept:
        if error is not None and value is not None:
            raise UsageError("a step ends by a value or by --error, not by both")
        row = found(kept, run)
        failure = None if error is None else RuntimeError(error)
        outside.complete(row.id, None if value is None else json_or_text(value), error=failure, store=kept)
    say(f"woflo complete: {row.id} has {'ended' if failure is None else 'failed'}")


def _tell_who_executes(store: Store) -> None:
    """A run that nobody would execute is not left waiting in silence."""
    if not store.workers():
        say("no worker is alive on this store; start one with `woflo worker FILE`, or call the run by its key")
