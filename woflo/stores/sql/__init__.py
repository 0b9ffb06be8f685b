"""SQL as it stands in the files beside this one: statements by name, and the steps from one schema to the next.

A statement begins with `-- name: NAME`, and goes on to the next one:

    -- name: worker_gone
    -- Forgets a worker.
    DELETE FROM workers WHERE id = :id
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

__all__ = ["NEWEST_FIRST", "migrations", "schema", "statements", "without_comments"]

NEWEST_FIRST = "_newest_first"
"""How the name of a search ends that begins with the last id."""
_NAME = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)
_COMMENT = re.compile(r"^ *--.*\n", re.MULTILINE)


@cache
def statements(dialect: str) -> dict[str, str]:
    """Every named statement of a dialect, without its comments."""
    found: dict[str, str] = {}
    for file in sorted(files(__name__).joinpath(dialect).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql") and file.name != "schema.sql":
            _, *parts = _NAME.split(file.read_text(encoding="utf-8"))
            found.update(zip(parts[::2], map(without_comments, parts[1::2]), strict=True))
    return found | {f"{name}{NEWEST_FIRST}": _turned(found[name]) for name in found if name.startswith("select_")}


def _turned(text: str) -> str:
    """The same search from its other end: no index would serve one statement for both."""
    return text.replace("ORDER BY id", "ORDER BY id DESC").replace("AND id > ", "AND id < ")


def migrations(dialect: str) -> list[str]:
    """What leads from each version of the schema to the next, the first from nothing to version 1."""
    folder = files(__name__).joinpath(dialect, "migrations")
    named = sorted((file.name, file.read_text(encoding="utf-8")) for file in folder.iterdir())
    return [text for name, text in named if name.endswith(".sql")]


def schema(dialect: str) -> str:
    """The tables of the present version, with what they mean."""
    return files(__name__).joinpath(dialect, "schema.sql").read_text(encoding="utf-8")


def without_comments(text: str) -> str:
    """The SQL alone: comments are lines of their own."""
    return _COMMENT.sub("", f"{text}\n").strip().rstrip(";")
