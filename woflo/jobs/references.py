"""`${step.result}` and `${step.outputs}` in the parameters of a step: what another one has left."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

__all__ = ["KINDS", "Reference", "filled", "has_references", "parts_in", "references_in"]

KINDS = ("result", "outputs")
_REFERENCE = re.compile(r"(\$?)\$\{([^{}$\n]+?)\.(\w+)\}")
"""What has the form of one; behind a second `$` it is meant as it is written."""


class Reference(NamedTuple):
    """What is meant: of which step, `result` or `outputs`."""

    step: str
    kind: str


def parts_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to the texts of which a reference is only a part."""
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if has_references(value) and (whole is None or whole[1]):
            yield path
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from parts_in(item, (*path, key))


Lookup = Callable[[Reference], Any]


def has_references(value: Any) -> bool:
    """True where there may be something to fill in, an escaped `$${` included."""
    if type(value) is str:
        return "${" in value and _REFERENCE.search(value) is not None
    if type(value) is dict:
        return any(map(has_references, value.values()))
    return type(value) is list and any(map(has_references, value))


def references_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Reference]]:
    """All of them, each with the way to the text that has it."""
    if isinstance(value, str):
        if "${" in value:
            for found in _REFERENCE.finditer(value):
                if not found[1]:
                    yield path, Reference(found[2].strip(), found[3])
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references_in(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from references_in(item, (*path, number))


def filled(value: Any, lookup: Lookup) -> Any:
    """`value` with what the references stand for: the value itself where a text is nothing else, else its text."""
    if isinstance(value, str):
        return _filled_text(value, lookup) if "${" in value else value
    if isinstance(value, dict):
        return {key: filled(item, lookup) for key, item in value.items()}
    return [filled(item, lookup) for item in value] if isinstance(value, list) else value


def _filled_text(text: str, lookup: Lookup) -> Any:
    whole = _REFERENCE.fullmatch(text)
    if whole is not None and not whole[1]:
        return lookup(Reference(whole[2].strip(), whole[3]))
    return _REFERENCE.sub(lambda found: _as_text(found, lookup), text)


def _as_text(found: re.Match[str], lookup: Lookup) -> str:
    if found[1]:
        return found[0][1:]
    value = lookup(Reference(found[2].strip(), found[3]))
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
