"""Many operations in few round trips: what does not concern the same runs is asked together.

    operations          A         B         C                A and B are about different runs; C is about A's
    round trip 1     locks, A1, B1                           the rows of all, in the order of their ids
    round trip 2     A2, B2
    round trip 3                            C1

The result is that of one operation after the other. So those that read or change what another one of them may change
are not asked together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from woflo.errors import StoreError
from woflo.stores.operations import (
    Beat,
    Claimed,
    Complete,
    Continue,
    Finish,
    Forget,
    KeepSuccesses,
    Operation,
    Park,
    Record,
    Release,
    RequestStop,
    Send,
    Submit,
    TakeSignal,
    Wake,
)
from woflo.stores.rows import Row
from woflo.stores.sql import statements
from woflo.stores.sql.asking import Answer, Doing, Statement, Values, drive
from woflo.stores.sql.calls import as_begun
from woflo.stores.sql.rows import values_of
from woflo.stores.sql.writing import do

__all__ = ["Ask", "Done", "HalfWrittenError", "alone", "lone_run", "one_by_one", "together"]

T = TypeVar("T")

Ask = Callable[[Sequence[Statement]], list[Answer]]
"""Asks a server, all in one round trip."""
_ENDING = (Finish, Forget, Release, Complete, Wake)
"""What may tell the one that called the run."""
_WRITING = {name for name, text in statements("postgres").items() if text.startswith(("INSERT", "UPDATE", "DELETE"))}


class Done(NamedTuple):
    """What became of operations in a transaction that is still open."""

    results: list[Any]
    has_written: bool
    """False where there is nothing to keep."""
    is_news: bool
    """True where others may have waited for it."""


class HalfWrittenError(Exception):
    """An operation was refused after it had written something."""


def together(operations: Sequence[Operation[Any]], ask: Ask) -> Done:
    """Do them in as few round trips as may be. Refusals are results; raises where something was written before."""
    first = _locks(operations)
    results: list[Any] = []
    written: list[_UnderWay] = []
    for group in _groups(operations):
        under_way = [_UnderWay(one) for one in group]
        while asking := [(one, one.asks) for one in under_way if one.asks is not None]:
            found = _answers([asks for _, asks in asking], first, ask)
            first = []
            for number, (one, asks) in enumerate(asking):
                one.go_on(asks, [found[at, number] for at in range(len(asks))])
        results += [one.result for one in under_way]
        written += [one for one in under_way if one.has_written]
    return Done(results, bool(written), any(one.operation.is_news(one.result) for one in written))


def _answers(asking: Sequence[list[Statement]], first: list[Statement], ask: Ask) -> dict[tuple[int, int], Answer]:
    """The answers by their places. What is asked `first` locks rows, and tells whose they are: nobody asks twice."""
    places = _places(asking)
    is_told = bool(first) and first[0][0] == "lock_runs"
    told = {(at, number) for at, number in places if is_told and asking[number][at][0] == "held"}
    others = [place for place in places if place not in told]
    answers = ask([*first, *(asking[number][at] for at, number in others)])
    found = dict(zip(others, answers[len(first) :], strict=True))
    if told:
        locked = {row[:3]: [row[3:]] for row in answers[0].rows}
        for at, number in told:
            rows = locked.get(tuple(asking[number][at][1]), [])
            found[at, number] = Answer(rows, len(rows))
    return found


def _places(asking: Sequence[list[Statement]]) -> list[tuple[int, int]]:
    """In which order statements are asked that several operations ask: each is its place, and its operation's number.

    What one operation asks stays in its order. Where the others do not concern it, those that are the same but for
    their values are neighbours.
    """
    places = [(at, number) for number, asks in enumerate(asking) for at in range(len(asks))]
    if all(name == "add_run" for asks in asking for name, _ in asks):
        return places  # of two with the same key, the first one counts
    return sorted(places, key=lambda place: (place[0], asking[place[1]][place[0]][0]))


def lone_run(operations: Sequence[Operation[Any]]) -> tuple[Row, Values] | None:
    """The run, and its values, where one is to be added and nothing else happens."""
    if len(operations) != 1 or not isinstance(operations[0], Submit):
        return None
    op = operations[0]
    if len(op.runs) != 1 or op.tags or op.blobs:
        return None
    row = as_begun(op.runs[0], op.now)
    return row, values_of(row)


def one_by_one(operations: Sequence[Operation[Any]], ask: Ask, told: Callable[[Exception], StoreError]) -> Done:
    """The same slowly: each in a savepoint, so that what one had written can be taken back when it is refused.

    `told` says in words why one failed, or raises where they have all failed with it.
    """
    ask(_locks(operations))
    return Done([_saved(one, ask, told) for one in operations], has_written=True, is_news=True)


def _saved(operation: Operation[Any], ask: Ask, told: Callable[[Exception], StoreError]) -> Any:
    ask([("save", {})])
    try:
        return drive(do(operation), ask)
    except Exception as error:
        result = error if isinstance(error, StoreError) else told(error)
    ask([("go_back", {})])
    return result


def alone(operation: Operation[T], ask: Ask) -> T:
    """One operation. Raises what it is refused with."""
    ask(_locks([operation]))
    return drive(do(operation), ask)


class _UnderWay:
    """An operation between round trips."""

    def __init__(self, operation: Operation[Any]) -> None:
        self.operation = operation
        self.asks: list[Statement] | None = None
        """None when it has ended."""
        self.result: Any = None
        self.has_written = False
        self._doing: Doing[Any] = _begun(operation)
        self._step(lambda: next(self._doing))

    def go_on(self, asks: list[Statement], answers: list[Answer]) -> None:
        """With the answers to what it asks."""
        written = [answer.changed for (name, _), answer in zip(asks, answers, strict=True) if name in _WRITING]
        self.has_written = self.has_written or any(written)
        self._step(lambda: self._doing.send(answers))

    def _step(self, step: Callable[[], list[Statement]]) -> None:
        try:
            self.asks = step()
        except StopIteration as end:
            self.asks, self.result = None, end.value
        except StoreError as refusal:
            if self.has_written:
                raise HalfWrittenError from refusal
            self.asks, self.result = None, refusal


def _begun(operation: Operation[Any]) -> Doing[Any]:
    """The operation as a generator also where it is not understood: that is its refusal."""
    return (yield from do(operation))


# -- which rows are locked before anything is written --------------------------------------------------


def _locks(operations: Sequence[Operation[Any]]) -> list[Statement]:
    ids = {run_id for one in operations for run_id in _about(one)}
    ending = [run_id for one in operations if isinstance(one, _ENDING) for run_id in _about(one)]
    roots = [one.run_id for one in operations if isinstance(one, RequestStop)]
    locks: list[Statement] = []
    if ids:
        locks.append(("lock_runs", {"ids": json.dumps(sorted(ids)), "ending": json.dumps(ending)}))
    if roots:
        locks.append(("lock_trees", {"roots": json.dumps(roots)}))
    return locks


def _about(operation: Operation[Any]) -> list[str]:
    """The runs that it names and that are there already."""
    match operation:
        case Park(claim=claim, waits_for=tokens):
            return [claim.run_id, *(token[4:] for token in tokens if token.startswith("run:"))]
        case Claimed(claim=claim):
            return [claim.run_id]
        case Continue(row=row):
            return [row.continues or ""]
        case Send(run_id=run_id) | Complete(run_id=run_id) | Wake(run_id=run_id):
            return [run_id]
        case _:
            return []


# -- what may be asked together ------------------------------------------------------------------------


def _groups(operations: Sequence[Operation[Any]]) -> Iterator[list[Operation[Any]]]:
    """Neighbours that do not concern each other."""
    group: list[Operation[Any]] = []
    kind, taken = "", set[str]()
    for operation in operations:
        its_kind, names = _concerns(operation)
        if group and (its_kind != kind or not its_kind or taken & names):
            yield group
            group, taken = [], set()
        group.append(operation)
        kind = its_kind
        taken |= names
    if group:
        yield group


def _concerns(operation: Operation[Any]) -> tuple[str, set[str]]:
    """A kind, and the names of what it reads or changes. Kinds do not mix; those without a kind are alone.

    New calls only add rows and look at such; what has the same key is found in the order of the statements. A run that
    ends changes the one that called it, which is not named: that one waits, so nothing that is done here to what is
    claimed concerns it.
    """
    if operation.blobs:
        return "", set()
    match operation:
        case Submit(runs=runs):
            return "calls", {row.id for row in runs}
        case Record(calls=(_, *_)) | Finish(calls=(_, *_)) | Finish(successors=(_, *_)) | Forget():
            return "", set()
        case Claimed(steps=steps, notes=notes):
            own = {operation.step.id} if isinstance(operation, TakeSignal) else set()
            return "runs", {*_about(operation), *(row.id for row in (*steps, *notes)), *own}
        case KeepSuccesses(successes=successes):
            return "successes", {success.target for success in successes}
        case Send(run_id=run_id, id=signal):
            return "runs", {run_id, f"signal {signal}"}
        case Beat(worker=worker):
            return "runs", {f"worker {worker.id}"}
        case _:
            return "", set()
