"""`woflo show RUN`: all that a store has about a run, its calls as a tree. Imports no code of a user."""

from __future__ import annotations

import json as jsons
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from woflo.cli.crashes import crashed, is_of_job
from woflo.cli.failures import telling
from woflo.cli.options import AsJson, Debug, Runs, Url, found, opened_store
from woflo.cli.showing import as_json, call_of, duration, error_line, print_json, styled, time_of
from woflo.kernel import clock
from woflo.kernel.masking import mask, mask_text, masked
from woflo.kernel.texts import spelled_out
from woflo.scripts.history import made_by_run, of_row

if TYPE_CHECKING:
    from woflo.scripts.provenance import Made
    from woflo.stores.contract import Store
    from woflo.stores.rows import Row

__all__ = ["show"]

OWN = "woflo."
"""How the names begin of what woflo itself shows beside a run."""
MOST = 200
"""Calls of a run that are shown, the last ones."""


def show(
    run: Runs,
    everything: Annotated[
        bool, typer.Option("--all", help=f"All calls, not only the last {MOST} of each run.")
    ] = False,
    store: Url = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Tell all about runs: how they stand, and what they called."""
    most = None if everything else MOST
    with telling(debug=debug), opened_store(store) as kept:
        rows = [kept.whole_row(found(kept, text)) for text in run]
        made = made_by_run(kept)
        if json:
            print_json([_told(kept, row, made) for row in rows])
            return
        for number, row in enumerate(rows):
            if number:
                typer.echo()
            _show(kept, row, made, most)


def _told(store: Store, row: Row, made: Mapping[str, Made]) -> dict[str, Any]:
    told = as_json(row, store.tags(row.id))
    command, code, host = _command(row, made)
    told |= {"command": command or None, "exit_code": code, "host": host or None}
    told["crashed"] = crashed(store, [row]).get(row.id)
    told["published"] = {name: jsons.loads(text) for name, text in _published(store, row)}
    told["signals"] = [
        {"name": one.name, "value": masked(one.name, jsons.loads(one.value)), "taken_by": one.taken_by}
        for one in store.signals(row.id)
    ]
    told["calls"] = [_told(store, store.whole_row(one), made) for one in store.steps(row.id)]
    return told


def _show(store: Store, row: Row, made: Mapping[str, Made], most: int | None) -> None:
    now = clock.now()
    typer.echo(f"{spelled_out(call_of(row))}")
    for name, value in _facts(store, row, made, now):
        shown = styled(row.state.value) if name == "state" else spelled_out(value)
        typer.echo(f"  {name:<10} {shown}")
    for line in _failure(row):
        typer.echo(f"    {spelled_out(line)}")
    for line in _tree(store, row, made, "  ", now, most):
        typer.echo(line)


def _facts(store: Store, row: Row, made: Mapping[str, Made], now: float) -> Iterator[tuple[str, str]]:
    command, code, host = _command(row, made)
    facts = {
        "id": row.id,
        "state": row.state.value,
        "crashed": crashed(store, [row]).get(row.id, "").removeprefix("crashed").lstrip(":; "),
        "reason": row.reason,
        "key": row.key,
        "tags": ", ".join(f"{name}={mask(name, value)}" for name, value in store.tags(row.id).items()),
        "queue": row.queue,
        "called by": row.parent_id,
        "continues": row.continues,
        "called": time_of(row.created_at),
        "began": time_of(row.started_at),
        "ended": time_of(row.finished_at),
        "took": duration(row, now),
        "not before": time_of(row.run_after),
        "attempt": str(row.attempt) if row.attempt > 1 else "",
        "worker": row.worker,
        "to stop": "yes, as soon as its worker sees it" if row.stop_requested and not row.is_terminal else "",
        "command": command,
        "exit code": "" if code is None else str(code),
        "host": host,
        "result": "" if row.result is None else _short(str(mask("", row.result))),
        "error": error_line(row.error),
    }
    yield from ((name, value) for name, value in facts.items() if value)
    for name, text in _published(store, row):
        yield "shows", f"{name} = {_short(text)}"
    for one in store.signals(row.id):
        taken = f"received by {one.taken_by}" if one.taken_by else "not received yet"
        yield "signal", f"{one.name} = {_short(str(mask(one.name, one.value)))}, {taken}"


def _command(row: Row, made: Mapping[str, Made]) -> tuple[str, int | None, str]:
    """The command of a script, its exit code and the host, as far as they are known."""
    executed = of_row(row, made.get(row.id))
    is_command = executed.exit_code is not None
    return executed.command if is_command else "", executed.exit_code, executed.host


def _published(store: Store, row: Row) -> Iterator[tuple[str, str]]:
    for name, text in store.published(row.id).items():
        if not name.startswith(OWN):
            yield name, str(mask(name, store.whole(text)))


def _failure(row: Row) -> list[str]:
    """The end of the traceback."""
    if row.error is None:
        return []
    trace = str(jsons.loads(row.error).get("trace", ""))
    return mask_text(trace).rstrip().splitlines()[-12:]


def _tree(store: Store, row: Row, made: Mapping[str, Made], before: str, now: float, most: int | None) -> Iterator[str]:
    """The calls of a run, and theirs."""
    calls = sorted(store.steps(row.id), key=_place)
    has_steps = is_of_job(row)  # whose names say more than those of the tasks that several may have
    left_out = 0 if most is None else max(0, len(calls) - most)
    if left_out:
        yield f"{before}├─ … {left_out} calls before these (--all)"
    for number, call in enumerate(calls[left_out:], 1):
        is_last = number == len(calls) - left_out
        note = error_line(call.error) or call.reason or _ended(call, made)
        step = call.scope.removeprefix("~") if has_steps else call.task
        named = call_of(call, 60) if step == call.task else f"{step}: {call_of(call, 60)}"
        told = [spelled_out(named), styled(call.state.value), duration(call, now), spelled_out(note)]
        yield f"{before}{'└' if is_last else '├'}─ {'  '.join(part for part in told if part)}"
        yield from _tree(store, call, made, before + ("   " if is_last else "│  "), now, most)


def _ended(row: Row, made: Mapping[str, Made]) -> str:
    _, code, host = _command(row, made)
    return "" if code is None else f"exit code {code} on {host}" if host else f"exit code {code}"


def _place(row: Row) -> tuple[Any, ...]:
    """In the order of the code: by branches, and the places in them."""
    return [int(part) for part in row.scope.removeprefix("~").split(".") if part.isdecimal()], row.position or 0, row.id


def _short(text: str, most: int = 500) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"
