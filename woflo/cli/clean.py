"""`woflo clean`: files that woflo has made go; nothing else does. Imports no code of a user."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import typer

from woflo.cli import completing
from woflo.cli.failures import UsageError, say, telling
from woflo.cli.options import AsJson, Debug, Url, opened_store
from woflo.cli.showing import counted, print_json
from woflo.kernel.texts import did_you_mean, spelled_out
from woflo.scripts.cleaning import Cleaned, cleaned
from woflo.scripts.provenance import Made, name_of

if TYPE_CHECKING:
    from woflo.stores.contract import Store

__all__ = ["clean"]


def clean(
    file: Annotated[list[str] | None, typer.Argument(help="Only these; globs within the project.")] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="Only what this task made; several times.", autocompletion=completing.tasks)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, tell what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before.")] = False,
    store: Url = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Remove files that woflo has made, and that are as they were made.

    What stays though it is known is told with the reason: changed since, accepted by hand, older than the run that
    should have made it, an input, protected, outside of the project.
    """
    globs = [name_of(one) for one in file or ()]

    def is_meant(name: str) -> bool:
        return not globs or any(fnmatchcase(name, glob) for glob in globs)

    with telling(debug=debug):
        with opened_store(store) as kept:
            known = kept.successes()
            _check_tasks(kept, task or (), {one.task for one in known})
        _check_files(globs, {name for one in known for name in Made(one).outputs})
        every = [Made(one) for one in known if not task or one.task in task]
        found = cleaned(every, is_meant, remove=False)
        going = [one.name for one in found if not one.why]
        if not dry_run and going:
            if not yes:
                _ask(going)
            agreed = set(going)  # and nothing that came to be meanwhile
            found = cleaned(every, lambda name: is_meant(name) and name in agreed, remove=True) + [
                one for one in found if one.why
            ]
        _show(found, "would be removed" if dry_run else "removed", json=json)


def _check_tasks(store: Store, tasks: Iterable[str], known: set[str]) -> None:
    for name in tasks:
        if name not in known and not store.select(tasks=[name], limit=1):
            raise UsageError(f"there is no run of a task {name!r} in this store{did_you_mean(name, known)}")


def _check_files(globs: Iterable[str], known: set[str]) -> None:
    """Globs may match nothing, names may not."""
    for name in globs:
        if not any(letter in name for letter in "*?[") and name not in known:
            raise UsageError(f"nothing that this store knows has made {name}{did_you_mean(name, known)}")


def _ask(going: list[str]) -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked; say --yes, or --dry-run to see what would be removed")
    for name in going[:20]:
        typer.echo(spelled_out(name), err=True)
    if len(going) > 20:
        typer.echo(f"… and {len(going) - 20} more", err=True)
    if not typer.confirm(f"Remove {counted(len(going), 'file')}?", err=True):
        raise UsageError("nothing was removed")


def _show(found: list[Cleaned], done: str, *, json: bool) -> None:
    if json:
        print_json([{"file": one.name, "is_removed": not one.why, "reason": one.why or None} for one in found])
        return
    for one in found:
        if not one.why:
            typer.echo(spelled_out(one.name))
    for one in found:
        if one.why:
            say(spelled_out(f"{one.name} stays: {one.why}"))
    say(f"woflo clean: {counted(sum(not one.why for one in found), 'file')} {done}")
