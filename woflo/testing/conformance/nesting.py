"""A task may call tasks and wait for them, at any depth and under any limit."""

from __future__ import annotations

from woflo import current_run, gather
from woflo.kernel.run import BaseTaskRun
from woflo.testing.conformance.checks import Runner, check
from woflo.testing.conformance.tasks import echo
from woflo.testing.conformance.tools import configured, on, value_of

DEPTH = 5


def descend(runner: Runner, depth: int) -> list[str]:
    """Calls itself on the same runner; the ids of all runs on the way, and of their parents."""
    here = current_run()
    if depth == 1:
        return [str(here.parent_id), here.id]
    below: list[str] = value_of(on(runner, descend)(runner, depth - 1))
    return [str(here.parent_id), here.id, *below]


async def descend_async(runner: Runner, depth: int) -> int:
    """The same by awaiting."""
    return 1 if depth == 1 else 1 + await on(runner, descend_async)(runner, depth - 1)


def fan_out(runner: Runner, width: int) -> int:
    """Calls several at once, and waits for all."""
    runs = [on(runner, echo)(n) for n in range(width)]
    values: list[int] = value_of(gather(*runs))
    return sum(values)


def call_and_leave(runner: Runner) -> str:
    """Calls a task, and returns without waiting for it."""
    on(runner, echo)(1)
    return "left"


@check()
def five_deep_in_one_place(runner: Runner) -> None:
    """Five calls inside one another finish where one is allowed at once; each knows its parent."""
    with configured(runner, max_concurrency=1) as single:
        chain = value_of(on(single, descend)(single, DEPTH))
    parents, ids = chain[0::2], chain[1::2]
    assert len(set(ids)) == DEPTH
    assert parents == ["None", *ids[:-1]]


@check()
def five_deep_by_awaiting(runner: Runner) -> None:
    """The same with coroutines that await one another."""
    with configured(runner, max_concurrency=1) as single:
        assert value_of(on(single, descend_async)(single, DEPTH)) == DEPTH


@check()
def several_deep_at_once(runner: Runner) -> None:
    """Runs that each wait for several others finish under a limit that is smaller than their number."""
    with configured(runner, max_concurrency=2) as pair:
        runs: list[BaseTaskRun[int]] = [on(pair, fan_out)(pair, 3) for _ in range(4)]
        assert [value_of(run) for run in runs] == [3] * 4


@check()
def a_limited_task_that_calls_itself(runner: Runner) -> None:
    """The limit of a task does not hold up the calls that its own runs make."""

    def countdown(n: int) -> int:
        return 0 if n == 0 else 1 + value_of(limited(n - 1))

    limited = on(runner, countdown, max_concurrency=1)
    assert value_of(limited(DEPTH)) == DEPTH


@check()
def calls_that_nobody_waits_for(runner: Runner) -> None:
    """A run may end before the runs that it called."""
    assert value_of(on(runner, call_and_leave)(runner)) == "left"
