"""Many operations in few statements: the results, and what is kept, of one operation after the other."""

from __future__ import annotations

import pytest

from woflo.kernel.state import RunState
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import Beat, Finish, Record, Submit
from woflo.stores.rows import Claim, Row, WorkerRow
from woflo.stores.sqlite import SQLiteStore

RUNS = [f"r{number:02}" for number in range(40)]


@pytest.fixture
def store(path):
    made = SQLiteStore(path)
    yield made
    made.close()


def statements_of(store, operations):
    """What SQLite is asked for them, by the first word of each statement."""
    texts = []
    store._writer.set_trace_callback(texts.append)
    store.apply(operations)
    store._writer.set_trace_callback(None)
    return [text.split(None, 1)[0] for text in texts]


def begun(*run_ids, **changes):
    return Submit(now=1.0, runs=tuple(Row(id=one, task="t", worker="w", **changes) for one in run_ids))


def record(run_id, position=0, fence=1, comes_further=False, **changes):
    row = {"task": "s", "queue": None, "parent_id": run_id, "state": RunState.SUCCEEDED, "result": "1", **changes}
    step = Row(id=f"{run_id}:{position}", position=position, **row)
    return Record(now=2.0, claim=Claim(run_id, "w", fence), steps=(step,), comes_further=comes_further)


def finish(run_id, fence=1):
    return Finish(now=3.0, claim=Claim(run_id, "w", fence), state=RunState.SUCCEEDED, result="2")


def batches():
    """Of operations; the name says what is among them."""
    steps = [record(run_id) for run_id in RUNS]
    ends = [finish(run_id) for run_id in RUNS]
    yield "steps", [steps]
    yield "steps of one run", [[record(RUNS[0], position) for position in range(40)]]
    yield "steps, of one the claim is lost", [[*steps[:20], record(RUNS[20], fence=7), *steps[21:]]]
    yield "a step twice", [[*steps, steps[3]]]
    yield "an intent and its end", [[record(RUNS[5], state=RunState.RUNNING, result=None), *steps]]
    yield "steps that are there already", [steps[:9], steps]
    further = [record(run_id, comes_further=True) for run_id in RUNS]
    yield "steps of runs that go on after a death", [further]
    yield "such steps between others", [[*steps[:10], *further[10:30], *steps[30:]]]
    yield "ends of runs", [ends]
    yield "an end twice", [[*ends, ends[7]]]
    yield "steps, then ends", [[*steps, *ends]]
    yield "a step behind the end of its run", [[*ends, record(RUNS[2], 1), *steps]]
    calls = [Row(id=f"c{number:02}", task="t", key=f"{number}") for number in range(50)]
    yield "calls", [[Submit(now=4.0, runs=tuple(calls))]]
    yield "calls, of which one is there", [[Submit(now=4.0, runs=(calls[30],))], [Submit(now=5.0, runs=tuple(calls))]]
    same_key = Row(id="d", task="t", key="7")
    yield "calls with one key", [[Submit(now=4.0, runs=(*calls, same_key))]]


def told(results):
    return [type(one) if isinstance(one, Exception) else one for one in results]


@pytest.mark.parametrize("rounds", [pytest.param(made, id=name) for name, made in batches()])
def test_as_one_after_the_other(store, rounds):
    """Whatever is asked together, each operation has its own result, and the same is kept, as in the readable model."""
    model = MemoryStore()
    for one in (store, model):
        one.write(Beat(now=1.0, worker=WorkerRow(id="w", host="h", pid=1, lease_until=1e9), is_first=True))
        one.write(begun("parent"))
        one.write(begun(*RUNS, parent_id="parent", deaths=1))
    for operations in rounds:
        assert told(store.apply(operations)) == told([model.apply([one])[0] for one in operations])
    assert store.snapshot() == model.snapshot()


def test_few_statements(store):
    """The claims of forty workflows are looked at by one, and their steps are written by two."""
    store.write(begun(*RUNS))
    asked = statements_of(store, [record(run_id) for run_id in RUNS])
    assert asked == ["BEGIN", "SELECT", "SAVEPOINT", "INSERT", "INSERT", "RELEASE", "COMMIT"]


def test_one_transaction_where_some_ask_more(store):
    """Steps of runs that go on after a death ask for more than others, and are kept by the same commit."""
    store.write(begun(*RUNS))
    steps = [record(run_id, comes_further=run_id < "r20") for run_id in RUNS]
    assert statements_of(store, steps).count("BEGIN") == 1


def test_few_statements_for_calls(store):
    """A thousand calls are accepted by thirty-two."""
    rows = tuple(Row(id=f"{number:04}", task="t") for number in range(1000))
    assert statements_of(store, [Submit(now=1.0, runs=rows)]).count("INSERT") == 32
