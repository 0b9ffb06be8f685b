"""Workers live, leave and die; what they held is freed."""

from __future__ import annotations

from typing import Any

from woflo.errors import LeaseLostError
from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.operations import (
    LOST,
    SUSPECT,
    SUSPECT_DEATHS,
    Beat,
    Claimed,
    Leave,
    Operation,
    Park,
    Publish,
    Record,
    Recover,
    RequestStop,
    Send,
    TakeSignal,
    Wake,
)
from woflo.stores.rows import Claim, WorkerRow
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import beat, begun, call, claimed, finish, refused, state_of, step, stored, submit


@check
def a_beat_makes_known_and_renews(store: Store) -> None:
    """The first beat makes a worker known, the next ones renew its lease."""
    beat(store, now=1.0, lease=10.0)
    assert store.snapshot().workers == [WorkerRow(id="w1", host="here", pid=7, lease_until=11.0)]
    beat(store, now=5.0, lease=10.0, is_first=False)
    beat(store, "w0")
    assert [(one.id, one.lease_until) for one in store.snapshot().workers] == [("w0", 101.0), ("w1", 15.0)]


@check
def a_beat_of_one_taken_for_dead(store: Store) -> None:
    """Whoever was taken for dead, left, or never was there is told so, and may come back as new."""
    row = WorkerRow(id="w1", host="here", pid=7, lease_until=50.0)
    refused(store, LeaseLostError, Beat(now=1.0, worker=row))
    beat(store, lease=1.0)
    store.write(Recover(now=10.0))
    refused(store, LeaseLostError, Beat(now=11.0, worker=row))
    beat(store, now=12.0)
    store.write(Leave(now=13.0, worker="w1"))
    refused(store, LeaseLostError, Beat(now=14.0, worker=row))


@check
def leaving_gives_back(store: Store) -> None:
    """What a worker still holds when it leaves is PENDING again, and the attempt does not count."""
    begun(store, "a")
    begun(store, "b", "w2")
    store.write(Leave(now=5.0, worker="w1"))
    row = stored(store, "a")
    assert (row.state, row.worker, row.attempt, row.deaths, row.fence) == (RunState.PENDING, None, 0, 0, 1)
    assert state_of(store, "b") is RunState.RUNNING
    assert [one.id for one in store.snapshot().workers] == ["w2"]
    store.write(Leave(now=6.0, worker="unknown"))


@check
def an_expired_lease_frees(store: Store) -> None:
    """The runs of a worker whose lease has ended are PENDING again; the attempt does not count, the death does."""
    begun(store, "b")
    begun(store, "a")
    assert store.write(Recover(now=101.0)) == []
    assert store.write(Recover(now=101.1)) == ["a", "b"]
    row = stored(store, "a")
    assert (row.state, row.reason, row.worker, row.attempt, row.deaths) == (RunState.PENDING, LOST, None, 0, 1)
    assert store.snapshot().workers == []
    (again, _) = claimed(store, "w2", now=102.0)
    assert (again.fence, again.attempt, again.reason) == (2, 1, None)


@check
def the_dead_are_freed_at_once(store: Store) -> None:
    """Who is known to be dead is not waited for, and others keep what they have."""
    begun(store, "a")
    begun(store, "b", "w2")
    assert store.write(Recover(now=3.0, dead=("w1", "unknown"))) == ["a"]
    assert [one.id for one in store.snapshot().workers] == ["w2"]
    assert state_of(store, "b") is RunState.RUNNING


@check
def the_unknown_are_freed(store: Store) -> None:
    """What is held by a worker that is not known, such as one that claimed after it was taken for dead, is freed."""
    begun(store, "a")
    store.write(Recover(now=3.0, dead=("w1",)))
    (late,) = claimed(store, "w1")
    assert late.worker == "w1"
    assert store.write(Recover(now=4.0)) == ["a"]
    assert stored(store, "a").deaths == 2


@check
def a_suspect_waits_for_a_decision(store: Store) -> None:
    """A run that was under way at the third death of a worker waits, until somebody wakes it."""
    submit(store, call("a"))
    for death in range(SUSPECT_DEATHS):
        beat(store, f"w{death}")
        assert [row.id for row in claimed(store, f"w{death}")] == ["a"]
        assert store.write(Recover(now=5.0, dead=(f"w{death}",))) == ["a"]
    row = stored(store, "a")
    assert (row.state, row.reason, row.deaths, row.attempt) == (RunState.WAITING, SUSPECT, SUSPECT_DEATHS, 0)
    assert claimed(store, now=1e9) == []
    store.write(Wake(now=6.0, run_id="a"))
    row = stored(store, "a")
    assert (row.state, row.reason, row.deaths) == (RunState.PENDING, None, 0)


@check
def what_had_not_begun_does_not_count(store: Store) -> None:
    """Where a worker has told what it had begun, its death counts for that only; all that it held is freed."""
    submit(store, *map(call, "abcd"))
    for worker in ("w1", "w2"):
        beat(store, worker)
        claimed(store, worker, limit=2)
    begun = (Claim("a", "w1", 1), Claim("b", "w1", 2), Claim("c", "w1", 1), Claim("gone", "w1", 1))
    assert store.write(Recover(now=3.0, dead=("w1", "w2"), told=("w1",), begun=begun)) == ["a", "b", "c", "d"]
    rows = store.snapshot().runs
    assert [(row.id, row.deaths) for row in rows] == [("a", 1), ("b", 0), ("c", 1), ("d", 1)]
    assert {(row.state, row.reason, row.worker, row.attempt) for row in rows} == {(RunState.PENDING, LOST, None, 0)}


@check
def what_is_claimed_ahead_is_no_suspect(store: Store) -> None:
    """A run that ends its workers is suspect at the third death; those that were claimed beside it go on."""
    submit(store, call("deadly"), call("innocent"))
    for death in range(SUSPECT_DEATHS):
        worker = f"w{death}"
        beat(store, worker)
        assert [row.id for row in claimed(store, worker)] == ["deadly", "innocent"]
        recover = Recover(now=5.0, dead=(worker,), told=(worker,), begun=(Claim("deadly", worker, death + 1),))
        assert store.write(recover) == ["deadly", "innocent"]
    assert [(row.id, row.state, row.reason) for row in store.snapshot().runs] == [
        ("deadly", RunState.WAITING, SUSPECT),
        ("innocent", RunState.PENDING, LOST),
    ]
    store.write(Wake(now=6.0, run_id="deadly"))


@check
def who_comes_further_is_no_suspect(store: Store) -> None:
    """The deaths of a run are forgotten when it comes further, and the next ones count anew."""
    for write in _FURTHER:
        claim = _outlived(store, write.__name__)
        store.write(Send(now=3.0, id=claim.run_id, run_id=claim.run_id, name="m", value="1"))
        store.write(write(claim, True))
        assert stored(store, claim.run_id).deaths == 0, claim.run_id
    assert state_of(store, _park.__name__) is RunState.WAITING


@check
def who_comes_no_further_stays_suspected(store: Store) -> None:
    """What does not say so forgets no deaths; nor does it where there is no signal, and where nothing is parked."""
    claim = _outlived(store, "run")
    assert store.write(_take_signal(claim, True)) is None
    assert not store.write(Park(now=4.0, claim=claim, reason="waits", run_after=3.0, comes_further=True))
    refused(store, LeaseLostError, _record(claim._replace(fence=1), True))
    store.write(Send(now=3.0, id="m", run_id="run", name="m", value="1"))
    for write in _FURTHER:
        store.write(write(claim, False))
        assert stored(store, "run").deaths == 1, write.__name__


def _outlived(store: Store, run_id: str) -> Claim:
    """The claim of a run that was under way when a worker died."""
    begun(store, run_id, "w1")
    store.write(Recover(now=2.0, dead=("w1",)))
    beat(store, "w2")
    (row,) = claimed(store, "w2", ids=(run_id,))
    assert row.deaths == 1
    return row.claim


def _record(claim: Claim, comes_further: bool) -> Claimed[Any]:
    steps = (step(f"{claim.run_id}:0", claim.run_id),)
    return Record(now=4.0, claim=claim, steps=steps, comes_further=comes_further)


def _publish(claim: Claim, comes_further: bool) -> Claimed[Any]:
    return Publish(now=4.0, claim=claim, name="n", value="1", comes_further=comes_further)


def _take_signal(claim: Claim, comes_further: bool) -> Claimed[Any]:
    received = step(f"{claim.run_id}:1", claim.run_id)
    return TakeSignal(now=4.0, claim=claim, name="m", step=received, comes_further=comes_further)


def _park(claim: Claim, comes_further: bool) -> Claimed[Any]:
    return Park(now=4.0, claim=claim, reason="waits", run_after=9.0, comes_further=comes_further)


_FURTHER = (_record, _publish, _take_signal, _park)


@check
def a_stop_outlives_the_worker(store: Store) -> None:
    """A run that was asked to stop ends when its worker leaves or dies, and its parent is woken."""
    gones: list[Operation[Any]] = [Leave(now=9.0, worker="w2"), Recover(now=9.0, dead=("w2",))]
    for gone in gones:
        run_id, parent = f"{type(gone).__name__}:1", type(gone).__name__
        claim = begun(store, parent)
        begun(store, run_id, "w2", parent_id=parent)
        assert store.write(Park(now=3.0, claim=claim, reason="step", waits_for=(f"run:{run_id}",)))
        assert store.write(RequestStop(now=4.0, run_id=run_id)) is RunState.RUNNING
        store.write(gone)
        row = stored(store, run_id)
        assert (row.state, row.worker, row.finished_at) == (RunState.STOPPED, None, 9.0)
        assert state_of(store, parent) is RunState.PENDING


@check
def who_holds_nothing_frees_nothing(store: Store) -> None:
    """A death does not touch runs that had ended or were given back."""
    finish(store, begun(store, "a"))
    before = store.get("a")
    assert store.write(Recover(now=1e6)) == []
    assert store.get("a") == before
