"""`woflo check TARGET`: whether the runs in flight fit the code as it is now."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from woflo.cli.failures import UsageError, say, telling
from woflo.cli.options import AsJson, Debug, store_named
from woflo.cli.showing import counted, print_json
from woflo.cli.targets import Target
from woflo.durable.checking import Checked
from woflo.durable.checking import check as checked
from woflo.kernel.masking import mask_text
from woflo.kernel.texts import spelled_out

__all__ = ["check"]

MISFITS = 1
"""The exit status where there are some, or runs that no code is there for."""


def check(
    target: Annotated[
        list[str], typer.Argument(help="Files (app.py) or modules (package.app), each with or without :NAME.")
    ],
    store: Annotated[
        str | None, typer.Option(help="Which store; without, as use_store, WOFLO_STORE or woflo.toml say.")
    ] = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Tell which runs in flight would stop with the code as it is.

    Their code is replayed against their records: nothing is written, and no step is executed. Exit status: 0 all fit,
    1 some do not, or are of no workflow here, or the store failed, 2 wrong usage.
    """
    with telling(debug=debug):
        workflows = [task for text in target for task in Target(text).workflows()]
        if not workflows:
            raise UsageError(f"{', '.join(target)}: there are no workflows to be checked")
        found = checked(*workflows, store=store_named(store) if store else None)
    if json:
        print_json(_as_json(found))
    else:
        _show(found)
    if found.misfits or found.unknown:
        raise typer.Exit(MISFITS)


def _as_json(found: Checked) -> dict[str, Any]:
    misfits = [{"id": one.run_id, "task": one.task, "problem": mask_text(one.problem)} for one in found.misfits]
    return {"fitting": found.fitting, "misfits": misfits, "unknown": dict(found.unknown)}


def _show(found: Checked) -> None:
    for misfit in found.misfits:
        typer.echo(spelled_out(mask_text(f"{misfit.run_id} {misfit.task}: {misfit.problem}")))
    for name, number in found.unknown.items():
        say(f"woflo check: {counted(number, 'run')} of {name!r} in flight, which is none of the workflows here")
    say(f"woflo check: of the runs in flight {found.fitting} fit, {len(found.misfits)} do not")
