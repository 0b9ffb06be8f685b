"""Runs of a store from outside: found, looked at, taken away, moved."""

from __future__ import annotations

import pytest
from durable_helpers import PATIENCE

from woflo import RunState, Worker, find_runs, get_run, move, prune, published, task, wait_signal, workflow
from woflo.durable.choice import use_store
from woflo.durable.engine import engine_of
from woflo.durable.retention import span_of_time
from woflo.errors import KeyConflictError, OptionError, RunUnderWayError, TaskStoppedError, UnknownRunError
from woflo.kernel import clock
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import Adopt, Prune, SetAside, Submit
from woflo.stores.sqlite import SQLiteStore
from woflo.testing import wait_until
from woflo.testing.clock import FakeClock


@task
def double(x: int) -> int:
    return 2 * x


@task(runner="queue", tags={"kind": "sum"})
def add(a: int, b: int) -> int:
    return a + b


@task(runner="queue")
def fail(x: int) -> int:
    raise ValueError(f"no {x}")


@workflow
def approved(x: int) -> int:
    y = double(x).get_result()
    return y + wait_signal("go")


@workflow
def calls_add(x: int) -> int:
    return add(x, 1).get_result()


@pytest.fixture
def store():
    made = MemoryStore()
    before = use_store(made)
    yield made
    engine_of(made).close()
    use_store(before)
    made.close()


def served(*tasks):
    return Worker(tasks or [add, fail])


def test_found_by_what_is_known_of_them(store):
    """Task, state, key, tags; each handle tells its end, and its value is that of the task."""
    with served():
        one = add.with_options(key="k", tags={"customer": "7", "kind": "x"})(1, 2)
        two, bad = add(3, 4), fail(5)
        assert (one.get_result(), two.get_result()) == (3, 7)
        bad.wait()
    assert [run.id for run in find_runs(tags={"customer": "7"})] == [one.id]
    assert [run.id for run in find_runs(tags={"kind": "sum"})] == [two.id]
    assert [run.id for run in find_runs(key="k", task=add)] == [one.id]
    (failed,) = find_runs(state="FAILED")
    assert (failed.id, failed.task.name, failed.state) == (bad.id, "fail", RunState.FAILED)
    assert "no 5" in str(failed.exception())
    assert [run.get_result() for run in find_runs(task="add", state=["SUCCEEDED"], limit=1)] == [3]
    assert len(find_runs(after=one.id)) == 2
    assert find_runs(until=1.0) == []


def test_what_a_workflow_calls_has_tags(store):
    """It is found by them."""
    with Worker([add]):
        run = calls_add(1)
        assert run.get_result(timeout=PATIENCE) == 2
    (found,) = find_runs(tags={"kind": "sum"})
    assert found.parent_id == run.id
    assert find_runs(task="add") == []


def test_wrong_ways_to_look(store):
    """Each is told by its name."""
    add(1, 2)
    (run,) = find_runs()
    with pytest.raises(UnknownRunError, match="'nobody'"):
        get_run("nobody")
    with pytest.raises(OptionError, match="run of 'add'"):
        get_run(run.id, fail)
    with pytest.raises(OptionError, match="states of runs are"):
        find_runs(state="DONE")
    with pytest.raises(OptionError, match="customer"):
        find_runs(tags={"customer": 7})
    with pytest.raises(OptionError, match="tags="):
        add.with_options(tags=["customer"])
    with pytest.raises(OptionError, match="tags="):
        task(tags={"a": "b"}, runner="thread")(lambda: 1)


def test_a_handle_from_an_id(store):
    """It is sent signals, waited for and looked at, like that of the caller."""
    called = approved(4)
    run = get_run(called.id, approved)
    assert run.is_running()
    run.send("go", 1)
    assert run.get_result(timeout=PATIENCE) == 9
    assert (run.state, get_run(called.id).get_result()) == (RunState.SUCCEEDED, 9)


def test_a_handle_stops_its_run(store):
    """From outside, as its caller may."""
    called = add(1, 2)
    run = get_run(called.id)
    assert run.state is RunState.PENDING
    assert run.stop()
    assert run.state is RunState.STOPPED
    assert store.get(called.id).state is RunState.STOPPED
    with pytest.raises(TaskStoppedError):
        run.get_result()


def test_its_state_is_that_of_now(store):
    """Nobody waits for it, and it is seen all the same; when it is taken away, that is told."""
    called = add(1, 2)
    run, other = get_run(called.id), get_run(called.id)
    with served():
        called.get_result()
    assert run.state is RunState.SUCCEEDED
    wait_until(lambda: prune(older_than=0) == [called.id], "pruned", timeout=PATIENCE)
    with pytest.raises(UnknownRunError, match="taken away"):
        other.wait()


def test_pruned_by_age_and_state(store):
    """Of the states that are named; what is younger, or has not ended, stays. A key is free again."""
    with FakeClock() as time, served():
        one, bad = add.with_options(key="k")(1, 2), fail(1)
        one.wait(), bad.wait()
        time.advance(10 * 86400)
        young = add(3, 4)
        young.wait()
    assert prune(older_than="9d", dry_run=True) == []  # the clock has gone back
    with FakeClock() as time:
        time.advance(10 * 86400 + 60)
        assert prune(older_than="9d", dry_run=True) == [one.id]
        assert prune(older_than="9d", task="fail", state="FAILED", dry_run=True) == [bad.id]
        assert prune(older_than="9d") == [one.id]
        assert store.find("add", "k") is None
        assert prune(older_than="9d", state=[RunState.SUCCEEDED, "FAILED"]) == [bad.id]
        assert store.get(young.id) is not None


def test_many_are_pruned_in_batches(store):
    """Each batch is a write of its own."""
    with served():
        runs = [add(n, 1) for n in range(230)]
        assert sum(run.get_result() for run in runs)
    writes = []
    before = store.apply
    store.apply = lambda operations: writes.append(operations) or before(operations)
    with FakeClock() as time:
        time.advance(5)
        assert len(prune(older_than=1)) == 230
    assert len(writes) == 3


def test_a_worker_keeps_to_its_retention(store):
    """It takes away what is too old, of the states that it was told."""
    with served():
        run, bad = add(1, 2), fail(1)
        run.wait(), bad.wait()
    worker = Worker([add], retention={"SUCCEEDED": "1h"})
    worker.retention.look()
    assert store.get(run.id) is not None
    with FakeClock() as time:
        time.advance(3700)
        worker.retention.look()
        worker.retention.look()
    assert (store.get(run.id), store.get(bad.id).state) == (None, RunState.FAILED)


@pytest.mark.parametrize(
    ("retention", "told"),
    [({"SUCCEEDED": "30 years"}, "30 years"), ({"RUNNING": "1d"}, "only what has ended"), ("30d", "ages by states")],
)
def test_a_retention_that_cannot_be_meant(store, retention, told):
    """It is refused where it is written."""
    with pytest.raises(OptionError, match=told):
        Worker([add], retention=retention)


def test_ages():
    """In units, or in seconds."""
    assert [span_of_time("x", age) for age in ("90s", "2m", "1.5h", "1d", "2w", 7)] == [
        *(90, 120, 5400, 86400, 1209600),
        7,
    ]


# -- moving --------------------------------------------------------------------------------------------


@pytest.fixture
def target(tmp_path):
    made = SQLiteStore(tmp_path / "target.db")
    yield made
    engine_of(made).close()
    made.close()


def parked(store):
    """A workflow that waits, and is executed nowhere."""
    engine_of(store).hold = 0.0
    run = approved.with_options(key="k", tags={"customer": "7"})(4)
    wait_until(lambda: store.get(run.id).state is RunState.WAITING, "parked", timeout=PATIENCE)
    return run.id


def test_whoever_waits_for_it_here_is_told(store, target):
    """A handle of a run that has left ends: it is no success."""
    engine_of(store).hold = 0.0
    run = approved(4)
    wait_until(lambda: store.get(run.id).state is RunState.WAITING, "parked", timeout=PATIENCE)
    move(run.id, to=target)
    with pytest.raises(TaskStoppedError, match=r"moved|not in its store"):
        run.get_result(timeout=PATIENCE)


def check_moved(store, target, run_id):
    """It is in the target alone, and goes on there from what it had recorded."""
    assert not any(store.snapshot()._replace(workers=[]))
    assert (target.tags(run_id), target.find("approved", "k").id) == ({"customer": "7"}, run_id)
    assert published(run_id, store=target) == {}
    engine_of(target).knows(approved)
    run = get_run(run_id, approved, store=target)
    run.send("go", 1)
    assert run.get_result(timeout=PATIENCE) == 9


def test_a_parked_workflow_is_moved(store, target):
    """To a store of another kind, where it goes on."""
    run_id = parked(store)
    move(run_id, to=target)
    check_moved(store, target, run_id)


def test_cut_off_while_it_was_moved(store, target, monkeypatch):
    """At each write: it is executable in one store at most, and moving it again brings it there."""
    for cut in range(3):
        run_id = parked(store)
        writes = iter(range(cut))

        def cutting(write, writes=writes):
            def written(operation):
                if isinstance(operation, SetAside | Adopt | Prune) and next(writes, None) is None:
                    raise KeyboardInterrupt
                return write(operation)

            return written

        with monkeypatch.context() as patched:
            patched.setattr(store, "write", cutting(store.write))
            patched.setattr(target, "write", cutting(target.write))
            with pytest.raises(KeyboardInterrupt):
                move(run_id, to=target)
        here, there = store.get(run_id), target.get(run_id)
        executable = [row for row in (here, there) if row is not None and not row.is_terminal]
        assert len(executable) == (0 if cut == 1 else 1)
        move(run_id, to=target)
        check_moved(store, target, run_id)
        wait_until(lambda: prune(older_than=0, store=target), "pruned", timeout=PATIENCE)


def test_it_stays_where_its_key_is_taken(store, target):
    """And goes on there."""
    run_id = parked(store)
    before = store.snapshot().runs
    target.write(Submit(now=1.0, runs=(store.get(run_id).changed(id="other", digest="x"),)))
    with pytest.raises(KeyConflictError, match="'k'"):
        move(run_id, to=target)
    assert store.snapshot().runs == before


def test_what_cannot_be_moved(store, target):
    """What executes, a store that is its own, another place than the one it is on its way to."""
    run_id = parked(store)
    with pytest.raises(OptionError, match="in that store"):
        move(run_id, to=store)
    with pytest.raises(UnknownRunError):
        move("nobody", to=target)
    other = MemoryStore()
    store.write(SetAside(now=clock.now(), run_id=run_id, to="elsewhere"))
    with pytest.raises(Exception, match="on its way already: moved to elsewhere"):
        move(run_id, to=other)
    held = approved(5)
    engine_of(store).hold = 5.0
    with pytest.raises(RunUnderWayError, match="is executed by the worker"):
        store.write(Submit(now=1.0, runs=(store.get(held.id).changed(id="held", worker="w", key=None),)))
        move("held", to=other)
