"""`woflo run TARGET`: a job file, a task, a workflow, a function that calls tasks, or files that are to be made.

What each of them is, is told by the target and the name behind it; `calling` is for tasks and workflows, `flows` for
functions and files, `woflo.jobs.driving` for jobs.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import typer

from woflo.cli import completing
from woflo.cli.failures import WRONG_USAGE, UsageError, telling
from woflo.cli.jobs import is_job
from woflo.cli.options import AsJson, Debug, Observe, Url, store_named
from woflo.cli.stopping import ended_in_order

__all__ = ["run"]

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME]...",
        help="A task, workflow, function or step of TARGET; or files that it makes.",
        autocompletion=completing.names,
    ),
]
Variables = Annotated[list[str] | None, typer.Option("--var", help="Of a job: what $VAR{NAME} stands for.")]
Arguments = Annotated[
    list[str] | None, typer.Option("--arg", help="A parameter, typed by the signature; may be given several times.")
]


class _How(NamedTuple):
    """What holds for every kind of target."""

    jobs: int | None
    dry_run: bool
    quiet: bool
    json: bool
    debug: bool
    observe: list[str]


def run(
    target: Annotated[
        str | None,
        typer.Argument(help="A job file; a file (app.py) or a module (package.app), with or without :NAME."),
    ] = None,
    name: Names = None,
    arg: Arguments = None,
    named: Annotated[
        str | None, typer.Option("--name", help="By which `list` and `history` find what is called.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="Of a stored run: one that has it already goes on.",
            autocompletion=completing.keys,
        ),
    ] = None,
    runner: Annotated[str | None, typer.Option(help="What executes a plain task, such as multiprocess.")] = None,
    force: Annotated[
        list[str] | None,
        typer.Option("--force", "-f", help="Tasks, or steps, of these names, up to date or not."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be executed, and why.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "--max-concurrency", min=1, help="Steps or scripts at the same time.")
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", "-r", help="Of a job: go on where the latest run did not succeed.")
    ] = False,
    skip: Annotated[
        list[str] | None,
        typer.Option(help="Of a job: leave this step out; several times.", autocompletion=completing.steps),
    ] = None,
    run_to: Annotated[
        str | None, typer.Option(help="Of a job: only this step and what it needs.", autocompletion=completing.steps)
    ] = None,
    run_from: Annotated[
        str | None, typer.Option(help="Of a job: only this step and what needs it.", autocompletion=completing.steps)
    ] = None,
    var: Variables = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    observe: Observe = None,
    store: Url = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Execute a job, call a task, or make files; and wait for it.

    A task may be a workflow, or a plain function that calls tasks. Its value is printed, as JSON where it is such; with
    --json, how it ended and all that failed. Exit status: 0 all succeeded, 1 some did not, or the store failed, 2 wrong
    usage, 130 interrupted (143 by SIGTERM, 129 by SIGHUP): then what was under way is stopped; `woflo retry`, or -r for
    a job, goes on.
    """
    with ended_in_order(), telling(debug=debug):
        of_jobs = {"--restart": restart, "--skip": skip, "--run-to": run_to, "--run-from": run_from, "--var": var}
        how = _How(jobs, dry_run, quiet, json, debug, observe or [])
        if store is not None:
            _use(store, dry_run=dry_run)
        job = _job_file(target, restart=restart)
        if job is not None:
            _refuse({"--arg": arg, "--key": key, "--runner": runner}, f"{job} is a job file")
            choices = {"restart": restart, **_parts(name or [], skip or [], run_to, run_from)}
            choices |= {"force": force or (), "tags": {} if named is None else {"name": named}}
            status = _job(job, choices, var or [], how)
        else:
            assert target is not None
            if force:
                from woflo.scripts.freshness import forcing

                forcing(*force)
            _refuse(of_jobs, f"{target} is no job file")
            options = {"name": named, "key": key, "runner": runner}
            status = _called(target, name or [], arg or [], options, how)
    raise typer.Exit(status)


def _use(store: str, *, dry_run: bool) -> None:
    """A dry run makes no store: where nothing was stored yet, nothing is known."""
    from woflo.durable.choice import use_store
    from woflo.stores.opening import is_there

    use_store("memory:" if dry_run and ":" in store and not is_there(store) else store_named(store, as_it_is=dry_run))


def _refuse(options: dict[str, Any], why: str) -> None:
    for option, value in options.items():
        if value:
            raise UsageError(f"{option} cannot be meant: {why}")


# -- jobs ----------------------------------------------------------------------------------------------


def _job_file(target: str | None, *, restart: bool) -> str | None:
    """The path of the job that is meant; None for a target that is none."""
    if target is None:
        from woflo.jobs.continuing import file_of_latest

        target = file_of_latest() if restart else None
        if target is None:
            raise UsageError("what is to be run? Name a job file, or a file with tasks: woflo run app.py")
        return target
    return target if is_job(target) else None


def _parts(names: list[str], skip: list[str], run_to: str | None, run_from: str | None) -> dict[str, Any]:
    """Which steps of a job are executed; those that stand behind the file mean what --run-to means."""
    if names and run_to:
        raise UsageError(f"--run-to {run_to} cannot be meant beside {' '.join(names)}, which means the same")
    if names and skip:
        others = " ".join(f"--skip {one}" for one in names)
        raise UsageError(
            f"--skip takes one step, and {' '.join(names)} behind the file would be all that is executed; say "
            f"{others} to leave it out as well, or --run-to {names[0]}"
        )
    return {"skip": skip, "run_to": names or run_to, "run_from": run_from}


def _job(path: str, choices: dict[str, Any], var: list[str], how: _How) -> int:
    from woflo.cli.jobs import show_foreseen
    from woflo.cli.outcome import FirstCall, print_job
    from woflo.cli.watching import with_logs
    from woflo.jobs.driving import Choices, drive, pending, variables_in

    variables = variables_in(var)
    told: dict[str, Any] = {"progress": not how.quiet, "observe": how.observe, "around": with_logs, "debug": how.debug}
    made = Choices(variables=variables, max_concurrency=how.jobs, **told, **choices)
    if how.dry_run:
        show_foreseen(pending(path, made), json=how.json)
        return 0
    with FirstCall() as first:
        status = drive(path, made)
    if how.json and status != WRONG_USAGE:
        print_job(first.id, path, status)
    return status


# -- tasks, functions and files ------------------------------------------------------------------------


def _called(target: str, names: list[str], arg: list[str], options: dict[str, Any], how: _How) -> int:
    from woflo.cli.flows import flow, limit_scripts, show_plan
    from woflo.cli.meaning import meaning
    from woflo.cli.targets import Target

    if how.jobs is not None:
        limit_scripts(how.jobs)
    meant = meaning(Target(target), names, arg)
    if how.dry_run:
        return show_plan(meant.name, meant.call, json=how.json)
    from woflo.durable.observing import chosen_observers

    told: dict[str, Any] = {
        "quiet": how.quiet,
        "json": how.json,
        "debug": how.debug,
        "observers": chosen_observers(how.observe),
    }
    if meant.task is not None:
        from woflo.cli.calling import called_with

        return called_with(meant.task, meant.arguments, options, **told)
    from woflo.cli.naming import naming

    name = options.pop("name")
    _refuse({f"--{option}": value for option, value in options.items()}, f"{meant.name} is no single task")
    with naming(name):
        return flow(meant.name, meant.call, **told)
