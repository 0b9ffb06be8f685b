"""Async functions are tasks on every runner, and every run can be awaited on any loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from woflo import as_completed, gather
from woflo.testing.conformance.checks import Runner, check, parallel
from woflo.testing.conformance.tasks import echo, gate, pass_gate
from woflo.testing.conformance.tools import error_of, on, value_of


async def echo_async(value: Any) -> Any:
    """A coroutine that waits a little."""
    await asyncio.sleep(0.001)
    return value


async def fail_async() -> None:
    """A coroutine that fails."""
    await asyncio.sleep(0)
    raise LookupError("async")


def fail() -> None:
    """Fails."""
    raise LookupError("sync")


@check()
def async_functions(runner: Runner) -> None:
    """An async function is a task; its result is what it returns."""
    runs = [on(runner, echo_async)(n) for n in range(5)]
    assert [value_of(run) for run in runs] == list(range(5))
    error_of(on(runner, fail_async)(), LookupError)


@check()
def awaiting(runner: Runner) -> None:
    """`await run` gives the result, or raises the failure, of plain and async functions alike."""

    async def main() -> None:
        assert await on(runner, echo)(1) == 1
        assert await on(runner, echo_async)(2) == 2
        for fn in (fail, fail_async):
            try:
                await on(runner, fn)()
            except LookupError:
                continue
            raise AssertionError("the failure was not raised")

    asyncio.run(main())


@check()
def awaiting_many(runner: Runner) -> None:
    """Runs go into `asyncio.gather`, woflo's `gather` can be awaited, `as_completed` looped over."""

    async def main() -> None:
        runs = [on(runner, echo)(n) for n in range(5)]
        assert await asyncio.gather(*runs) == list(range(5))
        assert await gather(*runs) == list(range(5))
        runs = [on(runner, echo_async)(n) for n in range(5)]
        ended = [run.get_result() async for run in as_completed(runs)]
        assert sorted(ended) == list(range(5))

    asyncio.run(main())


@check(only=parallel)
def the_loop_goes_on(runner: Runner) -> None:
    """While a run is awaited, the loop is free for others; a cancelled await leaves the run alone."""
    with gate() as held:

        async def main() -> Any:
            run = on(runner, pass_gate)(held.where, "one")
            waiting = asyncio.ensure_future(asyncio.wait_for(_awaited(run), None))
            await asyncio.sleep(0)
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting
            assert run.is_running()
            held.open()
            return await run

        assert asyncio.run(main()) == "one"


async def _awaited(run: Any) -> Any:
    return await run


@check()
def awaiting_from_another_loop(runner: Runner) -> None:
    """A run that ended can be awaited on a later loop, and asked outside of any."""

    async def call() -> Any:
        run = on(runner, echo_async)(1)
        assert await run == 1
        return run

    async def again(run: Any) -> Any:
        return await run

    run = asyncio.run(call())
    assert asyncio.run(again(run)) == 1
    assert value_of(run) == 1
