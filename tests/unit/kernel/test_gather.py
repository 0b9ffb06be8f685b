"""Several runs as one."""

from __future__ import annotations

import asyncio
import time

import pytest
from unit_helpers import settle_down

from woflo import RunState, gather, task
from woflo.errors import OptionError, TaskStoppedError


@pytest.fixture
def made(memory):
    return task(runner=memory)(lambda *args: None)


def test_the_values_stand_in_the_order_of_the_runs(made):
    """Not in the order in which they end; a run given twice stands there twice."""
    runs = [made() for _ in range(3)]
    group = gather(*runs, runs[0])
    for value in (2, 0, 1):
        assert group.is_running()
        runs[value].succeed(value)
    assert group.get_result(timeout=0) == [0, 1, 2, 0]


def test_nothing_gathered_is_an_empty_list():
    """And it is there at once."""
    assert gather().get_result(timeout=0) == []


def test_runs_of_any_runners_mix(gate):
    """Finished and unfinished, in threads, on loops and inline."""
    runs = [task(runner=name)(lambda name=name: name)() for name in ("thread", "sequential", "async")]
    assert gather(*runs).get_result(timeout=20) == ["thread", "sequential", "async"]


def test_all_are_waited_for_also_after_a_failure(made):
    """It ends when the last has ended, with the first failure in the order given."""
    runs = [made() for _ in range(3)]
    group = gather(*runs)
    runs[2].fail(ValueError("last in order"))
    runs[1].fail(ValueError("first in order"))
    assert group.is_running()
    runs[0].succeed()
    with pytest.raises(ValueError, match="first in order"):
        group.get_result(timeout=0)


def test_fail_fast_ends_with_the_first_failure_and_stops_the_others(made):
    """Those under way are interrupted, those that wait never start."""
    running, failing = made(), made()
    waiting = made(running)
    group = gather(running, waiting, failing, fail_fast=True)
    failing.fail(ValueError("fast"))
    with pytest.raises(ValueError, match="fast"):
        group.get_result(timeout=0)
    assert waiting.state is RunState.STOPPED
    assert running.interrupts >= 1
    running.succeed()
    assert isinstance(running.exception(timeout=0), TaskStoppedError)


def test_fail_fast_with_what_has_failed_already(made):
    """A failure from before the call ends it at once."""
    other, failed = made(), made()
    failed.fail(ValueError("before"))
    group = gather(other, failed, fail_fast=True)
    assert isinstance(group.exception(timeout=0), ValueError)
    assert other.interrupts >= 1
    other.fail()


def test_fail_fast_asks_each_of_many_once(made):
    """Its cost grows with the number of runs, not with its square."""
    first = made()
    held = [made(first) for _ in range(1500)]
    failing = made()
    group = gather(*held, failing, fail_fast=True)
    begin = time.process_time()
    failing.fail(ValueError())
    took = time.process_time() - begin
    assert not group.is_running()
    assert {run.state for run in held} == {RunState.STOPPED}
    first.succeed()
    begin = time.process_time()
    for _ in range(1500 * 20):
        first._ask_to_stop(0)
    assert took < 2 + time.process_time() - begin


def test_stopping_the_group_stops_its_members(made):
    """And it is STOPPED when they have ended."""
    running = made()
    waiting = made(running)
    group = gather(running, waiting)
    group._ask_to_stop(0)
    running.succeed()
    settle_down()
    assert {run.state for run in (group, running, waiting)} == {RunState.STOPPED}


def test_a_group_can_be_awaited_and_depended_on(made):
    """It is a handle like any other."""

    async def main():
        return await gather(*[task(runner="thread")(abs)(-n) for n in range(3)])

    assert asyncio.run(main()) == [0, 1, 2]
    run = made()
    after = made(gather(run))
    run.succeed(7)
    assert after.attempts[0].args == ([7],)


@pytest.mark.parametrize("value", [3, None, [1]])
def test_what_is_no_handle_is_named(value):
    """A list instead of `*list` is the usual slip."""
    with pytest.raises(OptionError, match="spread lists"):
        gather(value)
