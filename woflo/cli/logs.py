"""`woflo logs RUN`: what a run, and its steps, have written to the files of logs. Imports no code of a user."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated, Any

import typer

from woflo.cli.crashes import crashed
from woflo.cli.failures import INTERRUPTED, UsageError, say, telling
from woflo.cli.growing import Growing
from woflo.cli.options import AsJson, Debug, OneRun, Url
from woflo.cli.showing import print_json
from woflo.kernel.masking import mask_text
from woflo.kernel.texts import file_name, spelled_out
from woflo.scripts.places import below

if TYPE_CHECKING:
    from woflo.stores.contract import Store

__all__ = ["logs"]

_OF_OBSERVER = re.compile(r"\d{8}T\d{6}-")
LOOK = 0.2
"""Seconds between two looks at files that are followed."""
PATIENCE = 2.0
"""Seconds after a crash in which somebody may go on with the run, before nothing more is waited for."""
LEAST = 6
"""Characters of an id that are needed where no store tells whether they are enough."""


def logs(
    run: OneRun,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended, or crashed.")] = False,
    store: Url = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what a run, and its steps, have written.

    From the files in `.woflo/logs`. Each line as it is, but for secrets, and for what would move the cursor, which is
    spelled out.
    """
    with telling(debug=debug), ExitStack() as stack:
        kept = _store(store, stack)
        if json and follow:
            raise UsageError("--json tells all at once, -f tells it as it comes: take one of them")
        whole, is_known = _id(run, kept)
        shown = _Shown(whole)
        _spell_out_unknown_letters()
        answer = shown.all() if json else []
        if not json:
            shown.go_on(hold=False)
        if not shown.files and not (follow and is_known):
            raise UsageError(f"there are no logs of {run!r} in {shown.folder}; what succeeds in silence leaves none")
        if json:
            print_json(answer)
        if follow:
            try:
                _follow(shown, whole, kept)
            except KeyboardInterrupt:
                raise typer.Exit(INTERRUPTED) from None


def _spell_out_unknown_letters() -> None:
    """Those that the terminal's encoding does not have: a program may have written any."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _store(url: str | None, stack: ExitStack) -> Store | None:
    """The store, where there is one: files can be read without."""
    from woflo.cli.options import opened_store

    if url is not None:
        return stack.enter_context(opened_store(url))
    try:
        return stack.enter_context(opened_store(None))
    except UsageError:
        return None


def _id(run: str, store: Store | None) -> tuple[str, bool]:
    """The whole id, and whether the store knows it. Raises `UsageError` for the beginning of several."""
    row = store.get(run) if store is not None and run else None
    if row is not None:
        return row.id, True
    some = [] if store is None else [one.id for one in store.select(after=run, limit=3) if one.id.startswith(run)]
    if len(some) > 1:
        raise UsageError(f"{run!r} is the beginning of several ids: {', '.join(some)}, …; tell more")
    if some:
        return some[0], True
    if len(run) < LEAST:
        raise UsageError(f"there is no run {run!r} in this store; `woflo history` tells which there are")
    return run, False


def _follow(shown: _Shown, run_id: str, store: Store | None) -> None:
    lives_until = time.monotonic()
    while True:
        row = None if store is None else store.get(run_id)
        crash = None if row is None or store is None else crashed(store, [row]).get(run_id)
        lives_until = time.monotonic() if crash is None else lives_until
        ended = f"is {row.state}" if row is not None and row.is_terminal else crash
        if ended == crash and time.monotonic() - lives_until < PATIENCE:
            ended = None
        has_more = shown.go_on(hold=ended is None)
        if ended is not None and not has_more:
            say(f"woflo logs: {run_id} {ended}")
            return
        if not has_more:
            time.sleep(LOOK)


class _Shown:
    """The files of a run, and how far each of them is shown."""

    def __init__(self, run_id: str) -> None:
        self.folder = below("logs")
        self.files: dict[str, Growing] = {}
        """By name, how far they are shown."""
        self._ids = (run_id.replace("/", "_"), f"-{file_name(run_id, 120)}")
        self._last = ""
        """The name of the file that the last line is of."""

    def go_on(self, *, hold: bool) -> bool:
        """Show what there is more by now; False for nothing. With `hold`, not the beginning of a line at once."""
        has_more = False
        for name in self._names():
            has_more |= self._go_on(name, hold=hold)
        return has_more

    def all(self) -> list[dict[str, Any]]:
        """The lines of each file by now."""
        found = []
        for name in self._names():
            growing = self.files.setdefault(name, Growing())
            with suppress(FileNotFoundError):  # it was swept meanwhile
                found.append({"file": name, "lines": list(self._lines(name, growing, hold=False))})
        return found

    def _lines(self, name: str, growing: Growing, *, hold: bool) -> Iterator[str]:
        """Those that were not given out yet, without secrets. Raises `FileNotFoundError`."""
        with open(os.path.join(self.folder, name), "rb") as file:
            for line in growing.lines(file, hold=hold):
                yield mask_text(line)

    def _names(self) -> list[str]:
        """In the order of their beginning."""
        try:
            with os.scandir(self.folder) as entries:
                found = [one for one in entries if self._is_meant(one.name) and one.is_file(follow_symlinks=False)]
                return [one.name for one in sorted(found, key=lambda one: (one.stat().st_mtime_ns, one.name))]
        except OSError:
            return []

    def _is_meant(self, name: str) -> bool:
        """`ID.1.log` of a command, `TIME-TASK-ID.log` of others; the id of a step begins with that of its run."""
        own, others = self._ids
        begins = others in name if _OF_OBSERVER.match(name) else name.startswith(own)
        return begins and name.endswith(".log")

    def _go_on(self, name: str, *, hold: bool) -> bool:
        growing = self.files.setdefault(name, Growing())
        begin = growing.position
        try:
            for line in self._lines(name, growing, hold=hold):
                if self._last != name:
                    self._tell(name)
                typer.echo(spelled_out(line))
        except FileNotFoundError:
            return False
        return growing.position != begin

    def _tell(self, name: str) -> None:
        typer.echo(f"==> {spelled_out(name)} <==" if not self._last else f"\n==> {spelled_out(name)} <==")
        self._last = name
