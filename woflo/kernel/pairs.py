"""`NAME=VALUE`, as options of command lines are written, and values as JSON: read in one place, refused in one way."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from woflo.errors import OptionError
from woflo.kernel.hiding import is_secret_name, know
from woflo.kernel.masking import mask

__all__ = ["json_or_text", "named_values"]


def named_values(option: str, texts: Iterable[str], twice: str = "once is enough") -> dict[str, str]:
    """The values by their names; from now on those of secrets are hidden. `twice` is said of a name that comes again.

    Raises `OptionError` for a text that is no NAME=VALUE, and for a name that is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise OptionError(f"{option} {text!r} must be NAME=VALUE")
        if is_secret_name(name):
            know(value)
        if name in found:
            raise OptionError(
                f"{option} {f'{name}={mask(name, value)}'!r}: {name} is given twice; {twice.format(name=name)}"
            )
        found[name] = value
    return found


def json_or_text(text: str) -> Any:
    """A value without a type that would say how it is meant: JSON, or else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
