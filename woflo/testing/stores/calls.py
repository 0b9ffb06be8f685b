"""Runs are submitted: new ones are kept, known ones are attached to."""

from __future__ import annotations

from woflo.errors import KeyConflictError
from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.operations import Submit
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import begun, call, finish, refused, state_of, stored, submit


@check
def every_field_is_kept(store: Store) -> None:
    """What was submitted is found again, whatever is in it."""
    row = call(
        "a",
        queue="slow",
        parent_id="p",
        scope="1.2",
        position=3,
        key="k",
        priority=-4,
        reason="because",
        args='["ä", "\\u0000", "🙂\\n"]',
        digest="d",
        result="null",
        error='{"kind": "x"}',
        attempt=2,
        deaths=1,
        run_after=12.5,
        waits_for=("signal:it's", 'run:"b"'),
        state=RunState.WAITING,
        fence=5,
        continues="before",
        options='{"retries":2}',
        started_at=1.5,
        finished_at=0.1 + 0.2,
    )
    accepted = store.write(Submit(now=7.25, runs=(row,)))
    kept = row.changed(created_at=7.25)
    assert accepted == [(kept, True)]
    assert store.get("a") == store.find("task", "k") == kept


@check
def what_is_named_a_worker_is_claimed_at_once(store: Store) -> None:
    """A run that is submitted with its worker is that worker's, with the first fence and attempt."""
    (row,) = submit(store, call("a", worker="w1"), now=3.0)
    assert (row.state, row.worker, row.fence, row.attempt, row.started_at) == (RunState.RUNNING, "w1", 1, 1, 3.0)
    finish(store, row.claim)
    assert state_of(store, "a") is RunState.SUCCEEDED


@check
def the_same_id_attaches(store: Store) -> None:
    """A second submission of an id gets the first one's run as it stands, and changes nothing."""
    submit(store, call("a"))
    (accepted,) = store.write(Submit(now=5.0, runs=(call("a", priority=9),)))
    assert not accepted.is_new
    assert accepted.row == store.get("a") == call("a", created_at=1.0)


@check
def the_same_key_attaches_in_whatever_state(store: Store) -> None:
    """A key belongs to its run for ever, also after it has failed."""
    finish(store, begun(store, "a", key="k"), state=RunState.FAILED)
    (accepted,) = store.write(Submit(now=5.0, runs=(call("b", key="k"),)))
    assert (accepted.row.id, accepted.row.state, accepted.is_new) == ("a", RunState.FAILED, False)
    assert store.get("b") is None


@check
def a_key_is_one_of_its_task(store: Store) -> None:
    """Another task may use the same key, and what has no key never meets."""
    submit(store, call("a", key="k"), call("b", key="k", task="other"), call("c"), call("d"))
    assert [row.id for row in store.snapshot().runs] == ["a", "b", "c", "d"]


@check
def the_same_key_within_one_submission(store: Store) -> None:
    """The second of two equal calls attaches to the first."""
    first, second = store.write(Submit(now=1.0, runs=(call("a", key="k"), call("b", key="k"))))
    assert first.is_new and not second.is_new
    assert second.row == first.row


@check
def other_arguments_conflict(store: Store) -> None:
    """A key, or an id, that is there with other arguments is refused by name, and the message tells both."""
    submit(store, call("a", key="k"))
    other = call("b", key="k", digest="two", args="[2]")
    error = refused(store, KeyConflictError, Submit(now=2.0, runs=(other,)))
    assert all(part in str(error) for part in ("'k'", "[1]", "[2]", "a", "PENDING"))
    refused(store, KeyConflictError, Submit(now=2.0, runs=(other.changed(id="a", key=None),)))
    refused(store, KeyConflictError, Submit(now=2.0, runs=(call("a", task="other"),)))


@check
def all_or_none(store: Store) -> None:
    """Where one of several runs is refused, none of them is kept, whichever it is."""
    submit(store, call("a", key="k"))
    bad = call("x", key="k", digest="two")
    for runs in ((bad, call("b")), (call("b"), bad), (call("b"), call("c"), bad, call("d"))):
        refused(store, KeyConflictError, Submit(now=2.0, runs=runs))
    assert [row.id for row in submit(store, call("b"), call("a", key="k"))] == ["b", "a"]
    assert stored(store, "b").state is RunState.PENDING


@check
def no_runs_at_all(store: Store) -> None:
    """An empty submission is a write like others."""
    assert store.write(Submit(now=1.0, runs=())) == []
