"""What `subscribe` may be given for an observer: the object itself, its class, or a name; and what is made of it."""

from __future__ import annotations

import inspect
from typing import Any

from woflo.errors import OptionError
from woflo.kernel.texts import did_you_mean

__all__ = ["check_observer", "kind_of", "made_observer", "name_of", "options_of"]

_OWN = ("capacity", "patience", "restarted")
"""Options of every subscription."""


def made_observer(observer: Any, options: dict[str, Any]) -> tuple[Any, str]:
    """The observer itself, and the name that it was given by, or "". Raises as `subscribe` does."""
    name, kind, options = kind_of(observer, options)
    made = kind(**options) if isinstance(kind, type) else kind
    check_observer(made, observer)
    return made, name


def kind_of(observer: Any, options: dict[str, Any]) -> tuple[str, Any, dict[str, Any]]:
    """The name, the class (or the observer) that it stands for, and the options; they are checked, nothing is made.

    An address (`mailto://…`) is one of apprise's, to which notifications are sent.
    """
    name = ""
    if isinstance(observer, str):
        from woflo.kernel.registry import load_observer

        name = observer
        if "://" in observer:
            name, options = "notify", {"urls": observer, **options}
        observer = load_observer(name)
    if isinstance(observer, type):
        _check_options(name or observer.__name__, observer, options)
    elif options:
        raise OptionError(f"{', '.join(sorted(options))}: options are for an observer given by its name or class")
    return name, observer, options


def options_of(kind: Any) -> dict[str, inspect.Parameter]:
    """What a class of observers may be called with, by name; nothing where that cannot be told."""
    try:
        parameters = inspect.signature(kind).parameters if isinstance(kind, type) else {}
    except (TypeError, ValueError):  # of one that is written in C
        return {}
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name: one for name, one in parameters.items() if one.kind in kinds}


def _check_options(name: str, observer: type, options: dict[str, Any]) -> None:
    """Raise `OptionError` for an option that a class of observers does not take, and for one that it needs."""
    try:
        takes_any = any(one.kind is one.VAR_KEYWORD for one in inspect.signature(observer).parameters.values())
    except (TypeError, ValueError):
        return  # of one that is written in C
    known = options_of(observer)
    if not takes_any:
        for option in options:
            if option not in known:
                hint = did_you_mean(option, [*known, *_OWN]) or "."
                told = ", ".join([*known, *_OWN])
                raise OptionError(f"subscribe({name!r}) has no option {option!r}{hint} It has: {told}")
    for option, one in known.items():
        if one.default is one.empty and option not in options:
            raise OptionError(f"subscribe({name!r}) needs {option}=…")


def check_observer(made: Any, given: Any) -> None:
    """Raise `OptionError` for what cannot be called with an event."""
    update = getattr(made, "update", made)
    if not callable(update):
        raise OptionError(f"{given!r} is no observer: give a callable, or an object with update(event)")
    if inspect.iscoroutinefunction(update):
        raise OptionError(f"{given!r} is async, and an observer has a thread of its own: give a plain function")


def name_of(observer: Any) -> str:
    """What an observer is called where it was given by itself."""
    if hasattr(observer, "update"):
        return type(observer).__qualname__
    return str(getattr(observer, "__qualname__", None) or type(observer).__qualname__)
