"""Only who holds a run writes about it: fences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from woflo.errors import KeyConflictError, LeaseLostError, StoreError
from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.operations import Claimed, Finish, Park, Publish, Record, Recover, Release, TakeSignal
from woflo.stores.rows import Claim
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import beat, begun, call, claimed, finish, refused, step, stored, submit


def every_write(claim: Claim) -> Iterator[Claimed[Any]]:
    """Each operation that a holder has, with steps."""
    common: dict[str, Any] = {"now": 8.0, "claim": claim, "steps": (step(f"{claim.run_id}:0", claim.run_id),)}
    yield Record(**common, calls=(call("new"),))
    yield Finish(**common, state=RunState.SUCCEEDED, result="1")
    yield Park(**common, reason="sleep", run_after=99.0)
    yield Park(**common, reason="sleep", run_after=1.0)
    yield Release(**common)
    yield Release(**common, failed=True, error="e", run_after=9.0)
    yield TakeSignal(**common, name="s", step=step(f"{claim.run_id}:1", claim.run_id))
    yield Publish(**common, name="n", value="1")


@check
def an_old_claim_writes_nothing(store: Store) -> None:
    """Every write under a claim that was taken over is refused, and changes nothing."""
    old = begun(store, "a")
    store.write(Recover(now=3.0, dead=("w1",)))
    beat(store)
    (row,) = claimed(store)
    assert row.claim == old._replace(fence=2)
    for operation in every_write(old):
        error = refused(store, LeaseLostError, operation)
        assert "a" in str(error) and "w1" in str(error)


@check
def what_nobody_holds_is_not_written_about(store: Store) -> None:
    """After a run has ended, was parked or given back, or where it never was, there is no claim to write under."""
    ended, parked, released, foreign = (begun(store, name) for name in "abcd")
    finish(store, ended)
    store.write(Park(now=3.0, claim=parked, reason="sleep", run_after=99.0))
    store.write(Release(now=3.0, claim=released))
    submit(store, call("e"))
    others = (foreign._replace(worker="w2"), foreign._replace(fence=9), foreign._replace(run_id="unknown"))
    for claim in (ended, parked, released, Claim("e", "w1", 0), *others):
        for operation in every_write(claim):
            refused(store, LeaseLostError, operation)


@check
def steps_are_kept_as_they_are(store: Store) -> None:
    """Steps come with any write of the holder: new ones as they are, an intent in its place."""
    claim = begun(store, "a")
    intent = step("a:0", "a", state=RunState.RUNNING, result=None, finished_at=None)
    store.write(Record(now=3.0, claim=claim, steps=(intent, step("a:1", "a"))))
    assert store.steps("a") == [intent, step("a:1", "a")]
    store.write(Publish(now=4.0, claim=claim, steps=(step("a:0", "a"),), name="n", value="1"))
    assert store.steps("a") == [step("a:0", "a"), step("a:1", "a")]


@check
def a_recorded_step_is_never_written_again(store: Store) -> None:
    """A step that has ended is refused the second time, and so is all that came with it."""
    claim = begun(store, "a")
    store.write(Record(now=3.0, claim=claim, steps=(step("a:0", "a"),)))
    for steps in ((step("a:0", "a", result="2"),), (step("a:1", "a"), step("a:0", "a"))):
        error = refused(store, StoreError, Record(now=4.0, claim=claim, steps=steps))
        assert "a:0" in str(error)
        refused(store, StoreError, Finish(now=4.0, claim=claim, steps=steps, state=RunState.SUCCEEDED))
    twice = (step("a:2", "a"), step("a:2", "a"))
    refused(store, StoreError, Record(now=4.0, claim=claim, steps=twice))


@check
def a_note_is_kept_once(store: Store) -> None:
    """Notes come with any write of the holder; one that is there already is left as it is, and refused nothing."""
    claim = begun(store, "a")
    store.write(Record(now=3.0, claim=claim, notes=(step("a:0", "a"),)))
    store.write(
        Publish(now=4.0, claim=claim, notes=(step("a:0", "a", result="2"), step("a:1", "a")), name="n", value="1")
    )
    assert store.steps("a") == [step("a:0", "a"), step("a:1", "a")]


@check
def a_step_is_no_other_run(store: Store) -> None:
    """A step never takes the place of a run that was called, nor of a step of another parent."""
    claim, other = begun(store, "a"), begun(store, "b", parent_id="a")
    intent = step("b:0", "b", state=RunState.RUNNING)
    store.write(Record(now=3.0, claim=other, steps=(intent,)))
    for run_id in ("a", "b", "b:0"):
        refused(store, StoreError, Record(now=4.0, claim=claim, steps=(step(run_id, "a"),)))


@check
def calls_come_with_their_step(store: Store) -> None:
    """Calls are submitted together with the steps: attached to where they are known, or all is refused."""
    claim = begun(store, "a")
    submit(store, call("b", key="k"))
    record = Record(now=3.0, claim=claim, steps=(step("a:0", "a"),), calls=(call("c"), call("x", key="k")))
    assert [(one.row.id, one.is_new) for one in store.write(record)] == [("c", True), ("b", False)]
    assert stored(store, "c") == call("c", created_at=3.0)
    assert store.get("x") is None
    bad = (call("d"), call("y", key="k", digest="two"))
    refused(store, KeyConflictError, Record(now=4.0, claim=claim, steps=(step("a:1", "a"),), calls=bad))


@check
def the_last_published_value_shows(store: Store) -> None:
    """A value takes the place of the last one of its name, for its run alone."""
    first, second = begun(store, "a"), begun(store, "b")
    for claim, name, value in ((first, "n", "1"), (second, "n", "2"), (first, "m", "3"), (first, "n", "4")):
        store.write(Publish(now=3.0, claim=claim, name=name, value=value))
    assert store.published("a") == {"n": "4", "m": "3"}
    assert store.published("b") == {"n": "2"}
    assert store.published("unknown") == {}
    assert store.snapshot().published == {("a", "n"): "4", ("a", "m"): "3", ("b", "n"): "2"}
