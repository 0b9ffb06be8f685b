"""What others do to a run: stop it, complete it, wake it."""

from __future__ import annotations

from woflo.errors import RunEndedError, UnknownRunError
from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.operations import MANUAL, UNCERTAIN, Complete, Park, Record, RequestStop, Wake
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import begun, call, claimed, finish, refused, state_of, step, stored, submit


def stop(store: Store, run_id: str, now: float = 5.0) -> RunState:
    """Ask for it."""
    return store.write(RequestStop(now=now, run_id=run_id, error="stopped"))


def manual_step(store: Store) -> None:
    """A run "a" that waits for its manual step "a:0"."""
    claim = begun(store, "a")
    waiting = step("a:0", "a", state=RunState.WAITING, reason=MANUAL, result=None, finished_at=None)
    store.write(Record(now=3.0, claim=claim, steps=(waiting,)))
    assert store.write(Park(now=3.0, claim=claim, reason="manual step", waits_for=("run:a:0",)))


@check
def what_nobody_executes_stops_at_once(store: Store) -> None:
    """PENDING or WAITING: it is STOPPED, and never claimed."""
    submit(store, call("a", run_after=9.0))
    assert store.write(Park(now=3.0, claim=begun(store, "b"), reason="r", waits_for=("signal:x",), run_after=9.0))
    for run_id in "ab":
        assert stop(store, run_id) is RunState.STOPPED
        row = stored(store, run_id)
        assert (row.state, row.error, row.finished_at, row.stop_requested) == (RunState.STOPPED, "stopped", 5.0, True)
        assert (row.run_after, row.waits_for) == (None, ())
    assert claimed(store, now=99.0) == []


@check
def who_executes_it_is_asked(store: Store) -> None:
    """RUNNING: it goes on, and its row says that it is to stop."""
    claim = begun(store, "a")
    assert stop(store, "a") is RunState.RUNNING
    row = stored(store, "a")
    assert (row.state, row.stop_requested, row.worker, row.error) == (RunState.RUNNING, True, "w1", None)
    finish(store, claim, state=RunState.STOPPED)
    assert state_of(store, "a") is RunState.STOPPED


@check
def what_has_ended_stays_as_it_is(store: Store) -> None:
    """A stop after the end changes nothing, and tells the state."""
    finish(store, begun(store, "a"))
    before = store.get("a")
    assert stop(store, "a") is RunState.SUCCEEDED
    assert store.get("a") == before


@check
def all_below_is_stopped(store: Store) -> None:
    """Children and theirs, of parents that have ended, too; other runs are left alone."""
    parent = begun(store, "p")
    finish(store, begun(store, "p:0", parent_id="p"))
    begun(store, "p:1", parent_id="p")
    submit(store, call("p:2", parent_id="p"), call("p:0:0", parent_id="p:0"), call("p:1:0", parent_id="p:1"), call("q"))
    assert store.write(Park(now=3.0, claim=parent, reason="step", waits_for=("run:p:2",)))
    assert stop(store, "p") is RunState.STOPPED
    states = {row.id: row.state for row in store.snapshot().runs}
    stopped, ended = RunState.STOPPED, RunState.SUCCEEDED
    below = {"p:0": ended, "p:1": RunState.RUNNING, "p:2": stopped, "p:0:0": stopped, "p:1:0": stopped}
    assert states == {"p": stopped, "q": RunState.PENDING, **below}
    assert stored(store, "p:1").stop_requested


@check
def steps_within_the_parent_are_left_to_it(store: Store) -> None:
    """What the parent executes itself is not asked; a manual step that waits is stopped with it."""
    claim = begun(store, "a")
    own = step("a:0", "a", state=RunState.RUNNING, result=None, finished_at=None)
    person = step("a:1", "a", state=RunState.WAITING, reason=MANUAL, result=None, finished_at=None)
    store.write(Record(now=3.0, claim=claim, steps=(own, person)))
    assert stop(store, "a") is RunState.RUNNING
    assert store.get("a:0") == own
    assert state_of(store, "a:1") is RunState.STOPPED


@check
def a_stopped_child_wakes_its_parent(store: Store) -> None:
    """Who waits for a run that is stopped goes on."""
    claim = begun(store, "p")
    submit(store, call("p:0", parent_id="p"))
    assert store.write(Park(now=3.0, claim=claim, reason="step", waits_for=("run:p:0",)))
    assert stop(store, "p:0") is RunState.STOPPED
    assert state_of(store, "p") is RunState.PENDING


@check
def a_manual_step_is_completed(store: Store) -> None:
    """It ends with what the person says, and its parent is woken."""
    manual_step(store)
    store.write(Complete(now=6.0, run_id="a:0", state=RunState.FAILED, result="1", error="no"))
    row = stored(store, "a:0")
    assert (row.state, row.result, row.error, row.reason, row.finished_at) == (RunState.FAILED, "1", "no", None, 6.0)
    assert state_of(store, "a") is RunState.PENDING
    refused(store, RunEndedError, Complete(now=7.0, run_id="a:0", state=RunState.SUCCEEDED))


@check
def only_a_manual_step_is_completed(store: Store) -> None:
    """What waits for something else, or does not wait, is refused by name, and so is what is not there."""
    manual_step(store)
    submit(store, call("b"))
    for run_id, kind in (("a", RunEndedError), ("b", RunEndedError), ("unknown", UnknownRunError)):
        refused(store, kind, Complete(now=6.0, run_id=run_id, state=RunState.SUCCEEDED))


@check
def what_waits_is_woken(store: Store) -> None:
    """Whatever it waits for, but for a person: that is for `Complete`."""
    manual_step(store)
    store.write(Wake(now=6.0, run_id="a"))
    row = stored(store, "a")
    assert (row.state, row.waits_for, row.reason) == (RunState.PENDING, (), None)
    before = store.snapshot()
    for run_id in ("a", "a:0"):
        store.write(Wake(now=7.0, run_id=run_id))
    assert store.snapshot() == before


def uncertain_step(store: Store) -> None:
    """A run "a" that waits for a decision about its step "a:0", whose intent was there before."""
    claim = begun(store, "a")
    intent = step("a:0", "a", state=RunState.RUNNING, result=None, finished_at=None)
    store.write(Record(now=3.0, claim=claim, steps=(intent,)))
    asked = intent.changed(state=RunState.WAITING, reason=f"{UNCERTAIN}: task[1]")
    store.write(Record(now=3.0, claim=claim, steps=(asked,)))
    assert store.write(Park(now=3.0, claim=claim, reason="step", waits_for=("run:a:0",)))


@check
def what_is_uncertain_is_completed(store: Store) -> None:
    """It ends as the person says, and its parent, which is not what is uncertain, is woken."""
    uncertain_step(store)
    refused(store, RunEndedError, Complete(now=6.0, run_id="a", state=RunState.SUCCEEDED))
    store.write(Complete(now=6.0, run_id="a:0", state=RunState.SUCCEEDED, result="7"))
    row = stored(store, "a:0")
    assert (row.state, row.result, row.reason) == (RunState.SUCCEEDED, "7", None)
    assert state_of(store, "a") is RunState.PENDING


@check
def what_is_uncertain_is_executed_again(store: Store) -> None:
    """By its parent, which is woken; it is no call for workers. Its end may then be recorded."""
    uncertain_step(store)
    store.write(Wake(now=6.0, run_id="a:0"))
    row = stored(store, "a:0")
    assert (row.state, row.reason, row.queue) == (RunState.PENDING, None, None)
    (parent,) = claimed(store)
    assert parent.id == "a"
    store.write(Record(now=7.0, claim=parent.claim, steps=(step("a:0", "a"),)))
    assert stored(store, "a:0").result == "1"


@check
def a_decision_may_come_before_the_park(store: Store) -> None:
    """Who waits for a step that it is to execute again is woken at once."""
    claim = begun(store, "a")
    decided = step("a:0", "a", state=RunState.PENDING, result=None, finished_at=None)
    store.write(Record(now=3.0, claim=claim, steps=(decided,)))
    assert store.write(Park(now=3.0, claim=claim, reason="step", waits_for=("signal:x", "run:a:0")))
    row = stored(store, "a")
    assert (row.state, row.worker, row.waits_for, row.reason) == (RunState.PENDING, None, (), None)


@check
def a_call_that_is_uncertain_goes_to_workers_again(store: Store) -> None:
    """One of a queue: its deaths are forgotten; or it is completed."""
    for run_id in "ab":
        assert store.write(Park(now=3.0, claim=begun(store, run_id), reason=f"{UNCERTAIN}: task[1]"))
    store.write(Wake(now=6.0, run_id="a"))
    assert [row.id for row in claimed(store)] == ["a"]
    store.write(Complete(now=6.0, run_id="b", state=RunState.SUCCEEDED, result="7"))
    assert state_of(store, "b") is RunState.SUCCEEDED


@check
def only_who_waits_for_it_is_woken_for_it(store: Store) -> None:
    """A wake for something else changes nothing: what waits for a decision goes on waiting for that."""
    for run_id, tokens in (("a", ("run:x:0", "signal:s")), ("b", ())):
        submit(store, call("x:0"))
        assert store.write(Park(now=3.0, claim=begun(store, run_id), reason="r", waits_for=tokens))
        store.write(Wake(now=6.0, run_id=run_id, token="run:x:1"))
        assert state_of(store, run_id) is RunState.WAITING
        store.write(Wake(now=6.0, run_id=run_id, token="run:x:0"))
    assert (state_of(store, "a"), state_of(store, "b")) == (RunState.PENDING, RunState.WAITING)


@check
def nothing_is_done_to_who_is_not_there(store: Store) -> None:
    """No run of this id: refused by name, also where there are runs that name it as their parent."""
    submit(store, call("unknown:0", parent_id="unknown"))
    refused(store, UnknownRunError, RequestStop(now=5.0, run_id="unknown"))
    refused(store, UnknownRunError, Wake(now=5.0, run_id="unknown"))
