"""Values sent to runs from outside: each is received once, in the order in which they were sent."""

from __future__ import annotations

from woflo.errors import RunEndedError, StoreError, UnknownRunError
from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.operations import Park, Record, Send, TakeSignal
from woflo.stores.rows import Claim, Signal
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import begun, call, finish, refused, state_of, step, stored, submit


def send(store: Store, signal_id: str, run_id: str = "a", name: str = "x", value: str = "1", now: float = 3.0) -> bool:
    """Send it."""
    return store.write(Send(now=now, id=signal_id, run_id=run_id, name=name, value=value))


def take(store: Store, claim: Claim, step_id: str, name: str = "x") -> str | None:
    """Receive the oldest."""
    one = step(step_id, claim.run_id, state=RunState.RUNNING, result=None)
    return store.write(TakeSignal(now=4.0, claim=claim, name=name, step=one))


@check
def each_once_in_order(store: Store) -> None:
    """The oldest first, whatever their ids and times; then there is none, and nothing is recorded."""
    claim = begun(store, "a")
    for signal_id, value in (("s9", "1"), ("s1", "2"), ("s5", "3")):
        assert send(store, signal_id, value=value, now=10.0 - float(value))
    send(store, "other", name="y", value="y")
    begun(store, "b")
    send(store, "others", run_id="b", value="b")
    assert [take(store, claim, f"a:{number}") for number in range(4)] == ["1", "2", "3", None]
    assert store.get("a:3") is None


@check
def the_step_has_the_value(store: Store) -> None:
    """Receiving is a step that has succeeded with the value; the signal tells which step took it."""
    claim = begun(store, "a")
    send(store, "s1", value='"v"')
    extra = step("a:0", "a")
    take_it = TakeSignal(now=4.0, claim=claim, steps=(extra,), name="x", step=step("a:1", "a", result=None))
    assert store.write(take_it) == '"v"'
    assert store.steps("a") == [extra, step("a:1", "a", result='"v"')]
    assert store.snapshot().signals == [Signal(id="s1", run_id="a", name="x", value='"v"', sent_at=3.0, taken_by="a:1")]
    only_steps = TakeSignal(now=5.0, claim=claim, steps=(step("a:2", "a"),), name="x", step=step("a:3", "a"))
    assert store.write(only_steps) is None
    assert [row.id for row in store.steps("a")] == ["a:0", "a:1", "a:2"]


@check
def not_by_a_step_that_has_ended(store: Store) -> None:
    """A recorded step receives nothing more, and the signal stays for the next one."""
    claim = begun(store, "a")
    store.write(Record(now=3.0, claim=claim, steps=(step("a:0", "a"),)))
    send(store, "s1")
    refused(store, StoreError, TakeSignal(now=4.0, claim=claim, name="x", step=step("a:0", "a")))
    assert take(store, claim, "a:1") == "1"


@check
def the_same_signal_counts_once(store: Store) -> None:
    """An id is kept once, for ever: also after it was taken, and after the run has ended."""
    claim = begun(store, "a")
    assert send(store, "s1")
    assert not send(store, "s1", value="2")
    assert take(store, claim, "a:0") == "1"
    assert not send(store, "s1")
    assert take(store, claim, "a:1") is None
    finish(store, claim)
    assert not send(store, "s1")


@check
def a_signal_wakes(store: Store) -> None:
    """A run that waits for this name is PENDING again; one that waits for another is not."""
    claim = begun(store, "a")
    assert store.write(Park(now=3.0, claim=claim, reason="signal", waits_for=("signal:x",), run_after=99.0))
    send(store, "s1", name="y")
    send(store, "s2", name="x:z")
    assert state_of(store, "a") is RunState.WAITING
    send(store, "s3")
    row = stored(store, "a")
    assert (row.state, row.waits_for, row.run_after, row.reason) == (RunState.PENDING, (), None, None)


@check
def before_the_run_has_begun(store: Store) -> None:
    """A signal to a run that nobody executes yet waits for it."""
    submit(store, call("a"))
    send(store, "s1")
    assert state_of(store, "a") is RunState.PENDING
    assert take(store, begun(store, "a"), "a:0") == "1"


@check
def not_to_who_is_not_there(store: Store) -> None:
    """No run of this id, or one that has ended: refused by name."""
    refused(store, UnknownRunError, Send(now=3.0, id="s1", run_id="a", name="x", value="1"))
    finish(store, begun(store, "a"))
    refused(store, RunEndedError, Send(now=3.0, id="s1", run_id="a", name="x", value="1"))
