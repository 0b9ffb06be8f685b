"""`woflo stop`, `retry`, `resume`, `restart`, `fork`, `send`, `complete`: what is done to runs from outside.

Each writes into the store; whoever executes the run acts upon it. None of them imports code of a user.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from woflo.cli.crashes import crashed, job_file_of
from woflo.cli.failures import UsageError, say, telling
from woflo.cli.options import AsJson, Debug, OneRun, Runs, Url, found, opened_store
from woflo.cli.showing import print_json
from woflo.durable import outside
from woflo.durable.membership import free_of_dead
from woflo.errors import TaskStoppedError
from woflo.kernel import clock
from woflo.kernel.pairs import json_or_text
from woflo.kernel.state import SUCCESSES, TERMINAL, RunState
from woflo.stores.failures import dump_error
from woflo.stores.operations import RequestStop

if TYPE_CHECKING:
    from woflo.stores.contract import Store
    from woflo.stores.rows import Row

__all__ = ["complete", "fork", "restart", "resume", "retry", "send", "stop"]

Value = Annotated[str | None, typer.Argument(help="JSON; what is none is meant as text. Without, null.")]


def stop(run: Runs, store: Url = None, json: AsJson = False, debug: Debug = False) -> None:
    """Ask runs to stop.

    One that nobody executes, or whose process is dead, is STOPPED at once; else its worker ends it, and all below it.
    """
    asked = []
    with telling(debug=debug), opened_store(store) as kept:
        rows = [found(kept, text) for text in run]
        if crashed(kept, rows):
            free_of_dead(kept)
        silent = crashed(kept, rows)
        for row in rows:
            state = row.state if row.state in TERMINAL else _asked_to_stop(kept, row)
            asked.append({"id": row.id, "state": state, "stop_requested": state not in TERMINAL})
            if not json:
                ended = "has ended, " if row.state in TERMINAL else "is "
                told = f"; {silent[row.id]}" if row.id in silent and state not in TERMINAL else ""
                say(f"woflo stop: {row.id} {ended}{state if state in TERMINAL else 'asked to stop'}{told}")
    if json:
        print_json(asked)


def _asked_to_stop(kept: Store, row: Row) -> RunState:
    error = dump_error(TaskStoppedError(f"{row.task} was stopped by `woflo stop`"))
    return kept.write(RequestStop(now=clock.now(), run_id=row.id, error=error))


def retry(run: Runs, store: Url = None, json: AsJson = False, debug: Debug = False) -> None:
    """Go on with runs that failed or were stopped.

    What succeeded in them is not done again. Each goes on under a new id, which is printed, with the key of the one
    before.
    """
    with telling(debug=debug), opened_store(store) as kept:
        rows = [found(kept, text) for text in run]
        _refuse(kept, rows, "`woflo run {} -r` goes on")
        for row in rows:
            if row.state not in TERMINAL or row.state in SUCCESSES:
                raise UsageError(f"{row.id} is {row.state}: only what failed or was stopped is tried again")
        _begin(kept, rows, outside.resume, json=json)


def resume(run: Runs, store: Url = None, json: AsJson = False, debug: Debug = False) -> None:
    """Let runs go on that wait for a decision, or that failed.

    The ids under which they do are printed. A step or call that is uncertain after a crash is executed again;
    `woflo complete` is the other answer.
    """
    with telling(debug=debug), opened_store(store) as kept:
        rows = [found(kept, text) for text in run]
        _refuse(kept, [row for row in rows if row.state is not RunState.WAITING], "`woflo run {} -r` goes on")
        _begin(kept, rows, outside.resume, json=json)


def restart(run: Runs, store: Url = None, json: AsJson = False, debug: Debug = False) -> None:
    """Begin runs that have ended once more.

    From the beginning; the new ids are printed.
    """
    with telling(debug=debug), opened_store(store) as kept:
        rows = [found(kept, text) for text in run]
        _refuse(kept, rows, "`woflo run {}` begins it once more")
        _begin(kept, rows, outside.restart, json=json)


def fork(
    run: OneRun,
    step: Annotated[int, typer.Argument(min=0, help="How many of its first calls are kept, as `woflo show` tells.")],
    key: Annotated[str | None, typer.Option(help="The key of the new run.")] = None,
    store: Url = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Begin a run beside another one, from one of its calls on.

    What its first STEP calls left is kept; the new id is printed.
    """
    with telling(debug=debug), opened_store(store) as kept:
        row = found(kept, run)
        job = job_file_of(row)
        if job is not None:
            raise UsageError(f"{row.id} is a run of a job, whose steps have names: `woflo run {job} --run-from STEP`")
        _begin(kept, [row], lambda run_id, store: outside.fork(run_id, step, key=key, store=store), json=json)


def _refuse(kept: Store, rows: list[Row], of_job: str) -> None:
    """Raise `UsageError` for runs that crashed, and those of jobs, with which no worker would go on."""
    dead = crashed(kept, rows)
    for row in rows:
        if row.id in dead:
            raise UsageError(f"{row.id} {dead[row.id]}")
        job = job_file_of(row)
        if job is not None:
            raise UsageError(f"{row.id} is {row.state}, and a run of a job: {of_job.format(job)}")


def _begin(kept: Store, rows: list[Row], begin: Callable[..., str], *, json: bool) -> None:
    """Tell under which ids they go on; that of each as soon as it does, for the next one may be refused."""
    begun = []
    try:
        for row in rows:
            begun.append({"id": begin(row.id, store=kept), "from": row.id})
            if not json:
                typer.echo(begun[-1]["id"])
    finally:
        if json and begun:
            print_json(begun)
    jobs = {job_file_of(kept.get(row.parent_id) or row if row.parent_id else row) for row in rows} - {None}
    if jobs:
        say(f"hint: `woflo run {jobs.pop()} -r` goes on")
    elif not kept.workers():  # a run that nobody would execute is not left waiting in silence
        say("hint: no worker is alive on this store; start one with `woflo worker FILE`, or call the run by its key")


def send(
    run: OneRun,
    name: Annotated[str, typer.Argument(help="Of the signal, as wait_signal(NAME) has it.")],
    value: Value = None,
    signal_id: Annotated[str | None, typer.Option("--id", help="Sent once under this id, however often.")] = None,
    store: Url = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Send a signal to a run.

    It is on disk when this returns, and received once.
    """
    with telling(debug=debug), opened_store(store) as kept:
        row = found(kept, run)
        was_sent = outside.send(row.id, name, None if value is None else json_or_text(value), id=signal_id, store=kept)
    if json:
        print_json({"id": row.id, "signal": name, "was_sent_before": not was_sent})
    else:
        say(f"woflo send: {name!r} {'is' if was_sent else 'was already'} on its way to {row.id}")


def complete(
    run: OneRun,
    value: Value = None,
    error: Annotated[str | None, typer.Option(help="It failed, with this message.")] = None,
    store: Url = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """End a manual or uncertain step, by a value or an error."""
    with telling(debug=debug), opened_store(store) as kept:
        if error is not None and value is not None:
            raise UsageError("a step ends by a value or by --error, not by both")
        row = found(kept, run)
        failure = None if error is None else RuntimeError(error)
        outside.complete(row.id, None if value is None else json_or_text(value), error=failure, store=kept)
    if json:
        print_json({"id": row.id, "state": RunState.SUCCEEDED if failure is None else RunState.FAILED})
    else:
        say(f"woflo complete: {row.id} has {'ended' if failure is None else 'failed'}")
