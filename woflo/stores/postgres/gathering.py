"""One statement in place of many that are the same but for their values: for psycopg and the server it is one.

Of those statements `NAME` there is a second spelling `NAME_together` in SQL. It takes the values of all as JSON, and
returns, for each of them that found or wrote something, the id by which it is known, and what the one alone returns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from woflo.stores.sql.asking import Answer, Values
from woflo.stores.sql.rows import COLUMNS

__all__ = ["FEWEST", "answers", "ids_of", "texts"]

FEWEST = 3
"""So many are worth it."""
MOST = 256
"""So many go into one statement: the server does them while the next ones are put together."""
LARGEST = 4_000_000
"""About how many characters go into one statement: the server has all of them in memory, several times."""
_ID = {"held": 0, "add_run": 0, "keep_step": 0, "end_run": 5}
"""At which place of its values a statement has the id."""
_ROWS = ("add_run", "keep_step")
"""Those whose values are a whole row: as an object, without what is null."""


def ids_of(name: str, same: Sequence[Values]) -> list[Any] | None:
    """The ids, where these may be asked together: the result is then that of one after the other."""
    place = _ID.get(name)
    if place is None or len(same) < FEWEST:
        return None
    ids = [values[place] for values in same]  # type: ignore[index]  # those have their values in order
    return ids if len(set(ids)) == len(ids) else None


def texts(name: str, same: Sequence[Values]) -> Iterator[str]:
    """The values of all, as JSON arrays; fewer in each where values are large."""
    for first in range(0, len(same), MOST):
        yield from _parts(name, same[first : first + MOST])


def _parts(name: str, same: Sequence[Values]) -> Iterator[str]:
    dumped = json.dumps([_object(values) for values in same] if name in _ROWS else same)
    if len(dumped) <= LARGEST or len(same) == 1:
        yield dumped
        return
    half = len(same) // 2
    yield from _parts(name, same[:half])
    yield from _parts(name, same[half:])


def _object(values: Values) -> dict[str, Any]:
    return {name: value for name, value in zip(COLUMNS, values, strict=True) if value is not None}


def answers(ids: Sequence[Any], found: Sequence[tuple[Any, ...]]) -> list[Answer]:
    """The answers to each, in their order."""
    rows = {row[0]: [row[1:]] for row in found}
    return [Answer(rows[run_id], 1) if run_id in rows else Answer([], 0) for run_id in ids]
