"""`woflo settings TARGET`: the settings that the tasks of a target read, and observers, with defaults, as TOML."""

from __future__ import annotations

import json as jsons
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from woflo.cli.failures import say, telling
from woflo.cli.options import AsJson, Debug
from woflo.cli.showing import print_json
from woflo.cli.targets import Target
from woflo.durable import project
from woflo.durable.observing import TABLE
from woflo.durable.settings import is_settings, name_in_environment
from woflo.kernel.observing import options_of
from woflo.kernel.registry import OBSERVERS, load_observer
from woflo.observers.chosen import WHAT

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

__all__ = ["settings"]

_ABOUT_OBSERVERS = f'Who is told of what happens; one of your own is [{TABLE}.mine] with {WHAT} = "module:Class".'
_SECRET = "**********"
"""How pydantic writes a secret, whatever it is."""


def settings(
    target: Annotated[list[str], typer.Argument(help="Files (app.py) or modules (package.app).")],
    write: Annotated[bool, typer.Option("--write", help="Add what is missing to woflo.toml, or make that.")] = False,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show the settings of the tasks, or write them down.

    With their defaults and descriptions, and the observers that may be named beside them. Every line is a comment, so
    that a file of them changes nothing until one is written anew.
    """
    with telling(debug=debug):
        kinds = _kinds(target)
        if write:
            _write(kinds, json=json)
        elif json:
            print_json([*map(_as_json, kinds), *map(_observer_as_json, OBSERVERS)])
        else:
            typer.echo("\n".join([*map(_table, kinds), _observers()]), nl=False)


def _kinds(targets: list[str]) -> list[type[BaseSettings]]:
    """The settings classes that are injected into the tasks, each once."""
    injections = [task.body.injections for text in targets for task in Target(text).all_tasks()]
    kinds = [kind for one in injections if one is not None for kind in one.kinds.values()]
    return [kind for kind in dict.fromkeys(kinds) if is_settings(kind)]


def _write(kinds: list[type[BaseSettings]], *, json: bool) -> None:
    path = project.find(project.FILE) or Path(project.FILE)
    there = project.table_of(path if path.exists() else None, "settings")
    added = {kind.__name__: _table(kind) for kind in kinds if kind.__name__ not in there}
    if not path.exists() or f"[{TABLE}" not in path.read_text(encoding="utf-8"):  # also where it is a comment
        added[TABLE] = _observers()
    if added:
        with path.open("a", encoding="utf-8") as file:
            file.write(("\n" if file.tell() else "") + "\n".join(added.values()))
    if json:
        print_json({"file": str(path), "added": list(added)})
        return
    names = ", ".join(added)
    say(f"woflo settings: {path}: added {names}" if added else f"woflo settings: {path}: nothing is missing")


def _as_json(kind: type[BaseSettings]) -> dict[str, Any]:
    fields = [
        {
            "name": name,
            "environment": name_in_environment(kind, name),
            "is_required": field.is_required(),
            "default": _value(field),
            "description": field.description,
        }
        for name, field in kind.model_fields.items()
    ]
    return {"name": kind.__name__, "table": f"settings.{kind.__name__}", "fields": fields}


def _observer_as_json(name: str) -> dict[str, Any]:
    fields = [
        {"name": option, "environment": None, "is_required": False, "default": one.default, "description": None}
        for option, one in _options_of(name).items()
    ]
    return {"name": name, "table": f"{TABLE}.{name}", "fields": fields}


def _options_of(name: str) -> dict[str, Any]:
    """Those that a file could name: a stream is nothing such."""
    found = options_of(load_observer(name))
    return {option: one for option, one in found.items() if one.annotation != "Any"}


def _table(kind: type[BaseSettings]) -> str:
    lines = [f"[settings.{kind.__name__}]", *_lines(kind)]
    return "".join(f"{line}\n" for line in lines)


def _lines(kind: type[BaseSettings]) -> Iterator[str]:
    for name, field in kind.model_fields.items():
        yield from (f"# {line}" for line in (field.description or "").splitlines())
        yield f"# {name} = {_default(field)}  # or {name_in_environment(kind, name)} in the environment"


def _observers() -> str:
    """Those that are built in, each with its options."""
    tables = [f"# {_ABOUT_OBSERVERS}\n"]
    for name in OBSERVERS:
        kind = load_observer(name)
        does = (kind.__doc__ or "").partition(". `subscribe")[0].replace("\n", " ").replace("`", "")
        lines = [f"# [{TABLE}.{name}]  # {' '.join(does.split())}"]
        lines += [f"# {option} = {_toml(one.default)}" for option, one in _options_of(name).items()]
        tables.append("".join(f"{line}\n" for line in lines))
    return "#\n".join(tables)


def _default(field: Any) -> str:
    return "(no default: this one is needed)" if field.is_required() else _toml(_value(field))


def _value(field: Any) -> Any:
    """The default as JSON has it, secrets hidden; None where there is none."""
    from pydantic_core import to_jsonable_python

    if field.is_required():
        return None
    return to_jsonable_python(field.get_default(call_default_factory=True, validated_data={}))


def _toml(value: Any) -> str:
    """A value of JSON in TOML, in one line; what TOML cannot say, nothing, is left empty."""
    if value is None:
        return "(nothing)"
    if value == _SECRET:
        return '""'
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{jsons.dumps(key)} = {_toml(one)}" for key, one in value.items() if one is not None) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return jsons.dumps(value, ensure_ascii=False)
