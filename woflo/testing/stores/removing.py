"""Taking runs away, and moving them to another store."""

from __future__ import annotations

from woflo.errors import KeyConflictError, RunEndedError, RunUnderWayError, StoreError, UnknownRunError
from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.moving import BEFORE, as_before
from woflo.stores.operations import Adopt, Continue, Park, Prune, Publish, Record, Send, SetAside, Submit
from woflo.stores.rows import Row, Signal, Tag
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import begun, call, claimed, finish, refused, state_of, step, stored, submit

__all__: list[str] = []


def _ended(store: Store, run_id: str, now: float = 9.0, key: str | None = None) -> None:
    """A run that has ended, with a step and all that may be kept beside it."""
    store.write(Submit(now=1.0, runs=(call(run_id, key=key),), tags=(Tag(run_id, "n", "1"),)))
    claim = begun(store, run_id)
    store.write(Send(now=3.0, id=f"s-{run_id}", run_id=run_id, name="m", value="1"))
    store.write(Publish(now=3.0, claim=claim, name="x", value="1", steps=(step(f"{run_id}:0", run_id),)))
    finish(store, claim, now=now)


@check
def pruned_with_all_below(store: Store) -> None:
    """Steps, signals, tags and published values go with the run; its key is free, and others stay as they are."""
    _ended(store, "a", key="k")
    _ended(store, "b")
    assert store.write(Prune(now=20.0, ids=("unknown", "a", "a"))) == ["a"]
    left = store.snapshot()
    assert [row.id for row in left.runs] == ["b", "b:0"]
    assert ([one.run_id for one in left.signals], list(left.published), list(left.tags)) == (
        ["b"],
        [("b", "x")],
        [("b", "n")],
    )
    (again,) = store.write(Submit(now=21.0, runs=(call("a", key="k", digest="two"),)))
    assert again.is_new


@check
def pruned_is_what_has_ended(store: Store) -> None:
    """What has not ended, ended too late, is a step, or has something below that may execute, is left as it is."""
    submit(store, call("a"))
    _ended(store, "b", now=9.0)
    _ended(store, "c", now=10.0)
    submit(store, call("b:1", parent_id="b"))
    before = store.snapshot()
    assert store.write(Prune(now=20.0, ids=("a", "b", "b:0", "c"), before=10.0)) == []
    assert store.snapshot() == before
    assert store.write(Prune(now=20.0, ids=("a", "b", "b:0", "c"), before=10.5)) == ["c"]


@check
def pruned_with_intents(store: Store) -> None:
    """A step that was under way when its run was stopped keeps nothing."""
    claim = begun(store, "a")
    store.write(Record(now=3.0, claim=claim, steps=(step("a:0", "a", state=RunState.RUNNING, finished_at=None),)))
    finish(store, claim)
    assert store.write(Prune(now=20.0, ids=("a",))) == ["a"]
    assert store.snapshot().runs == []


def _parked(store: Store, run_id: str = "a") -> list[Row]:
    """A run that waits for a signal and a time, with a step, and a child that is ready."""
    claim = begun(store, run_id, key="k")
    steps = (step(f"{run_id}:0", run_id),)
    child = call(f"{run_id}:1", parent_id=run_id)
    store.write(Record(now=3.0, claim=claim, steps=steps, calls=(child,), tags=(Tag(child.id, "n", "1"),)))
    store.write(Send(now=3.0, id="s1", run_id=run_id, name="other", value='"é"'))
    store.write(Publish(now=3.0, claim=claim, name="x", value="1"))
    store.write(Park(now=4.0, claim=claim, reason="signal", waits_for=("signal:m",), run_after=50.0))
    return store.snapshot().runs


@check
def set_aside(store: Store) -> None:
    """Nothing of it goes on: not by its time, a signal, or a claim. How it was is kept."""
    were = _parked(store)
    store.write(SetAside(now=5.0, run_id="a", to="there", error='"e"'))
    store.write(SetAside(now=6.0, run_id="a", to="there"))
    row = stored(store, "a")
    assert (row.state, row.reason, row.error, row.finished_at) == (RunState.STOPPED, "moved to there", '"e"', 5.0)
    assert state_of(store, "a:0") is RunState.SUCCEEDED
    assert state_of(store, "a:1") is RunState.STOPPED
    assert claimed(store, now=100.0) == []
    refused(store, RunEndedError, Send(now=7.0, id="s2", run_id="a", name="m", value="1"))
    successor = Continue(now=7.0, row=call("a2", continues="a"))
    assert "there" in str(refused(store, StoreError, successor))
    assert "there" in str(refused(store, StoreError, SetAside(now=7.0, run_id="a", to="elsewhere")))
    assert as_before(store.snapshot().runs, store.published("a")[BEFORE]) == were


@check
def not_set_aside(store: Store) -> None:
    """What is executed, what another one called, and what is not there."""
    refused(store, UnknownRunError, SetAside(now=5.0, run_id="a", to="there"))
    _parked(store)
    assert "a" in str(refused(store, StoreError, SetAside(now=5.0, run_id="a:1", to="there")))
    claimed(store, ids=("a:1",))
    assert "w1" in str(refused(store, RunUnderWayError, SetAside(now=5.0, run_id="a", to="there")))


@check
def what_has_ended_is_not_set_aside(store: Store) -> None:
    """It does not go on anyway."""
    _ended(store, "a")
    before = store.snapshot()
    store.write(SetAside(now=20.0, run_id="a", to="there"))
    assert store.snapshot() == before


def _bundle() -> Adopt:
    """A parked run, as another store had it."""
    waits = call("a", key="k", state=RunState.WAITING, reason="signal", waits_for=("signal:m", "run:a:1"), fence=3)
    rows = (waits.changed(created_at=1.0, started_at=2.0), step("a:0", "a"), call("a:1", parent_id="a", created_at=3.0))
    signals = (
        Signal(id="s2", run_id="a", name="n", value="1", sent_at=3.0, taken_by="a:0"),
        Signal(id="s1", run_id="a", name="n", value="2", sent_at=3.0),
    )
    return Adopt(now=9.0, runs=rows, signals=signals, published=(("a", "x", "1"),), tags=(Tag("a:1", "n", "1"),))


@check
def adopted(store: Store) -> None:
    """All is there as it was, once, and goes on: its signals wake it."""
    bundle = _bundle()
    assert store.write(bundle)
    before = store.snapshot()
    assert not store.write(bundle)
    assert store.snapshot() == before
    assert before.runs == list(bundle.runs)
    assert store.signals("a") == list(bundle.signals)
    assert store.published("a") == {"x": "1"}
    assert store.tags("a:1") == {"n": "1"}
    store.write(Send(now=10.0, id="s3", run_id="a", name="m", value="1"))
    (row,) = claimed(store, now=11.0, ids=("a",))
    assert row.fence == 4


@check
def not_adopted(store: Store) -> None:
    """Where another run has its key or its id, nothing is kept."""
    submit(store, call("b", key="k"))
    assert "'k'" in str(refused(store, KeyConflictError, _bundle()))


@check
def not_adopted_by_its_id(store: Store) -> None:
    """The same for the ids of the run, and of what is below it."""
    submit(store, call("a:1", digest="two"))
    refused(store, KeyConflictError, _bundle())
    submit(store, call("a", digest="two"))
    refused(store, KeyConflictError, _bundle())


@check
def put_back(store: Store) -> None:
    """What was set aside is as it was when it is adopted where it came from."""
    _parked(store)
    before = store.snapshot()
    signals, tags = tuple(store.signals("a")), (Tag("a:1", "n", "1"),)
    store.write(SetAside(now=5.0, run_id="a", to="there"))
    assert store.write(
        Adopt(now=6.0, runs=tuple(before.runs), signals=signals, published=(("a", "x", "1"),), tags=tags)
    )
    assert store.snapshot() == before
