"""Runs that go on from others: in their place, with their key, or beside them."""

from __future__ import annotations

from typing import Any

from woflo.errors import KeyConflictError, RunContinuedError, RunNotEndedError, UnknownRunError
from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.operations import CONTINUED, HANDED_OVER, Continue, Finish, Park, RequestStop
from woflo.stores.rows import Row
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import begun, call, claimed, finish, refused, state_of, step, stored, submit


def after(run_id: str, before: str, **changes: Any) -> Row:
    """A run that goes on from another one."""
    return call(run_id, continues=before, **changes)


def failed(store: Store, run_id: str = "a", **changes: Any) -> None:
    """A run that has ended, with the key "k"."""
    finish(store, begun(store, run_id, key="k", **changes), state=RunState.FAILED)


@check
def it_takes_over_the_key(store: Store) -> None:
    """And its steps are there with it; the one before stays as it ended, and tells where it went on."""
    failed(store)
    row = store.write(Continue(now=10.0, row=after("b", "a"), steps=(step("b:0", "b"),)))
    assert row == stored(store, "b")
    assert (row.key, row.continues, row.created_at, row.state) == ("k", "a", 10.0, RunState.PENDING)
    assert store.find(row.task, "k") == row
    assert [one.id for one in store.steps("b")] == ["b:0"]
    before = stored(store, "a")
    assert (before.state, before.key, before.reason) == (RunState.FAILED, None, f"{HANDED_OVER}b")
    assert [one.id for one in claimed(store, ids=("b",))] == ["b"]


@check
def nobody_goes_on_twice(store: Store) -> None:
    """In the place of one run there is one other; which one, the error tells."""
    failed(store)
    store.write(Continue(now=10.0, row=after("b", "a")))
    error = refused(store, RunContinuedError, Continue(now=11.0, row=after("c", "a")))
    assert "b" in str(error)
    store.write(Continue(now=12.0, row=after("d", "a"), hands_over=False))


@check
def what_has_not_ended_is_not_replaced(store: Store) -> None:
    """It is to be stopped first; a run beside it takes nothing from it."""
    begun(store, "a", key="k")
    refused(store, RunNotEndedError, Continue(now=10.0, row=after("b", "a")))
    before = stored(store, "a")
    row = store.write(Continue(now=10.0, row=after("b", "a", key="other"), hands_over=False))
    assert (row.key, stored(store, "a")) == ("other", before)


@check
def there_must_be_something_to_go_on_from(store: Store) -> None:
    """And its own id and key must be new."""
    refused(store, UnknownRunError, Continue(now=10.0, row=after("b", "unknown")))
    failed(store)
    submit(store, call("b"), call("c", key="taken"))
    refused(store, KeyConflictError, Continue(now=10.0, row=after("b", "a")))
    refused(store, KeyConflictError, Continue(now=10.0, row=after("d", "a", key="taken"), hands_over=False))
    refused(store, KeyConflictError, Continue(now=10.0, row=after("d", "a"), steps=(step("b", "d"),)))


@check
def one_ends_and_another_begins(store: Store) -> None:
    """Together, with what came with the end; who waits for the first is woken."""
    parent = begun(store, "p")
    child = begun(store, "p:0", parent_id="p", key="k")
    assert store.write(Park(now=3.0, claim=parent, reason="run", waits_for=("run:p:0",)))
    store.write(
        Finish(
            now=9.0,
            claim=child,
            state=RunState.SUCCEEDED,
            reason=f"{CONTINUED}n",
            steps=(step("p:0:0", "p:0"),),
            calls=(call("c"),),
            successors=(after("n", "p:0", args="[2]", parent_id="p"),),
        )
    )
    ended, new = stored(store, "p:0"), stored(store, "n")
    assert (ended.state, ended.key, ended.reason) == (RunState.SUCCEEDED, None, f"{CONTINUED}n")
    assert (new.state, new.key, new.args, new.parent_id, new.created_at) == (RunState.PENDING, "k", "[2]", "p", 9.0)
    assert state_of(store, "p") is RunState.PENDING
    assert state_of(store, "c") is RunState.PENDING and state_of(store, "p:0:0") is RunState.SUCCEEDED


@check
def a_stop_is_for_the_one_that_goes_on(store: Store) -> None:
    """Who asked for it while the first was executed has asked for the second."""
    claim = begun(store, "a")
    store.write(RequestStop(now=5.0, run_id="a"))
    end = Finish(now=9.0, claim=claim, state=RunState.SUCCEEDED, reason=f"{CONTINUED}b", successors=(after("b", "a"),))
    store.write(end)
    row = stored(store, "b")
    assert (row.state, row.stop_requested, row.finished_at) == (RunState.STOPPED, True, 9.0)
    assert claimed(store, now=99.0) == []
