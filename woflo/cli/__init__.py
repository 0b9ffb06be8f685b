"""The command `woflo`: one file for each of its commands, or for a few that do the same to different things.

What they share: `options` (what several of them take), `targets` (whose tasks are meant), `failures` (one line and a
hint, and which exit status), `showing` (tables, JSON, text that cannot forge the screen), `stopping` (signals).

A command's file is imported when that command is asked for: `woflo list` starts no engine.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from woflo.cli.helping import named_for_people

__all__ = ["app", "function_of", "main"]


class _Command(NamedTuple):
    module: str
    does: str
    """The first line of its help."""


COMMANDS = {
    "run": _Command("run", "Execute a job, call a task, or make files; and wait for it."),
    "worker": _Command("worker", "Execute what others have called."),
    "list": _Command("listing", "Tell which runs a store has, the newest first."),
    "show": _Command("showing_run", "Tell all about runs: how they stand, and what they called."),
    "history": _Command("history", "Tell what was executed, the newest first."),
    "report": _Command("report", "Tell how a file was made, all the way up."),
    "why": _Command("why", "Tell what makes files stale."),
    "touch": _Command("why", "Accept files as they are: they are up to date from now on."),
    "clean": _Command("clean", "Remove files that woflo has made, and that are as they were made."),
    "graph": _Command("graph", "Draw a job, or what makes files."),
    "logs": _Command("logs", "Show what a run, and its steps, have written."),
    "stop": _Command("steering", "Ask runs to stop."),
    "retry": _Command("steering", "Go on with runs that failed or were stopped."),
    "resume": _Command("steering", "Let runs go on that wait for a decision, or that failed."),
    "restart": _Command("steering", "Begin runs that have ended once more."),
    "fork": _Command("steering", "Begin a run beside another one, from one of its calls on."),
    "send": _Command("steering", "Send a signal to a run."),
    "complete": _Command("steering", "End a manual or uncertain step, by a value or an error."),
    "pause": _Command("pause", "Let no worker take anything from queues."),
    "unpause": _Command("pause", "Let workers go on with queues."),
    "check": _Command("check", "Tell which runs in flight would stop with the code as it is."),
    "prune": _Command("prune", "Take away runs that have ended, with their steps."),
    "settings": _Command("settings", "Show the settings of the tasks, or write them down."),
}
_STYLE: dict[str, Any] = {"pretty_exceptions_enable": False, "rich_markup_mode": None}


class _Commands(TyperGroup):
    """Knows the names of all commands, and imports one when it is meant."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.commands.update(dict.fromkeys(COMMANDS))  # type: ignore[arg-type]  # only the names are looked at

        self._completes = False

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """See click. Names and their first lines, without an import of all of them."""
        self._completes = True
        return super().shell_complete(ctx, incomplete)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """See click."""
        if cmd_name not in COMMANDS:
            return None
        if self._completes:
            return TyperCommand(cmd_name, short_help=COMMANDS[cmd_name].does)
        made = typer.Typer(add_completion=False, **_STYLE)
        made.command(cmd_name)(function_of(cmd_name))
        return named_for_people(get_command(made))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """See click."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.does) for name, command in COMMANDS.items()])


app: typer.Typer = typer.Typer(
    name="woflo",
    cls=_Commands,
    help="Tasks that run anywhere, wait for each other, and end well.",
    no_args_is_help=True,
    **_STYLE,
)


def _tell_version(asked: bool) -> None:
    if asked:
        from woflo import __version__

        typer.echo(f"woflo {__version__}")
        raise typer.Exit


@app.callback()
def _woflo(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version, and end.")
    ] = False,
) -> None:
    """Tasks that run anywhere, wait for each other, and end well."""


def function_of(command: str) -> Callable[..., None]:
    """What this command does."""
    module = import_module(f"woflo.cli.{COMMANDS[command].module}")
    function: Callable[..., None] = getattr(module, f"{command}_" if command == "list" else command)
    return function


def main() -> None:
    """Execute the command line of this program, and end it with the exit status."""
    if len(sys.argv) == 3 and sys.argv[1] in ("--install-completion", "--show-completion"):
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"  # the shell is named: typer takes it so
    try:
        status = (_at_once(sys.argv[1:]) or app)(prog_name="woflo", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        from woflo.kernel.leaving import interrupted_status

        status = interrupted_status()
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        status = _refused(error)
    sys.exit(status if isinstance(status, int) else 0)


def _at_once(words: Sequence[str]) -> Callable[..., Any] | None:
    """The command that these words stand for, where they can be read without typer's help."""
    if not words or words[0] not in COMMANDS or "_WOFLO_COMPLETE" in os.environ or os.name == "nt":
        return None  # on Windows globs are filled in by typer, and not by a shell
    from woflo.cli.quick import understood

    function = function_of(words[0])
    arguments = understood(function, words[1:])
    if arguments is None:
        return None
    # What ends a command early is made an exit status there, whoever has read the line.
    call = TyperCommand(words[0], callback=partial(function, **arguments), add_help_option=False)
    return partial(call, args=[])


def _refused(error: Any) -> int:
    """A line and a hint for words that the command line does not have; the status of wrong usage."""
    from woflo.cli.failures import say

    told = error.format_message()
    if told.startswith("Usage:"):  # `woflo` alone: its help
        typer.echo(told, err=True)
    else:
        command = "woflo" if error.ctx is None else error.ctx.command_path
        say(f"error: {_in_our_words(error, told)}")
        say(f"hint: `{command} --help` tells what there is")
    return int(error.exit_code)


def _in_our_words(error: Any, told: str) -> str:
    from woflo.kernel.texts import did_you_mean

    option = getattr(error, "option_name", None)
    if option is not None and error.ctx is not None and hasattr(error, "possibilities"):
        known = [spelling for one in error.ctx.command.params for spelling in one.opts]
        return f"there is no option {option}{did_you_mean(option, known)}"
    if told.startswith("No such command"):
        name = told.split("'")[1]
        return f"there is no command {name!r}{did_you_mean(name, COMMANDS)}"
    return f"{told[:1].lower()}{told[1:].rstrip('.')}"
