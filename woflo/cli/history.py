"""`woflo history`: what was executed. Imports no code of a user."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from woflo.cli import completing
from woflo.cli.failures import say, telling
from woflo.cli.options import AsJson, Debug, Name, Tags, Url, opened_store, tags_of
from woflo.cli.showing import print_json, print_table, time_of, utc
from woflo.kernel.texts import seconds
from woflo.scripts.history import Executed
from woflo.scripts.history import history as executed
from woflo.scripts.provenance import name_of
from woflo.scripts.unfinished import Unfinished, unfinished

__all__ = ["history"]


def history(
    file: Annotated[str | None, typer.Argument(help="Only what made this file, or tried to.")] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="Only of this task; may be given several times.", autocompletion=completing.tasks),
    ] = None,
    name: Name = None,
    tag: Tags = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 30,
    store: Url = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Tell what was executed, the newest first.

    When, by which task, how it ended, and, of commands, the exit code, the host and the command itself.
    """
    made = None if file is None else name_of(file)
    with telling(debug=debug):
        tags = tags_of(name, tag)
        with opened_store(store) as kept:
            found = executed(kept, file=made, tasks=task or (), tags=tags, limit=limit)
            open_ones = [] if tags else [one for one in unfinished(made) if not task or one.task in task]
            found = sorted([*map(_not_ended, open_ones), *found], key=lambda one: one.at, reverse=True)[:limit]
            if json:
                print_json([_as_json(one, kept.tags(one.run_id) if one.run_id else {}) for one in found])
                return
    if made is not None and not found:
        say(f"woflo history: nothing that this store knows has made {made}")
        return
    columns = ("ID", "WHEN", "TASK", "STATE", "TOOK", "EXIT", "HOST", "COMMAND")
    print_table(columns, [_line(one) for one in found])
    for one in open_ones:
        say(str(one))


def _not_ended(one: Unfinished) -> Executed:
    """What only its mark tells of; it has no row yet, and maybe never will."""
    return Executed("", one.task, one.state, one.began, None, None, "", one.host, one.outputs)


def _line(one: Executed) -> tuple[str, ...]:
    code = "" if one.exit_code is None else str(one.exit_code)
    return one.run_id, time_of(one.at), one.task, one.state, seconds(one.took), code, one.host, one.command


def _as_json(one: Executed, tags: dict[str, str]) -> dict[str, Any]:
    return {
        "id": one.run_id or None,
        "task": one.task,
        "state": one.state,
        "at": utc(one.at),
        "took": one.took,
        "exit_code": one.exit_code,
        "command": one.command,
        "host": one.host or None,
        "files": list(one.files),
        "tags": tags,
    }
