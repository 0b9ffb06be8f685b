"""How `--help` names what a command takes: by words that say what is meant, whatever version of typer shows it."""

from __future__ import annotations

from typing import Any

__all__ = ["named_for_people"]

WORDS = {
    "after": "RUN",
    "arg": "NAME=VALUE",
    "concurrency": "N|NAME=N",
    "error": "TEXT",
    "force": "GLOB",
    "grace": "SECONDS",
    "jobs": "N",
    "limit": "N",
    "named": "NAME",
    "observe": "WHAT",
    "older_than": "AGE",
    "patience": "SECONDS",
    "run_from": "STEP",
    "run_to": "STEP",
    "signal_id": "ID",
    "skip": "STEP",
    "store": "URL",
    "svg": "FILE",
    "tag": "NAME=VALUE",
    "tasks": "NAMES",
    "var": "NAME=VALUE",
}
"""By the names of parameters; of others the name itself, in capitals."""


def named_for_people(command: Any) -> Any:
    """The same command, whose arguments and options are shown by these words, and not by the types of Python."""
    for parameter in command.params:
        word = WORDS.get(parameter.name) or parameter.name.upper()
        if parameter.param_type_name == "argument":
            _name_argument(parameter, word)
        elif not parameter.is_flag:
            _name_option(parameter, word)
    return command


def _name_argument(parameter: Any, word: str) -> None:
    parameter.metavar = word
    several = "..." if parameter.nargs == -1 else ""
    usage = f"{word}{several}" if parameter.required else f"[{word}{several}]"
    record = (word, parameter.help or "")
    parameter.get_usage_pieces = lambda *_: [usage]
    parameter.get_help_record = lambda *_: record


def _name_option(parameter: Any, word: str) -> None:
    parameter.metavar = word
    spellings = ", ".join(sorted(parameter.opts, key=len))
    default = "required" if parameter.required else f"{parameter.default:g}" if _is_number(parameter.default) else ""
    told = f"  [{'' if parameter.required else 'default: '}{default}]" if default else ""
    record = (f"{spellings} {word}", f"{parameter.help or ''}{told}")
    parameter.get_help_record = lambda *_: record


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
