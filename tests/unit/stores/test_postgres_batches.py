"""Many operations in one transaction: few round trips, and the results of one after the other."""

from __future__ import annotations

import pytest
from systems import needs_postgres

from woflo.kernel.state import RunState
from woflo.stores.memory import MemoryStore
from woflo.stores.opening import open_store
from woflo.stores.operations import (
    Beat,
    ClaimReady,
    Finish,
    Forget,
    Park,
    Publish,
    Record,
    Recover,
    RequestStop,
    Send,
    Submit,
    TakeSignal,
    Wake,
)
from woflo.stores.rows import Claim, Row, WorkerRow

pytestmark = needs_postgres

CLAIM = Claim("a", "w", 1)
CHILD = Claim("a:0", "w", 1)


@pytest.fixture
def store(postgres):
    made = open_store(postgres.new_url())
    yield made
    made.close()


def begun(*run_ids):
    """Runs that a worker holds."""
    parents = [run_id.rpartition(":")[0] or None for run_id in run_ids]
    rows = [Row(id=one, task="t", parent_id=parent, worker="w") for one, parent in zip(run_ids, parents, strict=True)]
    return Submit(now=1.0, runs=tuple(rows))


def step(run_id, state=RunState.SUCCEEDED, parent="a"):
    return Row(id=run_id, task="s", queue=None, parent_id=parent, state=state, result="1")


def park(*tokens):
    return Park(now=2.0, claim=CLAIM, reason="waits", waits_for=tokens)


def finish(claim, **options):
    return Finish(now=2.0, claim=claim, state=RunState.SUCCEEDED, **options)


def send(signal):
    return Send(now=2.0, id=signal, run_id="a", name="m", value="1")


def submit(*rows):
    return Submit(now=3.0, runs=rows)


IN_TURN = {
    "parks, and is sent what it waits for": [park("signal:m"), send("1")],
    "parks for a child that ends": [park("run:a:0"), finish(CHILD)],
    "a child ends, and its parent parks for it": [finish(CHILD), park("run:a:0")],
    "parks, and is woken": [park("signal:m"), Wake(now=2.0, run_id="a")],
    "ends, and writes once more": [finish(CLAIM), Publish(now=2.0, claim=CLAIM, name="n", value="1")],
    "the same signal twice": [send("1"), send("1")],
    "two steps, one signal": [
        send("1"),
        TakeSignal(now=2.0, claim=CLAIM, name="m", step=step("a:1")),
        TakeSignal(now=2.0, claim=CLAIM, name="m", step=step("a:2")),
    ],
    "a step twice": [Record(now=2.0, claim=CLAIM, steps=(step("a:1"),)) for _ in range(2)],
    "ends, and is called again by its key": [
        submit(Row(id="b", task="t", key="k", worker="w")),
        finish(Claim("b", "w", 1)),
        submit(Row(id="c", task="t", key="k")),
    ],
    "called by its key, and ends": [
        submit(Row(id="b", task="t", key="k", worker="w")),
        submit(Row(id="c", task="t", key="k")),
        finish(Claim("b", "w", 1)),
    ],
    "the id of what found another by its key": [
        submit(Row(id="b", task="t", key="k"), Row(id="c", task="t", key="k")),
        submit(Row(id="c", task="u")),
    ],
    "a child ends, and its parent is called again": [park("run:a:0"), finish(CHILD), submit(Row(id="a", task="t"))],
    "forgotten, and called again": [Forget(now=2.0, claim=CHILD), submit(Row(id="a:0", task="u"))],
    "stopped, and ends": [RequestStop(now=2.0, run_id="a"), finish(CHILD), finish(CLAIM)],
    "comes further after a death, beside one that does not": [
        Recover(now=1.5),
        ClaimReady(now=1.5, worker="v", limit=9, tasks=("t",), queues=("default",)),
        Record(now=2.0, claim=Claim("a:0", "v", 2), steps=(step("a:0:1", parent="a:0"),)),
        Record(now=2.0, claim=Claim("a", "v", 2), steps=(step("a:1"),), comes_further=True),
        Publish(now=2.0, claim=Claim("a:0", "v", 2), name="n", value="1"),
    ],
    "ends with calls, which are claimed": [
        finish(CLAIM, calls=(Row(id="b", task="t"),)),
        ClaimReady(now=2.0, worker="v", limit=9, tasks=("t",), queues=("default",)),
    ],
}


@pytest.mark.parametrize("operations", IN_TURN.values(), ids=IN_TURN)
def test_in_turn(store, operations):
    """What one operation changes, those that come after it see, though all are asked together where they can be."""
    model = MemoryStore()
    together = [begun("a", "a:0"), *operations]
    found = [[described(one) for one in made.apply(together)] for made in (model, store)]
    assert found[0] == found[1]
    assert store.snapshot() == model.snapshot()


def described(result):
    return (type(result), str(result)) if isinstance(result, Exception) else result


def counted(store, monkeypatch):
    """Every round trip but the last of each transaction, as the number of its statements."""
    trips = []
    real = store._writer.ask
    monkeypatch.setattr(store._writer, "ask", lambda statements: trips.append(len(statements)) or real(statements))
    return trips


def test_few_round_trips(store, monkeypatch):
    """However many operations about different runs there are."""
    names = [f"r{number}" for number in range(100)]
    store.apply([begun(*names)])
    trips = counted(store, monkeypatch)
    claims = [Claim(name, "w", 1) for name in names]
    published = [Publish(now=2.0, claim=claim, name="n", value="1") for claim in claims]
    lives = [Beat(now=2.0, worker=WorkerRow(id=f"{n}", host="h", pid=1, lease_until=9.0), is_first=True) for n in "vw"]
    store.apply([*published, *lives])
    assert len(trips) == 1
    store.apply([finish(claim) for claim in claims])
    assert len(trips) == 2
    store.apply([submit(Row(id=f"n{number}", task="t")) for number in range(100)])
    assert trips[2:] == [100]
    assert {row.state for row in store.select(limit=300)} == {RunState.SUCCEEDED, RunState.PENDING}


def test_the_same_is_asked_together(store, monkeypatch):
    """However many runs end: what differs in its values alone is one statement, and the lock tells who holds them."""
    names = [f"r{number}" for number in range(100)]
    store.apply([begun(*names)])
    asked = []
    real = store._writer._asked
    monkeypatch.setattr(store._writer, "_asked", lambda name, same: asked.append((name, len(same))) or real(name, same))
    store.apply([finish(Claim(name, "w", 1)) for name in names])
    assert asked == [("lock_runs", 1), ("end_run", 100)]


TEXTS = ["", "a\\b", '"quoted"', "{1,NULL}", "null", "line\nline", "\u2028 \U0001f600", "x" * 1000]


@pytest.mark.parametrize("largest", [4_000_000, 500], ids=["in one", "in parts"])
def test_many_are_the_same_as_one_after_the_other(store, monkeypatch, largest):
    """Whatever their values are, and whether there is room for all in one statement."""
    monkeypatch.setattr("woflo.stores.postgres.gathering.LARGEST", largest)
    model = MemoryStore()
    names = [f"r{number}" for number in range(len(TEXTS))]
    rows = [
        Row(
            id=name, task="t", worker="w", args=text, key=text, priority=-number, limit_key=text, run_after=0.1 * number
        )
        for number, (name, text) in enumerate(zip(names, TEXTS, strict=True))
    ]
    claims = [Claim(name, "w", 1) for name in names]
    steps = [
        Row(id=f"{name}:0", task="s", queue=None, parent_id=name, position=0, state=RunState.FAILED, error=text)
        for name, text in zip(names, TEXTS, strict=True)
    ]
    records = [Record(now=1e-7, claim=claim, steps=(one,)) for claim, one in zip(claims, steps, strict=True)]
    ends = [
        Finish(now=2.5e9 + 1e-6, claim=claim, state=RunState.SUCCEEDED, result=text)
        for claim, text in zip(claims, TEXTS, strict=True)
    ]
    wrong = [Finish(now=1.0, claim=Claim(names[0], "v", 1), state=RunState.FAILED), *ends[5:]]
    for operations in ([Submit(now=0.1, runs=tuple(rows))], records, records, ends[1:5], wrong, ends):
        found = [[described(one) for one in made.apply(operations)] for made in (model, store)]
        assert found[0] == found[1]
    assert store.snapshot() == model.snapshot()


def test_one_that_cannot_be_stored_does_not_take_others_with_it(store):
    """A text that the server does not know is refused by itself, and named."""
    rows = [Row(id=f"r{number}", task="t", args="\x00" if number == 1 else "{}") for number in range(5)]
    results = store.apply([submit(row) for row in rows])
    assert [isinstance(one, Exception) for one in results] == [False, True, False, False, False]
    assert [row.id for row in store.select()] == ["r0", "r2", "r3", "r4"]


def test_nothing_to_keep(store):
    """Refusals, and claims that find nothing, write no row of the store's own."""
    number = f"SELECT transactions FROM {store._server.schema}.writers"
    store.write(begun("a"))
    with store._readers.one() as connection:
        seen = connection.execute(number).fetchall()
        store.apply([ClaimReady(now=2.0, worker="v", limit=9, tasks=("t",), queues=("default",)), finish(CHILD)])
        assert connection.execute(number).fetchall() == seen
