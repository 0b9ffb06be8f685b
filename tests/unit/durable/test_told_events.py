"""What observers are told of workflows and stored calls: each step once, whatever executes it."""

from __future__ import annotations

import pytest
from durable_helpers import PATIENCE
from systems import needs_processes

from woflo import Worker, sleep, subscribe, task, track, workflow
from woflo.durable.called import called as called_row
from woflo.durable.choice import use_store
from woflo.durable.engine import engine_of
from woflo.errors import NothingDone
from woflo.kernel import bus, clock, events
from woflo.kernel.state import RunState
from woflo.runners import MultiprocessTaskRun
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import Submit
from woflo.stores.rows import Row
from woflo.testing import wait_until

WHOLE = ["RunCreated", "AttemptStarted", *["ProgressMade"] * 4, "RunEnded"]
Captured = MultiprocessTaskRun.configured(capture_output=True)


@pytest.fixture
def store():
    made = MemoryStore()
    before = use_store(made)
    yield made
    engine_of(made).close()
    use_store(before)
    made.close()


def advance(n):
    return sum(1 for _ in track(range(2))) + n


def call(n):
    return task(runner="thread", name="inner")(advance)(n).get_result()


def tell(n):
    print(n)
    return n


@workflow
def flow(step: str, *args: int) -> int:
    return BY_NAME[step](*args).get_result()


BY_NAME = {
    "plain": task(name="step")(advance),
    "thread": task(name="step", runner="thread")(advance),
    "multiprocess": task(name="step", runner="multiprocess")(advance),
    "pool": task(name="step", runner="pool")(advance),
    "calls in multiprocess": task(name="step", runner="multiprocess")(call),
    "calls in pool": task(name="step", runner="pool")(call),
    "calls in thread": task(name="step", runner="thread")(call),
    "prints": task(name="step", runner=Captured)(tell),
    "fails": task(name="step", runner="thread", retries=1)(divmod),
}


def told_of(seen, name):
    return [event for event in seen if event.task == name]


def names(told):
    return [type(event).__name__ for event in told]


@needs_processes
@pytest.mark.parametrize("step", ["plain", "thread", "multiprocess", "pool"])
def test_a_step_is_told_once(store, step):
    """Under its own id, below its workflow, with the progress of its code; and so is the workflow."""
    seen = []
    with subscribe(seen.append):
        run = flow(step, 1)
        assert run.get_result(PATIENCE) == 3
    told = told_of(seen, "step")
    assert names(told) == WHOLE
    assert {event.run_id for event in told} == {f"{run.id}:0"}
    assert told[0].parent_id == run.id
    assert names(told_of(seen, "flow")) == ["RunCreated", "RunEnded"]
    assert not bus.stands_for


@needs_processes
@pytest.mark.parametrize("where", ["thread", "multiprocess", "pool"])
def test_what_a_step_calls_is_told_below_it(store, where):
    """Not below the run of the runner that executes it."""
    seen = []
    with subscribe(seen.append):
        run = flow(f"calls in {where}", 1)
        assert run.get_result(PATIENCE) == 3
    (created,) = [event for event in seen if isinstance(event, events.RunCreated) and event.task == "inner"]
    assert created.parent_id == f"{run.id}:0"
    assert names(told_of(seen, "inner")) == WHOLE


@needs_processes
def test_what_a_step_prints_is_told_as_its_own(store):
    """By its id."""
    seen = []
    with subscribe(seen.append):
        run = flow("prints", 7)
        run.get_result(PATIENCE)
    (event,) = [event for event in seen if isinstance(event, events.OutputWritten)]
    assert (event.run_id, event.text) == (f"{run.id}:0", "7\n")


def test_a_step_that_fails_is_told_once_for_each_attempt(store):
    """Its retries are its own; nothing is told of the runs in its place."""
    seen = []
    with subscribe(seen.append):
        assert isinstance(flow("fails", 1, 0).exception(PATIENCE), ZeroDivisionError)
    told = told_of(seen, "step")
    attempt = ["AttemptStarted", "AttemptFailed"]
    assert names(told) == ["RunCreated", *attempt, "RunRetried", *attempt, "RunEnded"]
    assert [event.state for event in seen if isinstance(event, events.RunEnded)] == [RunState.FAILED] * 2


@task(runner="queue")
def queued(n: int) -> int:
    return advance(n)


@task(runner="queue")
async def queued_async(n: int) -> int:
    return advance(n)


@pytest.mark.parametrize("runner", [None, "thread"])
@pytest.mark.parametrize("called", [queued, queued_async], ids=lambda one: one.name)
def test_a_stored_call_is_told_whole(store, called, runner):
    """Once, under its id, by its handle and by the worker that executes it, with a runner or without."""
    seen = []
    with subscribe(seen.append), Worker([called], runner=runner):
        run = called(1)
        assert run.get_result(PATIENCE) == 3
    told = told_of(seen, called.name)
    assert names(told) == WHOLE
    assert {event.run_id for event in told} == {run.id}
    assert not bus.stands_for


@task(runner="queue", retries=1)
def failing(n: int) -> int:
    raise ValueError(n)


@task(runner="queue")
def declining(n: int) -> int:
    raise NothingDone


@workflow
def later(n: int) -> int:
    sleep(0.02)
    return task(name="step")(advance)(n).get_result()


def stored(store, task, number=1):
    """A call as another process makes it: no handle is here. Its id."""
    text = engine_of(store).codec(task).dump_call((number,), {})
    row = called_row(Row(id=f"{task.name}0001", task=task.name), task, text, clock.now())
    store.write(Submit(now=clock.now(), runs=(row,)))
    return row.id


@pytest.mark.parametrize("runner", [None, "thread"])
def test_a_worker_tells_of_what_others_have_called(store, runner):
    """From the call to the end, though the handle is in another process: retries, failures, and what left no trace."""
    ids = {one.name: stored(store, one) for one in (queued, failing, declining)}
    seen = []
    with subscribe(seen.append), Worker([queued, failing, declining], runner=runner) as worker:
        wait_until(lambda: sum(isinstance(event, events.RunEnded) for event in seen) == 3)
        assert not worker.engine.telling._told
    assert names(told_of(seen, "queued")) == WHOLE
    attempt = ["AttemptStarted", "AttemptFailed"]
    assert names(told_of(seen, "failing")) == ["RunCreated", *attempt, "RunRetried", *attempt, "RunEnded"]
    assert names(told_of(seen, "declining")) == ["RunCreated", "AttemptStarted", "RunEnded"]
    ended = {event.task: event for event in seen if isinstance(event, events.RunEnded)}
    assert {name: event.run_id for name, event in ended.items()} == ids
    assert {name: event.state for name, event in ended.items()} == {
        "queued": RunState.SUCCEEDED,
        "failing": RunState.FAILED,
        "declining": RunState.SKIPPED,
    }
    assert (ended["failing"].attempts, str(ended["failing"].error)) == (2, "1")


def test_a_worker_tells_of_workflows_that_others_have_called(store):
    """Once, however often it was parked, and its steps below it."""
    engine_of(store).hold = 0.0
    run_id, seen = stored(store, later), []
    with subscribe(seen.append), Worker([later]):
        wait_until(lambda: any(isinstance(event, events.RunEnded) and event.run_id == run_id for event in seen))
    assert names(told_of(seen, "later")) == ["RunCreated", "RunEnded"]
    (step,) = [event for event in told_of(seen, "step") if isinstance(event, events.RunCreated)]
    assert step.parent_id == run_id


def test_a_failure_that_a_worker_sees_is_logged(store, caplog):
    """Also where no observer listens: whoever looks after the worker reads of it."""
    stored(store, failing, 7)
    with Worker([failing]) as worker:
        wait_until(lambda: worker.serving.done == 2)
    told = [record.getMessage() for record in caplog.records if "failing" in record.getMessage()]
    assert "attempt 1 failed with ValueError(7)" in told[0]
    assert "FAILED" in told[1]
