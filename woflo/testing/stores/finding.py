"""Finding runs again: by tags, keys and times."""

from __future__ import annotations

from woflo.kernel.state import RunState
from woflo.stores.contract import Span, Store
from woflo.stores.operations import Continue, Finish, Record, RequestStop, Submit
from woflo.stores.rows import Tag
from woflo.testing.stores.checks import check
from woflo.testing.stores.tools import begun, call, finish, submit

__all__: list[str] = []


@check
def found_by_tags(store: Store) -> None:
    """All that are given must be there, with these values; runs that another one called are found, too."""
    tags = (Tag("a", "customer", "7"), Tag("a", "kind", "é"), Tag("b", "customer", "7"), Tag("a:0", "customer", "7"))
    store.write(Submit(now=1.0, runs=(call("b"), call("a"), call("c"), call("a:0", parent_id="a")), tags=tags))
    assert [row.id for row in store.select(tags={"customer": "7"})] == ["a", "a:0", "b"]
    assert [row.id for row in store.select(tags={"customer": "7", "kind": "é"})] == ["a"]
    assert store.select(tags={"kind": "e"}) == store.select(tags={"7": "customer"}) == []
    assert [row.id for row in store.select(tags={"customer": "7"}, after="a", limit=1)] == ["a:0"]
    assert store.tags("a") == {"customer": "7", "kind": "é"}
    assert store.tags("c") == {}


@check
def tags_of_what_was_there(store: Store) -> None:
    """A call that attaches changes no tags."""
    store.write(Submit(now=1.0, runs=(call("a", key="k"),), tags=(Tag("a", "n", "1"),)))
    store.write(Submit(now=1.0, runs=(call("a"),), tags=(Tag("a", "n", "2"), Tag("a", "m", "2"))))
    store.write(Submit(now=1.0, runs=(call("b", key="k"),), tags=(Tag("b", "n", "2"),)))
    assert store.snapshot().tags == {("a", "n"): "1"}


@check
def tags_of_calls_of_runs(store: Store) -> None:
    """What a run calls is kept with its tags, when it records and when it ends."""
    claim = begun(store, "a")
    store.write(Record(now=3.0, claim=claim, calls=(call("b"),), tags=(Tag("b", "n", "1"),)))
    ended = Finish(now=4.0, claim=claim, state=RunState.SUCCEEDED, calls=(call("c"),), tags=(Tag("c", "n", "2"),))
    store.write(ended)
    assert store.snapshot().tags == {("b", "n"): "1", ("c", "n"): "2"}


@check
def tags_of_runs_that_go_on(store: Store) -> None:
    """One that begins in the place of another one has the tags that it is given, and the other one keeps its own."""
    store.write(Submit(now=1.0, runs=(call("a"),), tags=(Tag("a", "n", "1"),)))
    store.write(RequestStop(now=2.0, run_id="a"))
    begins = call("b").changed(continues="a")
    store.write(Continue(now=3.0, row=begins, tags=(Tag("b", "n", "1"), Tag("b", "m", "é"))))
    assert store.snapshot().tags == {("a", "n"): "1", ("b", "n"): "1", ("b", "m"): "é"}


@check
def found_by_key_and_time(store: Store) -> None:
    """From `since` on and before `until`; what has not ended is in no span of ends."""
    submit(store, call("a", key="k"), now=5.0)
    submit(store, call("b", key="k", task="other"), call("c"), now=6.0)
    finish(store, begun(store, "d"), now=9.0)
    assert [row.id for row in store.select(key="k")] == ["a", "b"]
    assert [row.id for row in store.select(key="k", tasks=["other"])] == ["b"]
    assert [row.id for row in store.select(created=Span(since=5.0, until=6.0))] == ["a"]
    assert [row.id for row in store.select(created=Span(since=6.0))] == ["b", "c"]
    assert [row.id for row in store.select(ended=Span(until=9.0))] == []
    assert [row.id for row in store.select(ended=Span(since=9.0))] == ["d"]
    assert [row.id for row in store.select(ended=Span(until=9.5), states=[RunState.SUCCEEDED])] == ["d"]
