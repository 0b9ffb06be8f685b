"""Async functions as tasks, wherever they are executed; and plain functions on loops."""

from __future__ import annotations

import asyncio
import threading

import pytest
from unit_helpers import eventually

from woflo import RunState, current_run, task
from woflo.errors import TaskStoppedError

RUNNERS = ["sequential", "thread", "async"]


@pytest.mark.parametrize("inside", [False, True], ids=["plain caller", "caller in a loop"])
@pytest.mark.parametrize("runner", RUNNERS)
def test_an_async_function_runs_everywhere(runner, inside):
    """On a loop that runs, or in a fresh one inside the thread."""

    @task(runner=runner)
    async def work(x):
        await asyncio.sleep(0)
        return x + 1, current_run().task

    async def main():
        return await work(1)

    assert (asyncio.run(main()) if inside else work(1).get_result(timeout=20)) == (2, "work")


@pytest.mark.parametrize("inside", [False, True], ids=["plain caller", "caller in a loop"])
@pytest.mark.parametrize("runner", RUNNERS)
def test_a_failed_coroutine_is_tried_again(runner, inside):
    """The value is that of the last attempt, also where that one takes its time."""
    calls = []

    @task(runner=runner, retries=2)
    async def work():
        calls.append(1)
        await asyncio.sleep(0)
        if len(calls) < 3:
            raise ValueError
        for _ in range(10):
            await asyncio.sleep(0)
        return "value"

    async def main():
        return await work()

    assert (asyncio.run(main()) if inside else work().get_result(timeout=20)) == "value"
    assert len(calls) == 3


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_function_that_returns_a_coroutine_has_its_value(runner):
    """A lambda around an async function is as good as the function."""

    async def inner(x):
        return x + 1

    assert task(runner=runner)(lambda x: inner(x))(1).get_result(timeout=20) == 2


def test_a_plain_function_on_the_async_runner_does_not_block_the_loop(gate):
    """It executes in a thread beside it."""
    run = task(runner="async")(gate.wait)()
    other = task(runner="async")(asyncio.sleep)(0, "other")
    assert other.get_result(timeout=20) == "other"
    assert run.is_running()
    gate.set()
    assert run.get_result(timeout=20) is True


def test_a_call_in_a_loop_executes_on_that_loop():
    """And a call outside of any on woflo's own."""

    @task(runner="async")
    async def where():
        return asyncio.get_running_loop(), threading.current_thread()

    async def main():
        loop, thread = await where()
        return loop is asyncio.get_running_loop() and thread is threading.current_thread()

    assert asyncio.run(main()) is True
    _, thread = where().get_result(timeout=20)
    assert thread is not threading.current_thread()


@pytest.mark.parametrize("how", ["stop", "timeout"])
def test_a_coroutine_is_ended_by_cancelling_it(how):
    """Its `finally` runs; the handle tells whether it was stopped or too slow."""
    entered, left = threading.Event(), threading.Event()

    @task(runner="async", timeout=0.05 if how == "timeout" else None)
    async def work():
        try:
            entered.set()
            await asyncio.Event().wait()
        finally:
            left.set()

    run = work()
    assert entered.wait(20)
    if how == "stop":
        assert run.stop() is True
        assert isinstance(run.exception(timeout=20), TaskStoppedError)
    else:
        assert isinstance(run.exception(timeout=20), TimeoutError)
    assert left.wait(20)


def test_a_coroutine_is_stopped_before_its_first_step():
    """The run ends all the same."""
    entered = []

    @task(runner="async")
    async def work():
        entered.append(1)

    async def main():
        run = work()
        run.stop()
        with pytest.raises(TaskStoppedError):
            await run

    asyncio.run(main())
    assert entered == []


def test_a_timed_out_coroutine_is_tried_again():
    """Like any failure."""
    calls = []

    @task(runner="async", timeout=0.05, retries=1)
    async def work():
        calls.append(1)
        if len(calls) == 1:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        return "second"

    assert work().get_result(timeout=20) == "second"


def test_the_end_of_the_loop_ends_its_runs():
    """What `asyncio.run` cancels when it ends is STOPPED, not for ever RUNNING."""

    @task(runner="async")
    async def work():
        await asyncio.Event().wait()

    async def main():
        run = work()
        await asyncio.sleep(0)
        return run

    run = asyncio.run(main())
    eventually(lambda: run.state is RunState.STOPPED)


def test_a_run_whose_loop_has_ended_fails_with_that_reason(memory):
    """A call that waits for something else may find its loop closed."""
    from woflo.errors import EndedLoopError

    source = task(runner=memory)(lambda: None)()

    @task(runner="async")
    async def work(value): ...

    async def main():
        return work(source)

    run = asyncio.run(main())
    source.succeed()
    assert isinstance(run.exception(timeout=20), EndedLoopError)
