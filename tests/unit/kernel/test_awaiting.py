"""Runs under `await`: on any loop, for any runner, without taking the run along when it is cancelled."""

from __future__ import annotations

import asyncio
import threading

import pytest
from unit_helpers import eventually, in_thread

from woflo import task


@pytest.fixture
def made(memory):
    return task(runner=memory)(lambda *args: None)


@pytest.mark.parametrize("runner", ["sequential", "thread", "async"])
def test_await_is_get_result(runner):
    """The value, the failure, and both again."""

    @task(runner=runner)
    def work(x):
        return 1 / x

    async def main():
        good, bad = work(2), work(0)
        for _ in range(2):
            assert await good == 0.5
            with pytest.raises(ZeroDivisionError):
                await bad

    asyncio.run(main())


def test_cancelling_the_await_leaves_the_run_alone(made):
    """The waiting ends, the run goes on, and no watcher is left on it."""
    run = made()

    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_await(run), 0.01)
        assert run.is_running()
        assert not run._watchers
        asyncio.get_running_loop().call_soon(run.succeed, 3)
        return await run

    assert asyncio.run(main()) == 3


async def _await(run):
    return await run


def test_a_run_is_awaited_from_many_loops_in_many_threads(made):
    """Each is woken on its own loop."""
    run = made()
    results = [in_thread(lambda: asyncio.run(_await(run))) for _ in range(5)]
    eventually(lambda: len(run._watchers or ()) == 5)
    run.succeed("for all")
    assert [result() for result in results] == ["for all"] * 5


def test_a_run_of_one_loop_is_awaited_on_another():
    """An async task of this loop may be awaited by a thread with its own."""

    @task(runner="async")
    async def work(may_end):
        await may_end.wait()
        return 7

    async def main():
        may_end = asyncio.Event()
        run = work(may_end)
        other = in_thread(lambda: asyncio.run(_await(run)))
        await asyncio.to_thread(eventually, lambda: run._watchers)
        may_end.set()
        assert await run == 7
        return await asyncio.to_thread(other)

    assert asyncio.run(main()) == 7


def test_the_loop_goes_on_while_a_run_is_awaited(gate):
    """Nothing blocks it."""

    async def main():
        run = task(runner="thread")(gate.wait)()
        waiting = asyncio.ensure_future(_await(run))
        ticks = 0
        while ticks < 10:
            await asyncio.sleep(0)
            ticks += 1
        assert not waiting.done()
        gate.set()
        return await waiting

    assert asyncio.run(main()) is True


def test_a_loop_that_closed_meanwhile_is_no_harm(made):
    """The run ends as if nobody had waited."""
    run, waiting = made(), []

    async def main():
        waiting.append(asyncio.ensure_future(_await(run)))
        await asyncio.sleep(0)

    asyncio.run(main())
    run.succeed(1)
    assert run.get_result() == 1


def test_asyncio_gather_takes_runs(made):
    """They are awaitables like others."""

    async def main():
        runs = [task(runner="thread")(abs)(-n) for n in range(5)]
        return await asyncio.gather(*runs)

    assert asyncio.run(main()) == [0, 1, 2, 3, 4]


def test_waiting_coroutines_of_a_limited_task_lend_their_place():
    """Ten coroutines that wait for ten others finish under a limit of one."""
    from woflo.runners import AsyncTaskRun

    kind = AsyncTaskRun.configured(max_concurrency=1)

    @task(runner=kind)
    async def inner(x):
        await asyncio.sleep(0)
        return x

    @task(runner=kind)
    async def outer(x):
        return sum(await asyncio.gather(*[inner(x) for _ in range(3)]))

    async def main():
        return await asyncio.wait_for(asyncio.gather(*[outer(n) for n in range(10)]), 20)

    before = threading.active_count()
    assert asyncio.run(main()) == [3 * n for n in range(10)]
    assert threading.active_count() - before < 50
