"""Values over a megabyte."""

from __future__ import annotations

from woflo.kernel.state import RunState
from woflo.stores.blobs import REST, is_reference
from woflo.stores.contract import Store
from woflo.stores.operations import (
    MANUAL,
    Complete,
    Finish,
    Forget,
    Park,
    Publish,
    Record,
    Send,
    Submit,
    Sweep,
    TakeSignal,
)
from woflo.testing.patience import wait_until
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import begun, call, claimed, finish, step, stored, submit

_LARGE = '"' + "größer" * 200_000 + '"'
_OTHER = '"' + "x" * 3_000_000 + '"'


@check
def large_arguments(store: Store) -> None:
    """A row has their name, whoever reads it, and the store gives them back as they were."""
    (accepted,) = submit(store, call("a", args=_LARGE))
    begun(store, "b")
    (by_claim,) = claimed(store, ids=("a",))
    for row in (accepted, by_claim, stored(store, "a"), *store.select(limit=1)):
        assert is_reference(row.args) and len(row.args) < 100
        assert store.whole(row.args) == store.whole_row(row).args == _LARGE
    assert store.whole(stored(store, "b").args) == "[1]"


@check
def large_values_of_all_kinds(store: Store) -> None:
    """Results, errors, signals, what is published, steps and calls, each comes back."""
    claim = begun(store)
    steps = (
        step("run:0", "run", result=_LARGE),
        step("run:1", "run", state=RunState.FAILED, result=None, error=_OTHER),
    )
    store.write(Record(now=3.0, claim=claim, steps=steps, calls=(call("c", args=_OTHER),)))
    store.write(Publish(now=3.0, claim=claim, name="n", value=_LARGE))
    store.write(Send(now=3.0, id="s", run_id="run", name="m", value=_OTHER))
    taken = store.write(TakeSignal(now=3.0, claim=claim, name="m", step=step("run:2", "run")))
    successor = call("d", args=_LARGE, continues="run")
    end = Finish(now=4.0, claim=claim, state=RunState.SUCCEEDED, result=_OTHER, successors=(successor,))
    store.write(end)
    assert taken is not None and store.whole(taken) == _OTHER
    assert store.whole(store.published("run")["n"]) == _LARGE
    kept = [store.whole_row(row) for row in (*store.steps("run"), stored(store, "run"), stored(store, "c"))]
    assert [row.result for row in kept] == [_LARGE, None, _OTHER, _OTHER, None]
    assert (kept[1].error, kept[4].args) == (_OTHER, _OTHER)
    assert store.whole(stored(store, "d").args) == _LARGE


@check
def a_large_value_by_hand(store: Store) -> None:
    """What a person gives may be large, too."""
    claim = begun(store)
    manual = step("run:0", "run", state=RunState.WAITING, reason=MANUAL, result=None, finished_at=None)
    store.write(Park(now=3.0, claim=claim, steps=(manual,), reason="step", waits_for=("run:run:0",)))
    store.write(Complete(now=4.0, run_id="run:0", state=RunState.SUCCEEDED, result=_LARGE))
    assert store.whole(str(stored(store, "run:0").result)) == _LARGE


@check
def kept_once(store: Store) -> None:
    """The same content is the same blob, whoever brings it, and whenever."""
    submit(store, call("a", args=_LARGE), call("b", args=_LARGE), now=1.0)
    submit(store, call("c", args=_LARGE), now=5.0)
    ((name, kept_at),) = store.snapshot().blobs.items()
    assert kept_at == 5.0
    assert {stored(store, run_id).args for run_id in "abc"} == {name}


@check
def nothing_is_left_of_a_refused_one(store: Store) -> None:
    """Where the operation is refused, its large values are not there."""
    claim = begun(store)
    finish(store, claim)
    late = Finish(now=9.0, claim=claim, state=RunState.SUCCEEDED, result=_LARGE)
    good = Submit(now=9.0, runs=(call("a", args=_OTHER),))
    done: list[object] = []
    store.submit([late, good], done.extend)
    wait_until(lambda: len(done) == 2, "the end of both")
    store.write(Sweep(now=9.0))
    assert isinstance(done[0], Exception) and len(store.snapshot().blobs) == 1
    assert store.whole(stored(store, "a").args) == _OTHER


@check
def swept(store: Store) -> None:
    """What nothing names goes, a day after it was kept last; what is named stays, wherever its name stands."""
    claim = begun(store, "run", args=_LARGE)
    store.write(Publish(now=3.0, claim=claim, name="n", value=_OTHER))
    store.write(Publish(now=4.0, claim=claim, name="n", value="1"))
    assert store.write(Sweep(now=3.0 + REST)) == 0
    assert store.write(Sweep(now=4.0 + REST)) == 1
    assert list(store.snapshot().blobs) == [stored(store, "run").args]
    assert store.write(Sweep(now=9.0 + REST)) == 0
    submit(store, call("again", args=_OTHER), now=9.0 + REST)
    assert store.whole(stored(store, "again").args) == _OTHER


@check
def swept_with_its_run(store: Store) -> None:
    """A run that is forgotten takes its values along, the others' stay."""
    first, other = (begun(store, run_id, args=text) for run_id, text in (("a", _LARGE), ("b", _OTHER)))
    store.write(Forget(now=9.0 + REST, claim=first))
    assert list(store.snapshot().blobs) == [stored(store, "b").args]
    store.write(Forget(now=9.0 + REST, claim=other))
    assert store.snapshot().blobs == {}
