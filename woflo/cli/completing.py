"""What a shell completes: ids, keys, names of tasks and steps.

From the store and from the text of files: no code of a user is imported, nothing is written, and no store is made. A
shell has no place to tell an error, so where something cannot be read there is nothing to complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from woflo.stores.contract import Store
    from woflo.stores.rows import Row

__all__ = ["keys", "names", "observers", "queues", "runs", "states", "steps", "tasks"]

MOST = 100
"""Runs that are looked at, the newest."""
_BEGUN_OR_TO_BEGIN = ("PENDING", "RUNNING", "RETRYING", "WAITING")
_UNSUCCESSFUL = ("FAILED", "STOPPED", "UPSTREAM_FAILED")
_MEANT = {
    "stop": _BEGUN_OR_TO_BEGIN,
    "send": _BEGUN_OR_TO_BEGIN,
    "retry": _UNSUCCESSFUL,
    "resume": ("WAITING", *_UNSUCCESSFUL),
    "restart": (*_UNSUCCESSFUL, "SUCCEEDED", "SKIPPED"),
}
"""By commands, the states of the runs to which they do something."""


def runs(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of the newest runs that begin so, of those that the command is for, with what they are."""
    return _of_store(ctx, lambda store: ((row.id, f"{row.task} {row.state}") for row in _meant(ctx, store, incomplete)))


def _meant(ctx: typer.Context, store: Store, begin: str) -> Iterator[Row]:
    name = ctx.info_name or ""
    if name == "complete":
        waiting = store.select(states=_states(["WAITING"]), newest_first=True, limit=MOST)
        found = [step for row in waiting for step in store.steps(row.id) if step.state == "WAITING"]
    else:
        states = _states(_MEANT.get(name, ()))
        found = store.select(states=states, newest_first=True, limit=MOST)
        if not any(row.id.startswith(begin) for row in found):
            found = store.select(states=states, after=begin, limit=MOST)
    yield from (row for row in found if row.id.startswith(begin))


def keys(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Keys of the newest runs."""
    return _of_store(
        ctx,
        lambda store: ((row.key, f"{row.task} {row.state}") for row in _newest(store) if _begins(row.key, incomplete)),
    )


def tasks(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Names of the tasks that the newest runs are of."""
    return _of_store(ctx, lambda store: ((row.task, "") for row in _newest(store) if row.task.startswith(incomplete)))


def queues(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Names of queues for which something is set, or from which the newest runs are."""
    return _of_store(
        ctx,
        lambda store: (
            (name, "")
            for name in [*(one.name for one in store.queues()), *(row.queue for row in _newest(store))]
            if _begins(name, incomplete)
        ),
    )


def observers(incomplete: str) -> list[tuple[str, str]]:
    """Those that are built in; the options of one that is written already, behind its comma."""
    from woflo.kernel.registry import OBSERVERS

    written, comma, begun = incomplete.rpartition(",")
    if not comma:
        return [(name, "") for name in OBSERVERS if name.startswith(incomplete)]
    return _options_of(written, begun)


def _options_of(written: str, begun: str) -> list[tuple[str, str]]:
    from woflo.kernel.observing import options_of
    from woflo.kernel.registry import OBSERVERS, load_observer

    name, *given = written.split(",")
    if name not in OBSERVERS:  # one of a user's own, which is not imported
        return []
    there = {one.partition("=")[0] for one in given}
    options = {option: one for option, one in options_of(load_observer(name)).items() if one.annotation != "Any"}
    return [(f"{written},{one}=", "") for one in options if one.startswith(begun) and one not in there]


def states(incomplete: str) -> list[str]:
    """The states of runs, in either case."""
    from woflo.kernel.state import RunState

    found = [state.value for state in RunState if state.value.startswith(incomplete.upper())]
    return [one.lower() for one in found] if incomplete.islower() else found


def names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of what the file TARGET defines: tasks, and functions that can be called; steps of a job."""
    from woflo.cli.jobs import is_job

    if is_job(_target(ctx)):
        return steps(ctx, incomplete)
    try:
        found = _defined(Path(_target(ctx).partition(":")[0]))
    except (OSError, ValueError, SyntaxError):
        return []
    return [name for name in found if name.startswith(incomplete)]


def steps(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the steps of the job file TARGET, without what it includes."""
    try:
        found = _steps(Path(_target(ctx)))
    except Exception:  # whatever the parser says of a wrong file
        return []
    return [str(name) for name in found if str(name).startswith(incomplete)]


# -- the store -----------------------------------------------------------------------------------------


def _of_store(ctx: typer.Context, found: Callable[[Store], Iterable[tuple[str | None, str]]]) -> list[tuple[str, str]]:
    """Each of what is found in the store that is meant, once."""
    from woflo.cli.options import opened_store

    try:
        with _silently(), opened_store(ctx.params.get("store")) as store:
            return list({name: (name, told) for name, told in found(store) if name}.values())
    except Exception:
        return []


@contextmanager
def _silently() -> Iterator[None]:
    """Without warnings, which would stand in the middle of what is being typed."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _newest(store: Store) -> list[Row]:
    return store.select(newest_first=True, limit=MOST)


def _begins(text: str | None, begin: str) -> bool:
    return text is not None and text.startswith(begin)


def _states(texts: Iterable[str]) -> list[Any]:
    from woflo.kernel.state import RunState

    return [RunState(text) for text in texts]


# -- files ---------------------------------------------------------------------------------------------


def _target(ctx: typer.Context) -> str:
    """TARGET; what stands before an option whose value is being typed is not taken apart yet."""
    return str(ctx.params.get("target") or next(iter(ctx.args), ""))


def _defined(path: Path) -> list[str]:
    """Names of functions, of classes with decorators, and of what a call is assigned to, as `x = script(…)`."""
    import ast

    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found: dict[str, None] = {}
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, functions) or (isinstance(node, ast.ClassDef) and node.decorator_list):
            found[node.name] = None
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            found |= dict.fromkeys(one.id for one in node.targets if isinstance(one, ast.Name))
    return [name for name in found if not name.startswith("_")]


def _steps(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        import tomllib

        return list(tomllib.loads(text)["tasks"])
    import yaml  # JSON, too, is YAML

    return list(yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["tasks"])
