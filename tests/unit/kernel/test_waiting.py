"""Waiting for one run, for several, in which order, and for how long."""

from __future__ import annotations

import asyncio
import threading

import pytest
from unit_helpers import eventually, in_thread

from woflo import as_completed, task, wait
from woflo.errors import BlockingLoopError, OptionError


@pytest.fixture
def made(memory):
    return task(runner=memory)(lambda *args: None)


def test_a_wait_with_a_limit_tells_whether_the_end_came(made):
    """False and `TimeoutError` while it goes on, True and the value afterwards; the run is not harmed."""
    run = made()
    assert run.wait(timeout=0) is False
    assert run.wait(timeout=0.01) is False
    with pytest.raises(TimeoutError):
        run.get_result(timeout=0.01)
    with pytest.raises(TimeoutError):
        run.exception(timeout=0)
    run.succeed(3)
    assert run.wait(timeout=0) is True
    assert run.get_result() == run.get_result() == 3


def test_many_threads_get_the_same(made):
    """Each waiter is woken, and all have the one value."""
    run = made()
    results = [in_thread(run.get_result) for _ in range(20)]
    eventually(lambda: len(run._waiters) == 20)
    run.succeed(value := object())
    assert all(result() is value for result in results)


def test_a_failure_is_raised_as_often_as_asked_with_its_own_traceback(made):
    """Raising it again adds no frames to it."""
    run = made()
    run.fail(ValueError("once"))
    lengths = set()
    for _ in range(3):
        try:
            run.get_result()
        except ValueError as error:
            trace, length = error.__traceback__, 0
            while trace is not None:
                trace, length = trace.tb_next, length + 1
            lengths.add(length)
    assert len(lengths) == 1
    assert run.get_result(raise_exceptions=False) is run.exception()


def test_wait_for_all(made):
    """Done and not done, as `concurrent.futures.wait` returns them; failures are no matter."""
    runs = [made() for _ in range(3)]
    runs[0].succeed()
    runs[1].fail()
    assert wait(runs, timeout=0.01) == ({runs[0], runs[1]}, {runs[2]})
    runs[2].succeed()
    assert wait(runs) == (set(runs), set())
    assert wait([]) == (set(), set())


@pytest.mark.parametrize(("when", "ends"), [("FIRST_COMPLETED", 1), ("FIRST_EXCEPTION", 2), ("ALL_COMPLETED", 3)])
def test_wait_returns_when_it_is_told_to(made, when, ends):
    """The first success, the first failure, or the last of all."""
    runs = [made() for _ in range(3)]
    waited = in_thread(lambda: wait(runs, return_when=when))
    acts = [runs[0].succeed, runs[1].fail, runs[2].succeed]
    eventually(lambda: runs[2]._watchers)
    for act in acts[:ends]:
        act()
    done, not_done = waited()
    assert done == set(runs[:ends])
    assert not_done == set(runs[ends:])


def test_wait_refuses_another_word(made):
    """A wrong `return_when` is named."""
    with pytest.raises(OptionError, match="SOMETIME"):
        wait([], return_when="SOMETIME")


def test_as_completed_gives_runs_in_the_order_of_their_ends(made):
    """Each once, also where it was given twice or had ended before."""
    runs = [made() for _ in range(3)]
    runs[2].succeed()
    order = iter(as_completed([*runs, runs[0]]))
    assert next(order) is runs[2]
    runs[1].fail()
    assert next(order) is runs[1]
    runs[0].succeed()
    assert list(order) == [runs[0]]
    assert list(as_completed([])) == []


def test_as_completed_gives_up_at_its_time(made):
    """What has ended by then is given first; the message tells how many are left."""
    done, open_ = made(), made()
    done.succeed()
    seen = []
    with pytest.raises(TimeoutError, match="1 of 2"):
        for run in as_completed([open_, done], timeout=0.01):
            seen.append(run)  # noqa: PERF402  # what came before the error is asked for
    assert seen == [done]


def test_as_completed_leaves_no_watcher_behind(made):
    """Leaving the loop early forgets the rest."""
    runs = [made() for _ in range(3)]
    runs[0].succeed()
    for _ in as_completed(runs):
        break
    import gc

    gc.collect()
    assert not runs[1]._watchers


def test_as_completed_async_is_the_same(made):
    """Order, failures and doubles as in the blocking form; the loop goes on meanwhile."""
    runs = [made() for _ in range(3)]
    runs[2].succeed()

    async def main():
        asyncio.get_running_loop().call_later(0.01, runs[1].fail)
        asyncio.get_running_loop().call_later(0.02, runs[0].succeed)
        return [run async for run in as_completed([*runs, runs[0]])]

    assert asyncio.run(main()) == [runs[2], runs[1], runs[0]]


def test_as_completed_async_gives_up_at_its_time(made):
    """What has ended by then is given first, here as well."""
    done, open_ = made(), made()
    done.succeed()
    seen = []

    async def main():
        async for run in as_completed([open_, done], timeout=0):
            seen.append(run)  # noqa: PERF401  # what came before the error is asked for

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert seen == [done]


def test_blocking_on_a_run_of_ones_own_loop_is_an_error():
    """Not a deadlock: waiting, gathering and iterating say what to do instead."""
    from woflo import gather

    @task(runner="async")
    async def work():
        await asyncio.sleep(0)

    async def main():
        run = work()
        for blocking in (
            run.get_result,
            run.wait,
            gather(run).wait,
            lambda: wait([run]),
            lambda: list(as_completed([run])),
        ):
            with pytest.raises(BlockingLoopError, match="await"):
                blocking()
        await run

    asyncio.run(main())


def test_blocking_on_what_depends_on_ones_own_loop_is_an_error():
    """A run in a thread that waits for one on this loop cannot end either while the loop is blocked."""

    @task(runner="async")
    async def source():
        await asyncio.sleep(0)
        return 1

    async def main():
        run = source()
        after = task(runner="thread")(abs)(run)
        with pytest.raises(BlockingLoopError):
            after.get_result(timeout=0.2)
        return await after

    assert asyncio.run(main()) == 1


def test_waiting_in_an_unrelated_loop_is_allowed():
    """What does not need the loop may be blocked on, as plain code does."""

    async def main():
        return task(runner="thread")(abs)(-1).get_result(timeout=20)

    assert asyncio.run(main()) == 1


def test_stop_before_start_and_after_end_does_no_harm(made):
    """True each time; nothing changes after the end."""
    first = made()
    waiting = made(first)
    assert waiting.stop() is True
    assert waiting.stop() is True
    first.succeed(1)
    assert first.stop() is True
    assert first.get_result() == 1


def test_stop_of_a_thread_that_does_not_look_ends_the_handle_alone(gate):
    """False: the code goes on, keeps its place, and the handle is STOPPED."""
    entered = threading.Event()

    def deaf():
        entered.set()
        gate.wait()

    run = task(runner="thread")(deaf)()
    entered.wait(20)
    assert run.stop(grace=0.05) is False
    eventually(lambda: run.state == "STOPPED")
    gate.set()
    eventually(lambda: not run._in_code)


def test_stop_of_a_thread_that_looks_ends_its_code():
    """`stop_requested` becomes true inside, and `stop` returns when the code has returned."""
    from woflo import current_run

    entered, ended = threading.Event(), threading.Event()

    def attentive():
        entered.set()
        eventually(lambda: current_run().stop_requested)
        ended.set()
        return "a value that nobody gets"

    run = task(runner="thread")(attentive)()
    entered.wait(20)
    assert run.stop() is True
    assert ended.is_set()
    assert run.state == "STOPPED"
