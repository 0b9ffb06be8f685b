"""Built-in parts by name, imported on first use; those of others through entry points."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from woflo.errors import OptionError, UnknownNameError

if TYPE_CHECKING:
    from woflo.kernel.ports import Provider
    from woflo.kernel.run import BaseTaskRun

__all__ = [
    "DEFAULT_RUNNER",
    "load_current_store",
    "load_machine",
    "load_making",
    "load_observer",
    "load_runner",
    "load_settings",
    "load_store",
]

RUNNERS = {
    "sequential": "woflo.runners.sequential:SequentialTaskRun",
    "thread": "woflo.runners.thread:ThreadTaskRun",
    "async": "woflo.runners.asynchronous:AsyncTaskRun",
    "multiprocess": "woflo.runners.multiprocess:MultiprocessTaskRun",
    "pool": "woflo.runners.pool:PoolTaskRun",
    "script": "woflo.scripts.runner:ScriptTaskRun",
    "queue": "woflo.durable.queue:QueueTaskRun",
    "workflow": "woflo.durable.workflow:WorkflowTaskRun",
}
DEFAULT_RUNNER = "multiprocess"
STORES = {
    "sqlite": "woflo.stores.sqlite:SQLiteStore",
    "postgresql": "woflo.stores.postgres:PostgresStore",
    "postgres": "woflo.stores.postgres:PostgresStore",
    "memory": "woflo.stores.memory:MemoryStore",
    "dir": "woflo.stores.directory:DirectoryStore",
}
"""By the scheme of their URLs."""
OBSERVERS = {
    "progress": "woflo.observers.progress:Progress",
    "logs": "woflo.observers.logs:LogFiles",
    "jsonl": "woflo.observers.jsonl:JSONLines",
    "notify": "woflo.observers.notify:Notify",
    "spans": "woflo.observers.spans:Spans",
}
MACHINE = "woflo.runners.machine:totals"
SETTINGS = "woflo.durable.settings:current_settings"
MAKING = "woflo.scripts.functions:made_task"
CURRENT_STORE = "woflo.durable.choice:current_store"


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
    return cast("type[BaseTaskRun[Any]]", _load_plugin("runner", given, RUNNERS, _checked_runner))


def load_store(scheme: str) -> Any:
    """The class of the stores whose URLs begin like that. Raises `UnknownNameError` with the nearest known scheme."""
    if scheme in STORES:
        return _load(STORES[scheme])
    return _load_plugin("store", scheme, STORES, _checked_class)


def load_observer(name: str) -> Any:
    """The observer of this name: a class, or a function that takes an event.

    A name is that of a built-in one or of another distribution's, or says where it is found: `module:Class`. Raises
    `UnknownNameError` with the nearest known name, also where it cannot be loaded.
    """
    if name in OBSERVERS:
        return _load(OBSERVERS[name])
    if ":" in name:
        return _load_named("observer", name, _checked_observer)
    return _load_plugin("observer", name, OBSERVERS, _checked_observer)


def load_machine() -> dict[str, float]:
    """What this machine has of each resource."""
    return cast("Callable[[], dict[str, float]]", _load(MACHINE))()


def load_settings() -> Provider:
    """What gives the objects of settings classes."""
    return cast("Provider", _load(SETTINGS))


def load_making() -> Callable[[Any, dict[str, Any]], Any]:
    """What makes tasks of functions that have files, or whose results are kept."""
    return cast("Callable[[Any, dict[str, Any]], Any]", _load(MAKING))


def load_current_store() -> Callable[[], Any]:
    """What gives the store of this process."""
    return cast("Callable[[], Any]", _load(CURRENT_STORE))


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    __import__(module)
    return getattr(sys.modules[module], name)


def _load_named(kind: str, path: str, check: Callable[[Any], Any]) -> Any:
    """What stands under a name in a module: `package.module:Class`."""
    from woflo.kernel.texts import did_you_mean

    module, _, name = path.partition(":")
    if not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise UnknownNameError(f"{path!r} names no {kind}; write it as module:Class")
    try:
        __import__(module)
        return check(getattr(sys.modules[module], name))
    except (Exception, SystemExit) as error:  # a script that ends itself would end the program without a word
        if isinstance(error, AttributeError) and module in sys.modules and not hasattr(sys.modules[module], name):
            known = [one for one in vars(sys.modules[module]) if not one.startswith("_")]
            told = f"{module} has no {name!r}{did_you_mean(name, known)}"
        else:
            told = f"{type(error).__name__}: {error}"
        raise UnknownNameError(f"the {kind} {path!r} cannot be loaded: {told}") from error


def _load_plugin(kind: str, name: str, built_in: Mapping[str, str], check: Callable[[Any], Any]) -> Any:
    """What another distribution brings, as `check` returns it."""
    from importlib.metadata import entry_points

    from woflo.kernel.texts import did_you_mean

    found = {point.name: point for point in entry_points(group=f"woflo.{kind}s")}
    if name in found:
        try:
            return check(found[name].load())
        except Exception as error:
            raise UnknownNameError(f"the {kind} {name!r} of {found[name].value} cannot be loaded: {error!r}") from error
    known = [*built_in, *found]
    hint = did_you_mean(name, known) or "."
    more = "; one of your own is written as module:Class" if kind == "observer" else ""
    raise UnknownNameError(f"there is no {kind} named {name!r}{hint} Known: {', '.join(known)}{more}")


def _checked_runner(loaded: Any) -> type[BaseTaskRun[Any]]:
    return load_runner(_checked_class(loaded))


def _checked_observer(loaded: Any) -> Any:
    if not callable(loaded) and not callable(getattr(loaded, "update", None)):
        raise TypeError(f"{loaded!r} is no observer: neither a callable, nor an object with update(event)")
    return loaded


def _checked_class(loaded: Any) -> Any:
    if not isinstance(loaded, type):
        raise TypeError(f"{loaded!r} is no class")
    return loaded
