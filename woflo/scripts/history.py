"""What was executed, from a store alone: runs, and of what made files also the command, the host and the exit code."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from woflo.kernel.masking import mask, mask_text
from woflo.kernel.state import SUCCESSES
from woflo.scripts.plan import as_text
from woflo.scripts.provenance import Made

if TYPE_CHECKING:
    from woflo.stores.contract import Store
    from woflo.stores.rows import Row

__all__ = ["Executed", "history", "made_by_run", "of_row"]

PAGE = 500
"""Rows that are asked for at once."""
ACCEPTED = "ACCEPTED"
"""Stands for a state where a person has accepted what was there."""


class Executed(NamedTuple):
    """A run, or the acceptance of files."""

    run_id: str
    task: str
    state: str
    at: float
    took: float | None
    exit_code: int | None
    command: str
    """As a person would write it, secrets hidden; of an earlier success of the same files, and of all that is no
    command, the arguments of the call."""
    host: str
    files: tuple[str, ...]
    """What it made, within the project."""


def history(
    store: Store,
    *,
    file: str | None = None,
    tasks: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    limit: int = 30,
) -> list[Executed]:
    """The newest first, no more than `limit`, of these tasks and with all of these tags.

    `file` is a name within the project, of whose making alone is told.
    """
    made = [Made(one) for one in store.successes()]
    if tasks:
        made = [one for one in made if one.success.task in tasks]
    if file is not None:
        made = [one for one in made if file in one.outputs]
        tasks = sorted({one.success.task for one in made})
        if not tasks:
            return []
    made.sort(key=lambda one: one.success.made_at, reverse=True)
    by_run = {one.success.run_id: one for one in made}
    rows = {row.id: row for row in _rows(store, tasks, tags or {}, file, by_run, limit)}
    if tags:  # which runs have, and not what they made
        made = [one for one in made if one.success.run_id in rows]
    for one in made[:limit]:  # steps, and functions, are no runs of their own in that list
        if one.success.run_id and one.success.run_id not in rows:
            row = store.get(one.success.run_id)
            if row is not None:
                rows[row.id] = row
    found = [of_row(row, by_run.get(row.id)) for row in rows.values()]
    found += [_of_success(one) for one in made[:limit] if one.success.run_id not in rows]
    return sorted(found, key=lambda one: one.at, reverse=True)[:limit]


def _rows(
    store: Store,
    tasks: Sequence[str],
    tags: Mapping[str, str],
    file: str | None,
    by_run: dict[str, Made],
    limit: int,
) -> list[Row]:
    found: list[Row] = []
    after = ""
    while len(found) < limit:
        page = store.select(tasks=tasks, tags=tags, newest_first=True, after=after, limit=PAGE if file else limit)
        found += [row for row in page if file is None or row.id in by_run or _made_by(store, row, file)]
        if len(page) < (PAGE if file else limit):
            break
        after = page[-1].id
    return found


def _made_by(store: Store, row: Row, file: str) -> bool:
    """Whether a file is among the outputs of an earlier success."""
    if row.result is None or row.state not in SUCCESSES:
        return row.error is not None  # what has failed might have made it
    return file in _files(json.loads(store.whole(row.result)))


def _files(value: Any) -> list[str]:
    groups = value.values() if isinstance(value, dict) else [value]
    return [os.path.normpath(one) for group in groups if isinstance(group, list) for one in group if type(one) is str]


def of_row(row: Row, made: Made | None) -> Executed:
    """A run, with what is known of what it made."""
    begun = row.started_at or row.created_at
    took = None if row.started_at is None or row.finished_at is None else row.finished_at - row.started_at
    error = json.loads(row.error).get("attributes", {}) if row.error else {}
    command = as_text(made.command) if made is not None else str(error.get("command", ""))
    exit_code = made.record.get("exit_code") if made is not None else error.get("exit_code")
    return Executed(
        row.id,
        row.task,
        row.state.value,
        begun,
        took,
        exit_code,
        mask_text(command) or _call(row),
        "" if made is None else made.record.get("host", ""),
        () if made is None else tuple(made.outputs),
    )


def made_by_run(store: Store) -> dict[str, Made]:
    """What is known of the last success of each target, by the runs that made them."""
    return {made.success.run_id: made for made in map(Made, store.successes()) if made.success.run_id}


def _call(row: Row) -> str:
    given = json.loads(row.args)
    if not isinstance(given, dict):
        return ""
    return ", ".join(
        f"{name}={json.dumps(mask(name, value), ensure_ascii=False)}" for name, value in given.items() if value != []
    )


def _of_success(made: Made) -> Executed:
    return Executed(
        made.success.run_id,
        made.success.task,
        ACCEPTED if made.is_accepted else "SUCCEEDED",
        made.record.get("started_at") or made.success.made_at,
        made.took,
        made.record.get("exit_code"),
        as_text(made.command),
        made.record.get("host", ""),
        tuple(made.outputs),
    )
