"""What several commands take, and how it is meant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from woflo.cli import completing
from woflo.cli.failures import UsageError
from woflo.durable.choice import chosen_url, opened
from woflo.kernel.pairs import named_values
from woflo.stores.opening import is_there, open_as_it_is

if TYPE_CHECKING:
    from woflo.stores.contract import Store
    from woflo.stores.rows import Row

__all__ = [
    "AsJson",
    "Debug",
    "Name",
    "Observe",
    "OneRun",
    "Runs",
    "Tags",
    "Url",
    "found",
    "opened_store",
    "store_named",
    "tags_of",
]

Url = Annotated[str | None, typer.Option("--store", help="Which store; without, as WOFLO_STORE or woflo.toml say.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Observe = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WHAT",
        autocompletion=completing.observers,
        help="Tell of what happens: progress, logs, jsonl, spans, an address (mailto://…), module:Class; "
        "each with options, as jsonl,path=events.jsonl; may be given several times.",
    ),
]


def _alone(ctx: typer.Context, asked: bool) -> bool:
    if asked and not ctx.resilient_parsing:
        from woflo.cli.showing import keep_stdout

        keep_stdout()
    return asked


AsJson = Annotated[bool, typer.Option("--json", callback=_alone, help="As JSON; nothing else is on stdout then.")]
Name = Annotated[str | None, typer.Option(help="What was called by `woflo run --name`.")]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", help="What was called with this tag; may be given several times.")
]
OneRun = Annotated[str, typer.Argument(metavar="RUN", help="Its id, or how it begins.", autocompletion=completing.runs)]
Runs = Annotated[
    list[str], typer.Argument(metavar="RUN...", help="Ids, or how they begin.", autocompletion=completing.runs)
]


@contextmanager
def opened_store(url: str | None) -> Iterator[Store]:
    """The store of this URL, or the one of this folder; never a new one. What cannot be written is read.

    Raises `UsageError` where there is none.
    """
    where = url or chosen_url()
    if ":" not in where:
        named = "WOFLO_STORE" if url is None else "--store"
        raise UsageError(f"{named} {where!r} is no URL of a store; write one as sqlite:///{where}")
    if not is_there(where):
        raise UsageError(
            f"there is no store {where}: nothing was stored there yet; name another one with --store, or go to the "
            f"folder of the program"
        )
    with closing(open_as_it_is(where)) as store:
        yield store


def store_named(url: str, *, as_it_is: bool = False) -> Store:
    """The store of this URL; with `as_it_is`, only to be read where it cannot be written.

    Raises `UsageError` for what is none.
    """
    if ":" not in url:
        raise UsageError(f"--store {url!r} is no URL of a store; write one as sqlite:///{url}")
    return open_as_it_is(url) if as_it_is else opened(url)


def tags_of(name: str | None, texts: list[str] | None) -> dict[str, str]:
    """What is asked for by --name and --tag. Raises `OptionError`."""
    given = [] if name is None else [f"name={name}"]
    return named_values("--tag", [*given, *(texts or ())], "a run has one value of it")


def found(store: Store, text: str) -> Row:
    """The run with this id, or the only one whose id begins so. Raises `UsageError`."""
    row = store.get(text) if text else None
    if row is not None:
        return row
    some = [one for one in store.select(after=text, limit=3) if one.id.startswith(text)]
    if len(some) == 1:
        return some[0]
    if some:
        raise UsageError(f"{text!r} is the beginning of several ids: {', '.join(one.id for one in some)}, …; tell more")
    raise UsageError(f"there is no run {text!r} in this store; `woflo list` tells which there are")
