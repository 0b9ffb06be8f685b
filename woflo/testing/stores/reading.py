"""Looking up runs."""

from __future__ import annotations

from woflo.errors import StoreError
from woflo.kernel.state import RunState
from woflo.stores.contract import Store
from woflo.stores.operations import Operation, Park, Record
from woflo.testing.conformance.tools import raised
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import begun, call, finish, refused, step, submit


@check
def an_empty_store(store: Store) -> None:
    """Nothing is found, and nothing fails."""
    assert store.get("a") is store.find("task", "k") is None
    assert store.next_time() is None
    assert store.steps("a") == store.select() == []
    assert store.published("a") == {}
    assert not any(store.snapshot())


@check
def steps_in_their_order(store: Store) -> None:
    """All that a run has called, in the order of ids, and nothing else."""
    claim = begun(store, "a")
    rows = [step(f"a:{number}", "a", position=number, scope="é") for number in (3, 1, 2)]
    store.write(Record(now=3.0, claim=claim, steps=tuple(rows)))
    submit(store, call("a:11", parent_id="a"), call("a:0:0", parent_id="a:0"))
    assert [row.id for row in store.steps("a")] == ["a:1", "a:11", "a:2", "a:3"]
    assert store.steps("a")[0] == rows[1]


@check
def changed_among_many(store: Store) -> None:
    """Of those asked for: what is in another state than is known, what waits, and what is gone."""
    names = [f"r{number:03}" for number in range(300)]
    submit(store, *map(call, names), call("other"))
    finish(store, begun(store, "ended"))
    waits = begun(store, "waits")
    store.write(Park(now=2.0, claim=waits, reason="signal", waits_for=("signal:go",)))
    running = begun(store, "runs")
    known = dict.fromkeys([*names, "ended", "runs", "gone é"], RunState.PENDING) | {"waits": RunState.WAITING}
    found = store.changed_among(known)
    assert {name: row and row.state for name, row in found.items()} == {
        "ended": RunState.SUCCEEDED,
        "waits": RunState.WAITING,
        "runs": RunState.RUNNING,
        "gone é": None,
    }
    assert found["runs"] == store.get("runs") and running.run_id == "runs"
    assert store.changed_among({"ended": RunState.SUCCEEDED, "runs": RunState.RUNNING}) == {}
    assert store.changed_among({}) == {}


@check
def selected_by_state_and_task(store: Store) -> None:
    """Runs that are no steps, by states and tasks, in the order of ids."""
    submit(store, call("c"), call("a", task="other"), call("b", parent_id="c"), call("e"))
    finish(store, begun(store, "d"))
    assert [row.id for row in store.select()] == ["a", "c", "d", "e"]
    assert [row.id for row in store.select(states=iter([RunState.SUCCEEDED]))] == ["d"]
    assert [row.id for row in store.select(states=[RunState.PENDING], tasks={"task"})] == ["c", "e"]
    assert [row.id for row in store.select(tasks=["other", "none"])] == ["a"]


@check
def selected_page_by_page(store: Store) -> None:
    """`after` and `limit` lead through all of them."""
    submit(store, *[call(f"{number:03}") for number in range(250)])
    assert len(store.select()) == 100
    seen: list[str] = []
    while page := store.select(after=seen[-1] if seen else "", limit=70):
        seen += [row.id for row in page]
    assert seen == [f"{number:03}" for number in range(250)]


@check
def selected_newest_first(store: Store) -> None:
    """The same runs in the other order; `after` leads on in it."""
    submit(store, call("a"), call("c", task="other"), call("b", parent_id="c"), call("d"), call("e"))
    assert [row.id for row in store.select(newest_first=True)] == ["e", "d", "c", "a"]
    assert [row.id for row in store.select(newest_first=True, limit=2)] == ["e", "d"]
    assert [row.id for row in store.select(newest_first=True, after="d")] == ["c", "a"]
    assert [row.id for row in store.select(newest_first=True, tasks=["task"], after="e", limit=1)] == ["d"]


@check
def an_operation_of_another_kind(store: Store) -> None:
    """What the store does not understand is refused, by the name of its class."""

    class Dance(Operation[None]):
        """No operation of stores."""

    assert "Dance" in str(refused(store, StoreError, Dance(now=1.0)))


@check
def after_it_was_closed(store: Store) -> None:
    """A closed store refuses writes by name; closing it again does nothing."""
    store.close()
    store.close()
    assert "closed" in str(raised(StoreError, lambda: submit(store, call("a"))))
    assert "closed" in str(raised(StoreError, lambda: store.transaction().__enter__()))
