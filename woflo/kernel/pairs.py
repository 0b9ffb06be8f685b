"""`NAME=VALUE`, as options of command lines are written: read in one place, and refused in the same words."""

from __future__ import annotations

from collections.abc import Iterable

from woflo.errors import OptionError

__all__ = ["named_values"]


def named_values(option: str, texts: Iterable[str], twice: str = "once is enough") -> dict[str, str]:
    """The values by their names. `twice` is said behind a name that comes again.

    Raises `OptionError` for a text that is no NAME=VALUE, and for a name that is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise OptionError(f"{option} {text!r} must be NAME=VALUE")
        if name in found:
            raise OptionError(f"{option} {text!r}: {name} is given twice; {twice.format(name=name)}")
        found[name] = value
    return found
