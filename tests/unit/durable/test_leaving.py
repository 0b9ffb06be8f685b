"""A process that ends in order records what executes, begins nothing, and leaves the rest to the next one."""

import threading

import pytest
from durable_helpers import PATIENCE, Log

from woflo import task, workflow
from woflo.testing import wait_until

log = Log()
reached, gate = threading.Event(), threading.Event()


@pytest.fixture(autouse=True)
def fresh():
    log.lines.clear()
    reached.clear()
    gate.clear()
    yield
    gate.set()


@task
def step(x: int) -> int:
    log(x)
    return x


@task
def held(x: int) -> int:
    log(x)
    reached.set()
    assert gate.wait(PATIENCE)
    return x


@task(retries=1, retry_sleep_time=3600)
def failing(x: int) -> int:
    log(x)
    reached.set()
    if log.count(x) == 1:
        raise ValueError(x)
    return x


@workflow
def calls_and_looks_elsewhere(x: int) -> int:
    run = step(x)
    reached.set()
    assert gate.wait(PATIENCE)
    return run.get_result()


@workflow
def waits_for_a_step(x: int) -> int:
    return held(x).get_result() + step(x + 1).get_result()


@workflow
async def awaits_a_step(x: int) -> int:
    return await held(x) + await step(x + 1)


@workflow
async def holds_up_its_loop(x: int) -> int:
    run = step(x)
    reached.set()
    assert gate.wait(PATIENCE)  # meanwhile the step has ended, and its record waits for this loop
    return await run


@workflow
def waits_for_a_retry(x: int) -> int:
    return failing(x).get_result()


def closing(process):
    """The process ends, in a thread of its own: it waits for what executes."""
    thread = threading.Thread(target=process.engine.close)
    thread.start()
    wait_until(lambda: all(execution._ended is not None for execution in process.engine.executions.values()))
    return thread


def test_a_step_that_never_began_is_left_to_the_next_process(world, process):
    """It is recorded neither as stopped nor as anything else."""
    run = process.call(calls_and_looks_elsewhere, 1)
    assert reached.wait(PATIENCE)
    thread = closing(process)
    gate.set()
    thread.join(PATIENCE)
    assert world.steps(run) == []
    assert log.lines == []
    assert _gone_on(world, run, calls_and_looks_elsewhere) == 1


@pytest.mark.parametrize("kind", [waits_for_a_step, awaits_a_step], ids=["plain", "async"])
def test_a_step_that_executes_is_recorded(world, process, kind):
    """It is waited for, and not executed again."""
    run = process.call(kind, 1)
    assert reached.wait(PATIENCE)
    thread = closing(process)
    assert thread.is_alive()
    gate.set()
    thread.join(PATIENCE)
    assert world.steps(run) == [("held", "SUCCEEDED")]
    assert _gone_on(world, run, kind) == 3
    assert log.lines == [1, 2]


def test_what_still_executes_stays_its_own(world, process):
    """The process goes on giving signs of life: nobody takes over a step that takes longer than its lease."""
    process.call(waits_for_a_step, 1)
    assert reached.wait(PATIENCE)
    thread = closing(process)
    membership = process.engine.membership
    membership._beaten = float("-inf")
    wait_until(lambda: not membership.is_beat_due())
    gate.set()
    thread.join(PATIENCE)


def test_a_step_whose_record_is_not_written_yet_is_recorded(world, process):
    """Its code has ended, in a thread, and the loop that writes what it left is behind."""
    run = process.call(holds_up_its_loop, 1)
    assert reached.wait(PATIENCE)
    wait_until(lambda: log.lines == [1])
    thread = closing(process)
    gate.set()
    thread.join(PATIENCE)
    assert world.steps(run) == [("step", "SUCCEEDED")]
    assert _gone_on(world, run, holds_up_its_loop) == 1
    assert log.lines == [1]


def test_a_step_between_two_attempts_is_left_to_the_next_process(world, process):
    """Its pause is not waited for, and its failure is not its end."""
    run = process.call(waits_for_a_retry, 1)
    assert reached.wait(PATIENCE)
    closing(process).join(PATIENCE)
    assert world.steps(run) == []
    assert _gone_on(world, run, waits_for_a_retry) == 1


def _gone_on(world, run, kind):
    """What the next process makes of it."""
    assert world.row(run).worker is None
    later = world.process()
    later.engine.knows(kind)
    later.engine.own(run.id)
    later.engine.wake()
    wait_until(lambda: world.row(run).is_terminal, timeout=PATIENCE)
    return int(world.row(run).result)
