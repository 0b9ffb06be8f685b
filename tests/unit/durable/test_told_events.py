"""What observers are told of workflows and stored calls: each step once, whatever executes it."""

from __future__ import annotations

import pytest
from durable_helpers import PATIENCE
from systems import needs_processes

from woflo import Worker, subscribe, task, track, workflow
from woflo.durable.choice import use_store
from woflo.durable.engine import engine_of
from woflo.kernel import bus, events
from woflo.kernel.state import RunState
from woflo.runners import MultiprocessTaskRun
from woflo.stores.memory import MemoryStore

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


@pytest.mark.parametrize("called", [queued, queued_async], ids=lambda one: one.name)
def test_the_progress_of_a_stored_call_is_told(store, called):
    """By the worker that executes it, under the id of the call."""
    seen = []
    with subscribe(seen.append), Worker([called]):
        run = called(1)
        assert run.get_result(PATIENCE) == 3
    told = told_of(seen, called.name)
    assert names(told) == ["RunCreated", *["ProgressMade"] * 4, "RunEnded"]
    assert {event.run_id for event in told} == {run.id}
