"""A workflow that comes further than it was when its workers died is not what ended them: its deaths are forgotten."""

import asyncio
import threading

import pytest
from durable_helpers import PATIENCE

from woflo import current_run, sleep, task, wait_signal, workflow
from woflo.kernel.state import RunState


@task
def step() -> int:
    return 1


@task(on_crash="ask")
def failing() -> int:
    raise ValueError("no")


@workflow
def child() -> int:
    return 1


def nothing():
    pass


def a_step():
    step().get_result()


def a_step_that_fails():
    failing().exception()


def a_signal():
    wait_signal("there")


def a_wait():
    wait_signal("late")


def a_call():
    child().get_result()


def a_call_that_was_there():
    child.with_options(key="there")().get_result()


def something_shown():
    current_run().publish("name", 1)


def a_time():
    sleep(0.0)


FURTHER = [a_step, a_step_that_fails, a_signal, a_wait, a_call, something_shown]
NOT_FURTHER = [nothing, a_call_that_was_there, a_time]
KINDS = {one.__name__: one for one in (*FURTHER, *NOT_FURTHER)}
GATES = {}


@workflow
def plain(kind: str) -> None:
    begun, gate = GATES["at"]
    begun.release()
    assert gate.wait(PATIENCE)
    KINDS[kind]()


@workflow
async def coroutine(kind: str) -> None:
    begun, gate = GATES["at"]
    begun.release()
    assert await asyncio.to_thread(gate.wait, PATIENCE)
    await step()


@pytest.fixture
def gate():
    """Every execution says by the first one that it has begun, and then waits for the other."""
    GATES["at"] = threading.Semaphore(0), threading.Event()
    yield GATES["at"]
    GATES["at"][1].set()
    GATES.clear()


def outlived(world, gate, workflow, name=""):
    """The handle of a run that was under way when its process died, and goes on in another one."""
    process = world.process()
    run = process.call(workflow, name, key="k")
    assert gate[0].acquire(timeout=PATIENCE)
    run.send("there")
    process.die()
    assert (world.row(run).state, world.row(run).deaths) == (RunState.PENDING, 1)
    gate[1].set()
    return world.process().call(workflow, name, key="k")


@pytest.mark.parametrize("name", [one.__name__ for one in FURTHER])
def test_what_comes_further(world, gate, name):
    """By the end of a step, however that is, by a signal, a wait, a call, or what it shows."""
    run = outlived(world, gate, plain, name)
    if name == "a_wait":
        world.until(run, RunState.WAITING)
        assert world.row(run).deaths == 0
        run.send("late")
    assert run.get_result(PATIENCE) is None
    assert world.row(run).deaths == 0


def test_a_coroutine_that_comes_further(world, gate):
    """The same holds on an event loop."""
    run = outlived(world, gate, coroutine)
    assert run.get_result(PATIENCE) is None
    assert world.row(run).deaths == 0


@pytest.mark.parametrize("name", [one.__name__ for one in NOT_FURTHER])
def test_what_comes_no_further(world, gate, name):
    """What every execution does anew leaves the deaths as they are, as a call that finds a run by its key."""
    there = world.process().call(child, key="there")
    assert there.get_result(PATIENCE) == 1
    run = outlived(world, gate, plain, name)
    assert run.get_result(PATIENCE) is None
    assert world.row(run).deaths == 1
