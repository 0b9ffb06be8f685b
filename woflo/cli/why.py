"""`woflo why` and `woflo touch`: what makes files stale, and how a person accepts them as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from woflo.cli.failures import UsageError, say, telling
from woflo.cli.jobs import is_job, job_of, show_why
from woflo.cli.options import AsJson, Debug, Url, opened_store, store_named
from woflo.cli.run import Arguments, Names, Variables
from woflo.cli.showing import print_json
from woflo.cli.unfinished import told
from woflo.kernel.texts import spelled_out
from woflo.scripts.provenance import name_of
from woflo.scripts.unfinished import accept_parts, unfinished

__all__ = ["touch", "why"]


def why(
    target: Annotated[str, typer.Argument(help="A file (app.py), a module or a job file; or, alone, a file made.")],
    name: Names = None,
    arg: Arguments = None,
    var: Variables = None,
    store: Url = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Tell what makes files stale.

    `woflo why app.py final.txt` tells what would be executed to make it, and why; a task or a function may stand in
    the place of the file. `woflo why job.yaml` tells it of the steps of a job, or of those that are named.
    `woflo why final.txt` looks at files alone: whether it, and all that it was made of, is as it was, whatever became
    of commands and code.
    """
    with telling(debug=debug):
        if is_job(target) and (name or not _is_made(target, store)):
            _refuse_arguments(target, arg)
            _of_job(target, name or [], var or [], store, json=json)
            return
        _refuse_variables(target, var)
        if not name and not arg and _is_no_target(target):
            _by_record(target, store, json=json)
            return
        status = _by_target(target, name or [], arg or [], store, json=json)
    raise typer.Exit(status)


def _refuse_arguments(target: str, arg: list[str] | None) -> None:
    if arg:
        raise UsageError(f"--arg cannot be meant: {target} is a job file, whose steps have their parameters")


def _refuse_variables(target: str, var: list[str] | None) -> None:
    if var:
        raise UsageError(f"--var cannot be meant: {target} is no job file")


def _is_made(file: str, store: str | None) -> bool:
    """True for a file that woflo has made, though its name ends like that of a job."""
    from woflo.durable.choice import chosen_url
    from woflo.scripts.provenance import makers_of
    from woflo.stores.opening import is_there

    if not is_there(store or chosen_url()):
        return False
    with opened_store(store) as kept:
        return name_of(file) in makers_of(kept.successes())


def _of_job(path: str, names: list[str], var: list[str], store: str | None, *, json: bool) -> None:
    from woflo.jobs.selecting import steps_named

    _use(store)
    job = job_of(path, var)
    meant = steps_named(names, job.plan) if names else job.steps
    show_why([one for one in job.foreseen() if one.step in meant], json=json)


def _is_no_target(text: str) -> bool:
    """True for the name of a file that is neither Python nor, with dots for folders, a module."""
    where = text.partition(":")[0]
    if where.endswith(".py"):
        return False
    module = Path(*where.split(".")) if where and all(part.isidentifier() for part in where.split(".")) else None
    return module is None or not (module.with_name(f"{module.name}.py").is_file() or module.is_dir())


def _by_record(file: str, store: str | None, *, json: bool) -> None:
    from woflo.scripts.provenance import makers_of, traced, why_known

    name = name_of(file)
    with opened_store(store) as kept:
        makers = makers_of(kept.successes())
    if name not in makers:
        of_others = "; ".join(told(name)) or "to look in a file of tasks: woflo why app.py"
        raise UsageError(f"nothing that this store knows has made {name}; {of_others}")
    open_ones = unfinished()
    told_of_all = [(one, str(other)) for one in traced(name, makers) for other in open_ones if other.was_to_make(one)]
    found = [*told_of_all, *why_known(name, makers)]
    if json:
        print_json([{"file": one, "reason": reason} for one, reason in found])
        return
    for one, reason in found:
        typer.echo(spelled_out(f"{one}: {reason}"))
    if not found:
        say(f"{name} and all that it was made of are as they were; `woflo why app.py {file}` looks at commands, too")


def _by_target(target: str, names: list[str], arg: list[str], store: str | None, *, json: bool) -> int:
    from woflo.cli.flows import show_plan
    from woflo.cli.meaning import meaning
    from woflo.cli.targets import Target

    _use(store)
    meant = meaning(Target(target), names, arg)
    if meant.task is not None and meant.task.options.admission is None:
        raise UsageError(f"{meant.name} names no files, so it is executed whenever it is called")
    return show_plan(meant.name, meant.call, json=json)


def touch(
    target: Annotated[str, typer.Argument(help="A file (app.py), a module or a job file; or, alone, a file made.")],
    name: Names = None,
    arg: Arguments = None,
    var: Variables = None,
    store: Url = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Accept files as they are: they are up to date from now on.

    `woflo touch app.py final.txt` accepts it, and what it is made of where woflo knows how; `woflo touch app.py solve
    --arg i=1` what that call makes; `woflo touch job.yaml` what the steps of a job make, or those that are named.
    `woflo touch final.txt` alone says that a file is whole, and may be read, though an attempt to make it was cut off.
    The names of the files are printed.
    """
    with telling(debug=debug):
        _use(store)
        if not (name or arg or var) and _is_no_target(target) and accept_parts(name_of(target)):
            paths = iter([name_of(target)])
        elif is_job(target):
            _refuse_arguments(target, arg)
            paths = iter(job_of(target, var or []).touch(*(name or ())))
        else:
            _refuse_variables(target, var)
            paths = _accepted(target, name or [], arg or [])
        files = []
        for path in paths:
            files.append({"file": path, "is_accepted": True})
            if not json:
                typer.echo(spelled_out(path))
        if json:
            print_json(files)


def _accepted(target: str, names: list[str], arg: list[str]) -> Iterator[str]:
    """The files of one call after the other."""
    from woflo.cli.meaning import meaning
    from woflo.cli.targets import Target
    from woflo.scripts.plan import paths_in
    from woflo.scripts.script import touch as accepted

    meant = meaning(Target(target), names, arg)
    if meant.is_function:
        raise UsageError(f"{meant.name} is a function that calls others; name a script, or a file that one makes")
    calls = [(one.task, one.values) for one in meant.calls]
    if meant.task is not None:
        calls = [(meant.task, meant.arguments)]
    for task, values in calls:
        yield from paths_in(accepted(task, **values))


def _use(store: str | None) -> None:
    if store is not None:
        from woflo.durable.choice import use_store

        use_store(store_named(store, as_it_is=True))
