"""Runs end, or are given back for another attempt."""

from __future__ import annotations

from woflo.kernel.state import TERMINAL, RunState
from woflo.stores.contract import Store
from woflo.stores.operations import Finish, Park, Release, RequestStop
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import begun, claimed, finish, state_of, step, stored


@check
def what_an_end_leaves(store: Store) -> None:
    """Every terminal state is kept, with result, error, reason and time; the claim is gone, its steps are there."""
    for state in sorted(TERMINAL):
        claim = begun(store, state.value)
        told = {"state": state, "result": "[1]", "error": "e", "reason": "r"}
        one = step(f"{state}:0", state.value)
        store.write(Finish(now=7.0, claim=claim, steps=(one,), **told))  # type: ignore[arg-type]
        row = stored(store, state.value)
        assert (row.state, row.result, row.error, row.reason) == (state, "[1]", "e", "r")
        assert (row.worker, row.finished_at, row.attempt, row.started_at) == (None, 7.0, 1, 2.0)
        assert store.steps(state.value) == [one]


@check
def an_end_wakes_the_parent(store: Store) -> None:
    """A parent that waits for a run is PENDING again when that has ended, and has no time any more."""
    parent = begun(store, "p")
    child = begun(store, "p:0", parent_id="p")
    assert store.write(Park(now=3.0, claim=parent, reason="step", waits_for=("run:p:0", "signal:x"), run_after=50.0))
    finish(store, child)
    row = stored(store, "p")
    assert (row.state, row.waits_for, row.run_after, row.reason) == (RunState.PENDING, (), None, None)
    assert store.next_time() is None


@check
def an_end_wakes_nobody_else(store: Store) -> None:
    """A parent that waits for something else, and whoever does not wait, is left as it is."""
    parent, other = begun(store, "p"), begun(store, "q")
    children = [begun(store, f"p:{number}", parent_id="p") for number in range(2)]
    orphan = begun(store, "x", parent_id="nobody")
    assert store.write(Park(now=3.0, claim=parent, reason="step", waits_for=("run:p:1",)))
    assert other.run_id == "q"
    for claim in (children[0], orphan):
        finish(store, claim)
    assert state_of(store, "p") is RunState.WAITING
    assert state_of(store, "q") is RunState.RUNNING


@check
def given_back(store: Store) -> None:
    """A run that is given back is PENDING, and that attempt does not count."""
    claim = begun(store, "a")
    store.write(Release(now=3.0, claim=claim, reason="declined", run_after=9.0, error="not kept"))
    row = stored(store, "a")
    assert (row.state, row.worker, row.attempt, row.reason) == (RunState.PENDING, None, 0, "declined")
    assert (row.run_after, row.error, row.finished_at) == (9.0, None, None)


@check
def given_back_after_a_failure(store: Store) -> None:
    """After a failed attempt it is RETRYING, with the error; that attempt counts, and the next claim is the next."""
    claim = begun(store, "a")
    store.write(Release(now=3.0, claim=claim, failed=True, error="e"))
    row = stored(store, "a")
    assert (row.state, row.worker, row.attempt, row.error) == (RunState.RETRYING, None, 1, "e")
    (again,) = claimed(store)
    assert (again.attempt, again.fence, again.error) == (2, 2, "e")


@check
def given_back_after_a_stop(store: Store) -> None:
    """A run that was asked to stop ends when it is given back, failed or not: it never becomes ready again."""
    for failed in (False, True):
        claim = begun(store, f"a{failed}")
        store.write(RequestStop(now=3.0, run_id=claim.run_id))
        store.write(Release(now=4.0, claim=claim, run_after=9.0, failed=failed, error="e"))
        row = stored(store, claim.run_id)
        assert (row.state, row.worker, row.run_after, row.finished_at) == (RunState.STOPPED, None, None, 4.0)
        assert (row.attempt, row.error) == ((1, "e") if failed else (0, None))
