"""Taking runs away that ended long ago: `prune`, and a worker that does so all along."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from woflo.durable import project
from woflo.durable.choice import opened_for
from woflo.errors import OptionError, StoreError
from woflo.kernel import clock
from woflo.kernel.state import TERMINAL, RunState
from woflo.scripts.sweeping import remove_of
from woflo.stores.contract import Span
from woflo.stores.operations import Prune

if TYPE_CHECKING:
    from woflo.stores.contract import Store

__all__ = ["BATCH", "Retention", "ages", "in_file", "prune", "span_of_time"]

BATCH = 100
"""How many runs, each with all below it, go with one write: others write between two of them."""
BATCHES = 10
"""How many of them a worker takes away at a time."""
PAUSE = 60.0
"""Seconds between two looks of a worker."""
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def prune(
    *,
    older_than: str | float,
    state: RunState | str | Iterable[RunState | str] = RunState.SUCCEEDED,
    task: str | None = None,
    dry_run: bool = False,
    store: str | Store | None = None,
) -> list[str]:
    """Take runs away that ended longer ago than that, with their steps and all that is kept beside them.

    The logs of their commands, in this project, go as well.

    Arguments:
        older_than: "30d" (s, m, h, d or w), or seconds.
        state: the states that are meant, of those in which a run has ended.
        task: of this task only.
        dry_run: change nothing.
        store: its URL or object; that of this process by default.

    Returns the ids of the runs that are gone; with `dry_run`, of those that are old enough. Never takes one that has
    not ended, or below which something may still execute. Raises `OptionError` for what cannot be meant.

    """
    before = clock.now() - span_of_time("older_than", older_than)
    states = _ended(state)
    with opened_for(store) as kept:
        batches = _batches(kept, states, before, () if task is None else (task,), dry_run=dry_run)
        return [run_id for gone in batches for run_id in gone]


def _batches(
    store: Store, states: list[RunState], before: float, tasks: tuple[str, ...] = (), *, dry_run: bool = False
) -> Iterator[list[str]]:
    """What is gone by each write."""
    after = ""
    while rows := store.select(states=states, tasks=tasks, ended=Span(until=before), after=after, limit=BATCH):
        ids = [row.id for row in rows]
        if not dry_run:
            ids = store.write(Prune(now=clock.now(), ids=tuple(ids), before=before))
            remove_of(ids)
        yield ids
        after = rows[-1].id


def span_of_time(option: str, given: str | float) -> float:
    """Seconds. Raises `OptionError` for what is no time of zero or more."""
    if isinstance(given, int | float) and not isinstance(given, bool) and given >= 0:
        return float(given)
    found = _AGE.fullmatch(given.strip()) if isinstance(given, str) else None
    if found is None:
        raise OptionError(
            f"{option}={given!r} must be a time such as '30d' (s, m, h, d or w), or seconds, zero or more"
        )
    return float(found[1]) * _SECONDS[found[2]]


def _ended(given: RunState | str | Iterable[RunState | str]) -> list[RunState]:
    states = [given] if isinstance(given, str) else list(given)
    known = {str(state): state for state in TERMINAL}
    for state in states:
        if state not in known:
            raise OptionError(f"state={state!r}: only what has ended is taken away: {', '.join(sorted(known))}")
    if not states:
        raise OptionError(f"state={given!r}: name at least one of: {', '.join(sorted(known))}")
    return [known[state] for state in states]


def ages(given: Mapping[str, str | float]) -> dict[RunState, str | float]:
    """How long runs are kept, by the state in which they ended. Raises `OptionError` for what cannot be meant."""
    if not isinstance(given, Mapping):
        raise OptionError(f"retention={given!r} must be ages by states: {{'SUCCEEDED': '30d'}}")
    for state, age in given.items():
        span_of_time(f"retention: {state}", age)
    return {_ended(state)[0]: age for state, age in given.items()}


def in_file() -> dict[RunState, str | float]:
    """What `woflo.toml` says in its table `[retention]`."""
    return ages(project.table_of(project.find(project.FILE), "retention"))


class Retention:
    """What a worker keeps to: once a minute it looks for what is too old, and takes a part of it at each look."""

    def __init__(self, store: Store, kept: Mapping[RunState, str | float]) -> None:
        self._store = store
        self._kept = {state: span_of_time("retention", age) for state, age in kept.items()}
        self._left: Iterator[list[str]] | None = None
        """What is still to be done of the look under way."""
        self._next_look = 0.0

    def look(self) -> None:
        """Take a few batches away. Returns soon; what is left comes at the next looks."""
        if not self._kept or (self._left is None and clock.monotonic() < self._next_look):
            return
        if self._left is None:
            self._left, self._next_look = self._too_old(), clock.monotonic() + PAUSE
        try:
            if len(list(islice(self._left, BATCHES))) < BATCHES:
                self._left = None
        except StoreError:
            self._left = None  # the engine tells of that, and this is tried again

    def _too_old(self) -> Iterator[list[str]]:
        for state, age in self._kept.items():
            yield from _batches(self._store, [state], clock.now() - age)
