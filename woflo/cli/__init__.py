"""The command `woflo`: one file for each of its commands.

What they share: `targets` (whose tasks are meant), `failures` (one line and a hint, and which exit status), `stopping`
(signals).
"""

from __future__ import annotations

import typer

from woflo.cli.check import check
from woflo.cli.pause import pause, unpause
from woflo.cli.settings import settings
from woflo.cli.worker import worker

__all__ = ["app", "main"]

app: typer.Typer = typer.Typer(
    name="woflo",
    help="Tasks that run anywhere, wait for each other, and end well.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(worker)
app.command()(settings)
app.command()(pause)
app.command()(unpause)
app.command()(check)


@app.callback()
def _woflo() -> None:
    """Tasks that run anywhere, wait for each other, and end well."""


def main() -> None:
    """Execute the command line of this program."""
    app()
