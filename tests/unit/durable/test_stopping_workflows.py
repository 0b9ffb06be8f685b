"""Stopping a workflow ends it, and all that it has called, wherever that stands."""

import asyncio
import threading

import pytest
from durable_helpers import PATIENCE, Log

from woflo import current_run, manual, task, workflow
from woflo.durable.inside import sleep, wait_signal
from woflo.errors import TaskStoppedError, TaskTimeoutError
from woflo.kernel import clock
from woflo.stores.operations import RequestStop
from woflo.testing import wait_until

effects = Log()
gate = threading.Event()


@pytest.fixture(autouse=True)
def fresh():
    effects.lines.clear()
    gate.clear()
    yield
    gate.set()


def stopped(run):
    assert run.stop(grace=1)
    with pytest.raises(TaskStoppedError):
        run.get_result(PATIENCE)


@manual
def approve() -> int: ...


@task
def step() -> int:
    effects("step")
    return 1


@task
def obedient() -> int:
    effects("begun")
    while not current_run().stop_requested:
        gate.wait(0.001)
    effects("obeyed")
    return 1


@task
async def cancellable() -> int:
    effects("begun")
    try:
        await asyncio.sleep(PATIENCE)
    finally:
        effects("obeyed")


@workflow
def parked() -> int:
    return wait_signal("never")


@workflow
async def parked_async() -> int:
    return await wait_signal("never")


@workflow
def executing() -> int:
    value = obedient().get_result()
    step().get_result()
    return value


@workflow
async def executing_async() -> int:
    value = await cancellable()
    await step()
    return value


@workflow
def parent() -> int:
    return parked().get_result()


@workflow
async def parent_async() -> int:
    return sum(await asyncio.gather(parked(), parked_async(), approve()))


@workflow
def sleeping() -> int:
    sleep(3600)
    return 1


@pytest.mark.parametrize("kind", [parked, parked_async, sleeping], ids=lambda kind: kind.name)
@pytest.mark.parametrize("hold", [0.0, 5.0], ids=["parked", "held"])
def test_a_workflow_that_waits(world, kind, hold):
    """Parked or not, it is over at once."""
    process = world.process(hold)
    run = process.call(kind)
    if not hold:
        world.until(run, "WAITING")
    stopped(run)
    assert world.row(run).state == "STOPPED"


@pytest.mark.parametrize("kind", [executing, executing_async], ids=["plain", "async"])
def test_a_step_that_executes_is_told(world, process, kind):
    """It ends as it wants, nothing further begins, and the run is stopped."""
    run = process.call(kind)
    wait_until(lambda: effects.count("begun"), timeout=PATIENCE)
    stopped(run)
    wait_until(lambda: effects.count("obeyed"), timeout=PATIENCE)
    assert effects.count("step") == 0
    assert world.row(run).state == "STOPPED"


@pytest.mark.parametrize("kind", [parent, parent_async], ids=["plain", "async"])
@pytest.mark.parametrize("hold", [0.0, 5.0], ids=["parked", "held"])
def test_children_are_stopped_with_it(world, kind, hold):
    """Workflows, and questions to a person."""
    process = world.process(hold)
    run = process.call(kind)
    count = 1 if kind is parent else 3
    wait_until(lambda: len(world.store.steps(run.id)) == count, timeout=PATIENCE)
    if not hold:
        world.until(run, "WAITING", "run")
    stopped(run)
    wait_until(lambda: {state for _, state in world.steps(run)} == {"STOPPED"}, timeout=PATIENCE)


def test_from_another_process(world, process):
    """The one that executes it is asked."""
    run = process.call(executing, key="k")
    wait_until(lambda: effects.count("begun"), timeout=PATIENCE)
    other = world.process().call(executing, key="k")
    stopped(other)
    with pytest.raises(TaskStoppedError):
        run.get_result(PATIENCE)
    assert effects.lines == ["begun", "obeyed"]


def test_after_the_end_it_does_no_harm(process):
    @workflow
    def quick() -> int:
        return 1

    run = process.call(quick)
    assert run.get_result(PATIENCE) == 1
    assert run.stop()
    assert run.get_result() == 1


def test_a_stop_before_it_was_claimed(world, process):
    """A call that nobody executes yet is over at once, and never begins."""

    @task(runner="queue")
    def queued() -> int:
        effects("queued")

    run = process.call(queued)
    stopped(run)
    assert world.row(run).state == "STOPPED"
    assert effects.lines == []


def test_the_parent_is_told_of_a_child_that_was_stopped(process):
    """It may catch that, as any failure, and goes on."""

    @workflow
    def watching() -> str:
        try:
            parked().get_result()
        except TaskStoppedError:
            return "stopped"

    run = process.call(watching)
    wait_until(lambda: process.store.steps(run.id), timeout=PATIENCE)
    (child,) = process.store.steps(run.id)
    process.store.write(RequestStop(now=clock.now(), run_id=child.id))
    process.engine.wake()
    assert run.get_result(PATIENCE) == "stopped"


def test_a_deadline_ends_it(world, process):
    """As a failure that says so."""
    run = process.call(parked, deadline=0.1)
    with pytest.raises(TaskTimeoutError):
        run.get_result(PATIENCE)


def test_a_deadline_is_told_whoever_looks_first(process):
    """The timer of a handle asks for a stop a moment before that of the execution: that is no stop by a person."""
    runs = [process.call(executing, deadline=0.2 + number / 100) for number in range(20)]
    assert [type(run.exception(PATIENCE)) for run in runs] == [TaskTimeoutError] * 20
