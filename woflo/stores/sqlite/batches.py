"""Many operations in few statements: each statement costs calls of Python, and a turn at the interpreter's lock.

    operations        A  B  C               ends of steps, of several workflows
    asked             A1 B1 C1 A2 B2 C2     of each what it asks first, then what it asks next
    statements        1×3      2×3          neighbours that are the same but for their values: one statement

The result is that of one operation after the other: only those are asked together that do not read what another one of
them changes, and where one is refused, or finds something there already, all is done again one by one.

A row has nine values that are null and one that is false. For each of those the `sqlite3` of Python looks for an
adapter, which takes as long as all the rest of writing the row. So they stand in the text of the statement.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain, compress, groupby
from operator import itemgetter
from typing import Any, NamedTuple

from woflo.stores.operations import Finish, Operation, Record
from woflo.stores.rows import Claim
from woflo.stores.sql import statements
from woflo.stores.sql.asking import Answer, Statement, Values, answer_of, drive
from woflo.stores.sql.writing import do

__all__ = ["FEW", "Asking", "neighbours", "together"]

_SQL = statements("sqlite")
FEW = 8
"""Statements of one kind that are asked one by one: another form of a statement is worth it for more only."""
MOST = 32
"""Rows of one statement: SQLite before 3.32 takes no more than 999 values."""
_ROW = re.compile(r"VALUES (\([?,\s]+\))")
_WITH_LITERALS = frozenset(("add_run", "keep_step", "end_run"))


class Asking:
    """Statements asked of a connection that writes; those of one kind that follow each other may go in one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._execute_many = connection.executemany
        self._kinds: dict[str, Callable[[str, list[Any]], list[Answer] | None]] = {
            "add_run": self._rows,
            "keep_step": self._rows,
            "end_run": self._changes,
            "held": self._held,
        }
        """How many of one name are asked in one go; None where that does not tell enough of each."""

    def __call__(self, statements: Sequence[Statement]) -> list[Answer]:
        """The answers, in their order."""
        if len(statements) <= FEW:
            return self._one_by_one(statements)
        answers: list[Answer] = []
        for name, same in groupby(statements, itemgetter(0)):
            group = list(same)
            ask = self._kinds.get(name) if len(group) > FEW else None
            answers += (ask and ask(name, [values for _, values in group])) or self._one_by_one(group)
        return answers

    def _one_by_one(self, statements: Sequence[Statement]) -> list[Answer]:
        execute, answers = self._execute, []
        for name, values in statements:
            if name in _WITH_LITERALS:
                text, given = _form(name, _literals(values))
                cursor = execute(text, tuple(compress(values, given)))
            else:
                cursor = execute(_SQL[name], values)
            answers.append(answer_of((cursor.fetchall(), cursor.rowcount)))
        return answers

    def _rows(self, name: str, rows: list[tuple[Any, ...]]) -> list[Answer] | None:
        """New rows. Where one was not written, SQLite does not tell which: then none is."""
        self._execute("SAVEPOINT rows")
        for literals, some in _portions(rows):
            text, given = _form(name, literals, len(some))
            cursor = self._execute(text, tuple(compress(chain.from_iterable(some), given)))
            if cursor.rowcount < len(some):
                self._execute("ROLLBACK TO rows")
                self._execute("RELEASE rows")
                return None
        self._execute("RELEASE rows")
        return [answer_of(([], 1))] * len(rows)

    def _changes(self, name: str, values: list[tuple[Any, ...]]) -> list[Answer] | None:
        """Each changes one row. Where one did not, SQLite does not tell which."""
        changed = 0
        for literals, same in groupby(values, _literals):
            text, given = _form(name, literals)
            changed += self._execute_many(text, [tuple(compress(one, given)) for one in same]).rowcount
        return [answer_of(([], 1))] * changed if changed == len(values) else None

    def _held(self, _: str, claims: list[Claim]) -> list[Answer]:
        """Which claims hold, all looked at by one statement."""
        found = self._execute(_SQL["held_among"], {"ids": json.dumps([claim.run_id for claim in claims])})
        held = {one[:3]: one[3:] for one in found}
        return [answer_of(([held[claim]] if claim in held else [], -1)) for claim in claims]


def _literals(values: Values) -> tuple[str | None, ...]:
    """What stands in the text for each of them; None for one that is given beside it."""
    return tuple(map(_LITERALS.get, map(id, values)))


_LITERALS = {id(None): "NULL", id(False): "0", id(True): "1"}


class _Form(NamedTuple):
    """A statement with literals in it."""

    text: str
    given: tuple[bool, ...]
    """Which of the values are given beside it."""


@cache
def _form(name: str, literals: tuple[str | None, ...], count: int = 1) -> _Form:
    """The statement of this name, for so many rows with the same literals."""
    text = _ROW.sub(lambda found: f"VALUES {', '.join([found[1]] * count)}", _SQL[name])
    marks = iter(literals * count)
    given = tuple(one is None for one in literals) * count
    return _Form(re.sub(r"\?", lambda _: next(marks) or "?", text), given)


def _portions(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[tuple[str | None, ...], list[tuple[Any, ...]]]]:
    """Rows with the same literals, in sizes of which there are few, for each is a statement that is kept prepared."""
    for literals, same in groupby(rows, _literals):
        left = list(same)
        while left:
            size = min(MOST, 1 << (len(left).bit_length() - 1))
            yield literals, left[:size]
            left = left[size:]


# -- operations that may be asked together --------------------------------------------------------------


def neighbours(operations: Sequence[Operation[Any]]) -> Iterator[list[Operation[Any]]]:
    """Operations that follow each other, in groups that may be asked together."""
    group: list[Operation[Any]] = []
    kind, ending = "", set[str]()
    for operation in operations:
        its_kind = _kind(operation)
        ends = operation.claim.run_id if isinstance(operation, Finish) else ""
        if group and (not its_kind or its_kind != kind or ends in ending):
            yield group
            group, ending = [], set()
        group.append(operation)
        kind = its_kind
        if ends:
            ending.add(ends)
    if group:
        yield group


def _kind(operation: Operation[Any]) -> str:
    """Those of one kind ask the same: ends of steps, which only add rows, or ends of runs. Empty: asked by itself."""
    if operation.blobs:
        return ""
    if isinstance(operation, Record):
        if operation.calls or operation.notes or len(operation.steps) != 1:
            return ""
        return "steps that come further" if operation.comes_further else "steps"
    if isinstance(operation, Finish):
        has_more = operation.calls or operation.notes or operation.steps or operation.successors
        return "" if has_more else "ends"
    return ""


def together(operations: Sequence[Operation[Any]], ask: Callable[[Sequence[Statement]], list[Answer]]) -> list[Any]:
    """The results of a group. Raises what the first one was refused with; others are written by then."""
    doing = [do(one) for one in operations]
    first = list(zip(*(next(one) for one in doing), strict=True))
    answers = ask([*chain.from_iterable(first)])
    count = len(doing)
    return [drive(one, ask, answers[number::count]) for number, one in enumerate(doing)]
