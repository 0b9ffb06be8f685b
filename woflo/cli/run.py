"""`woflo run TARGET`: call a task or a workflow, and wait for it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from woflo.cli.arguments import arguments_of
from woflo.cli.failures import INTERRUPTED, SOME_FAILED, UsageError, say, telling
from woflo.cli.options import Debug, Url
from woflo.cli.targets import Target
from woflo.cli.worker import store_named
from woflo.durable.choice import use_store
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.state import RunState
from woflo.kernel.task import Task

__all__ = ["run"]


def run(
    target: Annotated[str, typer.Argument(help="A file (app.py) or a module (package.app), with or without :NAME.")],
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Of the task, where TARGET has none.")] = None,
    arg: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, typed by the signature; may be given several times.")
    ] = None,
    named: Annotated[str | None, typer.Option("--name", help="What `woflo list --tag name=…` finds it by.")] = None,
    key: Annotated[str | None, typer.Option(help="Of a stored run: one that has it already goes on.")] = None,
    runner: Annotated[str | None, typer.Option(help="What executes a plain task, such as multiprocess.")] = None,
    store: Url = None,
    debug: Debug = False,
) -> None:
    """Call a task or a workflow, and wait for it.

    Its value is printed, as JSON where it is such. Exit status: 0 it succeeded, 1 it did not, or the store failed,
    2 wrong usage, 130 interrupted: then it was stopped, and `woflo retry` goes on.
    """
    with telling(debug=debug):
        found = _task(target, name)
        if runner is not None:
            found = found.with_options(runner=runner)
        if store is not None:
            use_store(store_named(store))
        found = _named(found, named, key)
        called = found(**arguments_of(found, arg or ()))
        status = _waited(called, debug=debug)
    raise typer.Exit(status)


def _task(target: str, name: str | None) -> Task[..., Any]:
    tasks = Target(target).tasks([name] if name else [])
    if len(tasks) > 1:
        raise UsageError(f"{target} has several tasks: {', '.join(one.name for one in tasks)}; name one of them")
    return tasks[0]


def _named(task: Task[..., Any], named: str | None, key: str | None) -> Task[..., Any]:
    given: dict[str, Any] = {} if named is None else {"tags": {**(task.options.tags or {}), "name": named}}
    if key is not None:
        given["key"] = key
    if given and not task.runner.traits.durable:
        raise UsageError(f"{task.name} is no workflow and is not kept in a store, so it has no --name and no --key")
    return task.with_options(**given) if given else task


def _waited(called: BaseTaskRun[Any], *, debug: bool) -> int:
    """Wait for the end, tell of it, and return the exit status."""
    try:
        called.wait()
    except KeyboardInterrupt:
        called.stop()
        say(f"woflo run: interrupted; {called.task.name} ({called.id}) is {called.state}")
        return INTERRUPTED
    if called.state is RunState.SUCCEEDED or called.state is RunState.SKIPPED:
        _print(called.get_result())
        return 0
    error = called.exception()
    if debug and error is not None:
        raise error
    is_kept = called.traits.durable
    say(f"error: {called.task.name} ({called.id}) {called.state}: {_told(error)}")
    say(f"hint: `woflo show {called.id}` tells more, `woflo retry {called.id}` goes on" if is_kept else "hint: --debug")
    return SOME_FAILED


def _told(error: BaseException | None) -> str:
    from woflo.cli.showing import plain

    return plain(f"{type(error).__name__}: {error}".splitlines()[0])


def _print(value: Any) -> None:
    import json

    if value is None:
        return
    try:
        typer.echo(json.dumps(value, ensure_ascii=False))
    except (TypeError, ValueError):
        typer.echo(repr(value))
