"""Built-in parts by name, imported on first use; those of others through entry points."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from woflo.errors import OptionError, UnknownNameError

if TYPE_CHECKING:
    from woflo.kernel.run import BaseTaskRun

__all__ = ["DEFAULT_RUNNER", "load_machine", "load_runner"]

RUNNERS = {
    "sequential": "woflo.runners.sequential:SequentialTaskRun",
    "thread": "woflo.runners.thread:ThreadTaskRun",
    "async": "woflo.runners.asynchronous:AsyncTaskRun",
    "multiprocess": "woflo.runners.multiprocess:MultiprocessTaskRun",
    "pool": "woflo.runners.pool:PoolTaskRun",
}
DEFAULT_RUNNER = "multiprocess"
MACHINE = "woflo.runners.machine:totals"


def load_runner(given: str | type[BaseTaskRun[Any]] | None) -> type[BaseTaskRun[Any]]:
    """The runner class of this name, or `given` itself where it is one.

    Raises `UnknownNameError` with the nearest known name, `OptionError` for what is neither name nor runner.
    """
    from woflo.kernel.run import BaseTaskRun

    if isinstance(given, type) and issubclass(given, BaseTaskRun):
        missing: frozenset[str] = getattr(given, "__abstractmethods__", frozenset())
        if missing:
            raise OptionError(f"runner={given.__name__} is no complete runner: it lacks {', '.join(sorted(missing))}")
        return given
    if given is None:
        given = DEFAULT_RUNNER
    if not isinstance(given, str):
        raise OptionError(f"runner={given!r} must be a subclass of BaseTaskRun, or one of: {', '.join(RUNNERS)}")
    if given in RUNNERS:
        return cast("type[BaseTaskRun[Any]]", _load(RUNNERS[given]))
    return _load_plugin(given)


def load_machine() -> dict[str, float]:
    """What this machine has of each resource."""
    return cast("Callable[[], dict[str, float]]", _load(MACHINE))()


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    __import__(module)
    return getattr(sys.modules[module], name)


def _load_plugin(name: str) -> type[BaseTaskRun[Any]]:
    from difflib import get_close_matches
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group="woflo.runners")}
    if name in found:
        try:
            return load_runner(_checked_class(found[name].load()))
        except Exception as error:
            raise UnknownNameError(f"the runner {name!r} of {found[name].value} cannot be loaded: {error!r}") from error
    known = [*RUNNERS, *found]
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise UnknownNameError(f"there is no runner named {name!r}{hint} Known: {', '.join(known)}")


def _checked_class(loaded: Any) -> Any:
    if not isinstance(loaded, type):
        raise TypeError(f"{loaded!r} is no class")
    return loaded
