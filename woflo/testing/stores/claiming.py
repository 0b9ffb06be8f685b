"""Workers claim what is ready: in order, each run once."""

from __future__ import annotations

from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.operations import Park, Release
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import beat, begun, call, claimed, finish, state_of, stored, submit


@check
def by_priority_then_by_id(store: Store) -> None:
    """The highest priority first, and of equal ones the lowest id, over all queues that are asked for."""
    submit(store, call("c"), call("b", priority=1, queue="q2"), call("a", queue="q2"), call("d", priority=1))
    rows = claimed(store, queues=("default", "q2", "default"), limit=3)
    assert [row.id for row in rows] == ["b", "d", "a"]
    assert [row.id for row in claimed(store, queues=("q2", "default"))] == ["c"]


@check
def what_a_claim_changes(store: Store) -> None:
    """A claimed run is RUNNING, the worker's, with a fence and an attempt more; it began when it was first claimed."""
    submit(store, call("a", reason="given back", attempt=1, fence=4))
    (row,) = claimed(store, now=5.0)
    changes = {"state": RunState.RUNNING, "worker": "w1", "fence": 5, "attempt": 2, "reason": None, "started_at": 5.0}
    assert row == store.get("a") == call("a", created_at=1.0, **changes)
    store.write(Release(now=6.0, claim=row.claim))
    (again,) = claimed(store, "w2", now=7.0)
    assert (again.worker, again.fence, again.started_at) == ("w2", 6, 5.0)


@check
def nobody_else_gets_it(store: Store) -> None:
    """What one worker has, another does not get, nor the same one again."""
    submit(store, call("a"), call("b"))
    assert len(claimed(store, limit=1)) == 1
    assert [row.id for row in claimed(store, "w2")] == ["b"]
    assert claimed(store) == claimed(store, "w2") == []


@check
def only_these_tasks_and_queues(store: Store) -> None:
    """Other tasks and other queues are left for others; what has no queue is nobody's."""
    submit(store, call("a", task="other"), call("b", queue="slow"), call("c", queue=None), call("d"))
    assert [row.id for row in claimed(store)] == ["d"]
    assert claimed(store, queues=()) == claimed(store, tasks=(), queues=("slow",)) == []
    assert [row.id for row in claimed(store, tasks=("other", "task"), queues=("default", "slow"))] == ["a", "b"]


@check
def only_these_ids(store: Store) -> None:
    """With ids the queue does not matter, but there must be one; the task does."""
    submit(store, call("a"), call("b", queue="slow"), call("c", queue=None), call("d", task="other"), call("e"))
    rows = claimed(store, ids=("b", "c", "d", "e", "unknown"), queues=())
    assert [row.id for row in rows] == ["b", "e"]
    assert claimed(store, ids=()) == []
    assert state_of(store, "a") is RunState.PENDING


@check
def only_what_is_ready(store: Store) -> None:
    """No run is claimed that has ended, waits, or is under way."""
    finish(store, begun(store, "a"))
    begun(store, "b")
    store.write(Park(now=3.0, claim=begun(store, "c"), reason="signal", waits_for=("signal:x",)))
    assert claimed(store, now=1e9) == []


@check
def not_before_their_time(store: Store) -> None:
    """A run with a time becomes ready at it, in whatever way it got it; until then `next_time` tells the earliest."""
    submit(store, call("a", run_after=10.0), call("b", run_after=11.0))
    assert claimed(store, now=9.9) == []
    assert store.next_time() == 10.0
    (row,) = claimed(store, now=10.0)
    assert (row.id, row.run_after) == ("a", None)
    assert store.next_time() == 11.0
    store.write(Release(now=10.5, claim=row.claim, run_after=20.0, failed=True, error="e"))
    assert [row.id for row in claimed(store, now=19.9)] == ["b"]
    (row,) = claimed(store, now=20.0)
    assert (row.id, row.attempt, row.error) == ("a", 2, "e")
    assert store.next_time() is None


@check
def what_waits_is_woken_by_its_time(store: Store) -> None:
    """A claim wakes all that is due, also what it does not take itself."""
    claim = begun(store, "a")
    assert store.write(Park(now=3.0, claim=claim, reason="sleep", run_after=10.0, waits_for=("signal:x",)))
    assert claimed(store, now=9.0) == []
    assert claimed(store, now=10.0, tasks=("other",)) == []
    row = stored(store, "a")
    assert (row.state, row.run_after, row.waits_for, row.reason) == (RunState.PENDING, None, (), None)


@check
def many_at_once(store: Store) -> None:
    """A limit holds, and the order goes on from one claim to the next."""
    submit(store, *[call(f"{number:04}", priority=number % 3) for number in range(600)])
    beat(store)
    order = [row.id for _ in range(4) for row in claimed(store, limit=150)]
    assert order == sorted(order, key=lambda one: (-(int(one) % 3), one))
    assert len(set(order)) == 600
