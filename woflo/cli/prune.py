"""`woflo prune`: take away what ended long ago."""

from __future__ import annotations

from typing import Annotated

import typer

from woflo.cli import completing
from woflo.cli.failures import UsageError, say, telling
from woflo.cli.options import AsJson, Debug, Url, opened_store
from woflo.cli.showing import counted, print_json
from woflo.durable.retention import prune as prune_runs
from woflo.errors import OptionError

__all__ = ["prune"]


def prune(
    older_than: Annotated[str, typer.Option("--older-than", help="How long ago they ended: 30d (s, m, h, d, w).")],
    state: Annotated[
        list[str] | None,
        typer.Option(help="SUCCEEDED, FAILED, …; may be given several times.", autocompletion=completing.states),
    ] = None,
    task: Annotated[str | None, typer.Option(help="Runs of this task only.", autocompletion=completing.tasks)] = None,
    store: Url = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which runs these are.")] = False,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Take away runs that have ended, with their steps.

    Without --state, those that succeeded.
    """
    with telling(debug=debug), opened_store(store) as kept:
        try:
            states = state or ["SUCCEEDED"]
            gone = prune_runs(older_than=older_than, state=states, task=task, dry_run=dry_run, store=kept)
        except OptionError as error:  # which tells of the arguments of the function
            told = str(error).replace("older_than=", "--older-than ").replace("state=", "--state ")
            raise UsageError(told) from None
    if json:
        print_json([{"id": run_id, "is_removed": not dry_run} for run_id in gone])
        return
    if dry_run:
        for run_id in gone:
            typer.echo(run_id)
    are = "would be" if dry_run else "was" if len(gone) == 1 else "were"
    say(f"woflo prune: {counted(len(gone), 'run')} {are} taken away")
