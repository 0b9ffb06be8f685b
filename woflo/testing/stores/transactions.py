"""Rows of the user are kept together with an operation, or not at all."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from woflo.errors import LeaseLostError, StoreError
from woflo.kernel.state import RunState
from woflo.stores.contract import Store, Transaction
from woflo.stores.operations import Finish, Record, Recover
from woflo.testing.conformance.tools import raised
from woflo.testing.patience import PATIENCE
from woflo.testing.stores.checks import StoreCheck, check
from woflo.testing.stores.sharing import in_threads
from woflo.testing.stores.tools import begun, call, state_of, step, submit


def put(transaction: Transaction, name: str) -> None:
    """Write a row of the user."""
    connection = transaction.connection
    if isinstance(connection, MutableMapping):
        connection[name] = True
    else:
        connection.execute("CREATE TABLE IF NOT EXISTS rows_of_a_user (name TEXT)")
        connection.execute(f"INSERT INTO rows_of_a_user VALUES ('{name}')")


def kept(store: Store) -> list[str]:
    """The rows of the user that are there."""
    with store.transaction() as transaction:
        connection = transaction.connection
        if isinstance(connection, MutableMapping):
            return sorted(connection)
        connection.execute("CREATE TABLE IF NOT EXISTS rows_of_a_user (name TEXT)")
        return [name for (name,) in connection.execute("SELECT name FROM rows_of_a_user ORDER BY name").fetchall()]


def transactional(function: Callable[[Store], None]) -> StoreCheck:
    """A check of what only some stores can: others refuse it by name."""

    def checked(store: Store) -> None:
        if store.has_transactions:
            function(store)
        else:
            raised(StoreError, lambda: store.transaction().__enter__())

    checked.__name__, checked.__module__, checked.__doc__ = function.__name__, function.__module__, function.__doc__
    return check(checked)


def recording(store: Store, run_id: str = "a") -> Record:
    """An operation that is not refused."""
    return Record(now=3.0, claim=begun(store, run_id), steps=(step(f"{run_id}:0", run_id),))


@transactional
def kept_together(store: Store) -> None:
    """After `commit` both are there, at once; it returns what the operation does."""
    operation = recording(store)
    with store.transaction() as transaction:
        put(transaction, "mine")
        result: object = transaction.commit(operation)
        assert result == []
        assert [row.id for row in store.steps("a")] == ["a:0"]
    assert kept(store) == ["mine"]


@transactional
def refused_and_nothing_is_kept(store: Store) -> None:
    """An operation under a lost claim takes the user's rows with it."""
    operation = recording(store)
    store.write(Recover(now=3.0, dead=("w1",)))
    with store.transaction() as transaction:
        put(transaction, "mine")
        raised(LeaseLostError, lambda: transaction.commit(operation))
    assert kept(store) == []
    assert store.steps("a") == []


@transactional
def left_without_commit(store: Store) -> None:
    """Nothing is kept, and the next write works."""
    before = store.snapshot()
    with store.transaction() as transaction:
        put(transaction, "mine")
    assert kept(store) == []
    assert store.snapshot() == before
    submit(store, call("a"))


@transactional
def an_exception_inside(store: Store) -> None:
    """It comes out as it is, nothing is kept, and the next write works."""
    operation = recording(store)

    def use() -> None:
        with store.transaction() as transaction:
            put(transaction, "mine")
            raise ZeroDivisionError

    raised(ZeroDivisionError, use)
    assert kept(store) == []
    store.write(operation)


@transactional
def an_exception_after_the_commit(store: Store) -> None:
    """What is kept stays kept."""
    operation = recording(store)

    def use() -> None:
        with store.transaction() as transaction:
            put(transaction, "mine")
            transaction.commit(operation)
            raise ZeroDivisionError

    raised(ZeroDivisionError, use)
    assert kept(store) == ["mine"]
    assert len(store.steps("a")) == 1


@transactional
def good_for_one_commit(store: Store) -> None:
    """The second commit, and one after the block, is refused by name; what is written later is not kept."""
    operation = recording(store)
    ending = Finish(now=4.0, claim=operation.claim, state=RunState.SUCCEEDED)
    with store.transaction() as transaction:
        transaction.commit(operation)
        raised(StoreError, lambda: transaction.commit(ending))
        try:
            put(transaction, "late")
        except StoreError:
            pass  # as good
    with store.transaction() as left:
        pass
    raised(StoreError, lambda: left.commit(ending))
    assert kept(store) == []
    assert state_of(store, "a") is RunState.RUNNING


@transactional
def not_again_after_a_refusal(store: Store) -> None:
    """What was refused took the user's rows with it: nothing can be kept by another commit."""
    operation = recording(store)
    with store.transaction() as transaction:
        put(transaction, "mine")
        lost = Finish(now=4.0, claim=operation.claim._replace(fence=9), state=RunState.SUCCEEDED)
        raised(LeaseLostError, lambda: transaction.commit(lost))
        raised(StoreError, lambda: transaction.commit(operation))
    assert kept(store) == []
    assert store.steps("a") == []


@transactional
def a_write_inside_is_told(store: Store) -> None:
    """The same thread would wait for itself for ever: refused by name."""
    operation = recording(store)
    with store.transaction() as transaction:
        assert "transaction" in str(raised(StoreError, lambda: store.write(operation)))
        raised(StoreError, lambda: store.transaction().__enter__())
        transaction.commit(operation)


@transactional
def one_after_the_other(store: Store) -> None:
    """Transactions and writes of many threads at the same time are all kept, each whole."""
    operations = [recording(store, f"run{number}") for number in range(8)]

    def use(number: int) -> Any:
        if number % 2:
            return store.write(operations[number])
        with store.transaction() as transaction:
            put(transaction, f"row{number}")
            return transaction.commit(operations[number])

    in_threads(use, 8, PATIENCE)
    assert kept(store) == ["row0", "row2", "row4", "row6"]
    assert all(len(store.steps(f"run{number}")) == 1 for number in range(8))
