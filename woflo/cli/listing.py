"""`woflo list`: which runs a store has. Imports no code of a user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from woflo.cli import completing
from woflo.cli.crashes import crashed
from woflo.cli.failures import UsageError, say, telling
from woflo.cli.options import AsJson, Debug, Name, Tags, Url, found, opened_store, tags_of
from woflo.cli.showing import as_json, duration, error_line, print_json, print_table, time_of
from woflo.kernel import clock
from woflo.kernel.state import RunState
from woflo.stores.rows import Row

__all__ = ["list_"]


def list_(
    state: Annotated[
        list[str] | None,
        typer.Option(help="FAILED, WAITING, …; may be given several times.", autocompletion=completing.states),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="Runs of this task; may be given several times.", autocompletion=completing.tasks),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The run that was called with this key.", autocompletion=completing.keys)
    ] = None,
    name: Name = None,
    tag: Tags = None,
    after: Annotated[
        str, typer.Option(help="The id of a run: only those called before it.", autocompletion=completing.runs)
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 30,
    store: Url = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Tell which runs a store has, the newest first."""
    with telling(debug=debug):
        states, tags = _states(state or ()), tags_of(name, tag)
        with opened_store(store) as kept:
            rows = kept.select(
                states=states,
                tasks=task or (),
                key=key,
                tags=tags,
                newest_first=True,
                after=found(kept, after).id if after else "",
                limit=limit + 1,
            )
            shown = rows[:limit]
            dead = crashed(kept, shown)
            if json:
                print_json([
                    as_json(kept.whole_row(row), kept.tags(row.id)) | {"crashed": dead.get(row.id)} for row in shown
                ])  # fmt: skip
                return
    now = clock.now()
    print_table(("ID", "TASK", "STATE", "CALLED", "TOOK", "NOTE"), [_line(row, now, dead) for row in shown])
    if len(rows) > limit:
        say(f"woflo list: there are more; --limit {limit * 10}, or --after {shown[-1].id}")


def _line(row: Row, now: float, dead: Mapping[str, str]) -> tuple[str, ...]:
    is_asked = row.stop_requested and not row.is_terminal
    note = dead.get(row.id) or error_line(row.error) or row.reason or ("to be stopped" if is_asked else "")
    return row.id, row.task, row.state.value, time_of(row.created_at), duration(row, now), note


def _states(given: list[str] | tuple[str, ...]) -> list[RunState]:
    try:
        return [RunState(one.upper()) for one in given]
    except ValueError:
        raise UsageError(f"--state {' '.join(given)}: the states of runs are {', '.join(RunState)}") from None
