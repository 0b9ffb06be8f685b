"""Runs wait, and give up their worker for it, unless what they wait for is there already."""

from __future__ import annotations

from woflo.errors import UnknownRunError
from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.operations import Park, RequestStop, Send, TakeSignal
from woflo.stores.rows import Claim
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import begun, call, finish, refused, step, stored, submit


def stays(store: Store, claim: Claim, waits_for: tuple[str, ...] = (), run_after: float | None = None) -> None:
    """Parking returns False, and only the step is kept."""
    one = step(f"{claim.run_id}:0", claim.run_id)
    before = store.get(claim.run_id)
    assert not store.write(
        Park(now=5.0, claim=claim, steps=(one,), reason="r", waits_for=waits_for, run_after=run_after)
    )
    assert store.get(claim.run_id) == before
    assert store.get(one.id) == one


@check
def what_waiting_leaves(store: Store) -> None:
    """A parked run is WAITING for what it says; nobody has it, and the attempt does not count."""
    claim = begun(store, "a")
    tokens = ("signal:x", "something from outside")
    assert store.write(Park(now=5.0, claim=claim, reason="because", waits_for=tokens, run_after=9.0))
    row = stored(store, "a")
    assert (row.state, row.worker, row.attempt, row.fence) == (RunState.WAITING, None, 0, 1)
    assert (row.reason, row.waits_for, row.run_after) == ("because", tokens, 9.0)
    assert store.next_time() == 9.0


@check
def not_where_the_signal_is_there(store: Store) -> None:
    """A signal that came before is not slept through; one that was taken is not waited for in vain."""
    claim = begun(store, "a")
    store.write(Send(now=3.0, id="s1", run_id="a", name="x", value="1"))
    stays(store, claim, ("signal:y", "signal:x"))
    assert store.write(TakeSignal(now=6.0, claim=claim, name="x", step=step("a:1", "a"))) == "1"
    assert store.write(Park(now=7.0, claim=claim, reason="r", waits_for=("signal:x",)))


@check
def not_where_the_run_has_ended(store: Store) -> None:
    """A child that has ended before is not waited for."""
    claim = begun(store, "a")
    finish(store, begun(store, "a:9", parent_id="a"))
    submit(store, call("a:8", parent_id="a"))
    stays(store, claim, ("run:a:8", "run:a:9"))
    assert store.write(Park(now=7.0, claim=claim, reason="r", waits_for=("run:a:8",)))


@check
def not_where_the_time_has_passed(store: Store) -> None:
    """A time that is not ahead is not waited for."""
    stays(store, begun(store, "a"), ("signal:x",), run_after=5.0)


@check
def not_where_a_stop_is_requested(store: Store) -> None:
    """Who was asked to stop goes on, to end."""
    claim = begun(store, "a")
    store.write(RequestStop(now=3.0, run_id="a"))
    stays(store, claim, ("signal:x",))


@check
def not_for_a_run_that_is_not_there(store: Store) -> None:
    """Nobody would ever end it: refused by name, whatever else is waited for."""
    claim = begun(store, "a")
    for waits_for in (("run:unknown",), ("signal:x", "run:unknown")):
        one = step("a:0", "a")
        refused(store, UnknownRunError, Park(now=5.0, claim=claim, steps=(one,), reason="r", waits_for=waits_for))
