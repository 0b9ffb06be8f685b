"""Code that does not fit its journal any more ends its own run, once, and waits for a decision."""

import asyncio

import pytest
from durable_helpers import PATIENCE

from woflo import resume, task, workflow
from woflo.durable.inside import now, patched, sleep, wait_signal
from woflo.errors import NonDeterminismError
from woflo.testing import wait_until


class Code:
    """What the workflow executes just now."""

    body = None
    executed = 0


@task
def double(x: int) -> int:
    return 2 * x


@task
def triple(x: int) -> int:
    return 3 * x


@workflow
def changing(x: int) -> int:
    Code.executed += 1
    return Code.body(x)


@workflow
async def changing_async(x: int) -> int:
    Code.executed += 1
    return await asyncio.to_thread(Code.body, x)


def before(x):
    value = double(x).get_result() + triple(x).get_result()
    return value + wait_signal("go")


def other_arguments(x):
    return double(x + 1).get_result() + triple(x).get_result() + wait_signal("go")


def another_task(x):
    return triple(x).get_result() + triple(x).get_result() + wait_signal("go")


def removed_call(x):
    return triple(x).get_result() + wait_signal("go")


def removed_at_the_end(x):
    return double(x).get_result()


def inserted_call(x):
    return double(x).get_result() + double(x).get_result() + triple(x).get_result() + wait_signal("go")


def exchanged(x):
    return triple(x).get_result() + double(x).get_result() + wait_signal("go")


def another_wait(x):
    sleep(0)
    return before(x)


CHANGES = {
    other_arguments: 'double{"x":1}',
    another_task: 'double{"x":1}',
    removed_call: 'double{"x":1}',
    removed_at_the_end: 'triple{"x":1}',
    inserted_call: 'triple{"x":1}',
    exchanged: 'double{"x":1}',
    another_wait: 'double{"x":1}',
}

both = pytest.mark.parametrize("kind", [changing, changing_async], ids=["plain", "async"])


def parked(world, process, kind):
    """A run that has its two steps, and waits for a signal."""
    Code.body, Code.executed = before, 0
    run = process.call(kind, 1, key="k")
    world.until(run, "WAITING", "signal")
    return run


@both
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_told_once_and_the_run_waits(world, process, kind, change):
    """The error names what was recorded; nothing is tried again; the run is neither failed nor lost."""
    run = parked(world, process, kind)
    Code.body = change
    run.send("go", 1)
    with pytest.raises(NonDeterminismError) as caught:
        run.get_result(PATIENCE)
    assert CHANGES[change] in str(caught.value)
    assert run.id in str(caught.value)
    executed = Code.executed
    with pytest.raises(NonDeterminismError):
        asyncio.run(asyncio.wait_for(awaited(run), PATIENCE))
    world.until(run, "WAITING", "non-determinism")
    assert Code.executed == executed == 2


async def awaited(run):
    return await run


@both
def test_what_the_code_itself_has_raised_is_the_cause(world, process, kind):
    """Whoever waits is told of it, in one line and as the cause, and not only of the call that is missing."""
    run = parked(world, process, kind)

    def raises(x):
        raise KeyError("REGION")

    Code.body = raises
    run.send("go", 1)
    with pytest.raises(NonDeterminismError, match=r"the workflow raised KeyError\('REGION'\) \(test_") as caught:
        run.get_result(PATIENCE)
    assert repr(caught.value.__cause__) == "KeyError('REGION')"


def test_so_is_a_parameter_that_is_missing(world, process):
    """The code has got another one since, and what is stored has no value for it."""
    run = parked(world, process, changing)
    changed = workflow(name="changing")(lambda x, z: None)
    later = world.process()
    process.die()
    later.engine.knows(changed)
    later.engine.own(run.id)
    later.engine.wake()
    run.send("go", 1)
    world.until(run, "WAITING", "missing 1 required positional argument: 'z'")


def test_a_coroutine_that_waits_already_is_told(world, process):
    """It is not left waiting for a decision that nobody knows to be due."""

    async def told():
        run = parked(world, process, changing)
        Code.body = other_arguments
        waiting = asyncio.ensure_future(awaited(run))
        await asyncio.sleep(0)
        run.send("go", 1)
        with pytest.raises(NonDeterminismError):
            await asyncio.wait_for(waiting, PATIENCE)

    asyncio.run(told())


@both
def test_once_the_code_is_mended_it_goes_on(world, process, kind):
    """After `resume`; the handle that told the error tells the result."""
    run = parked(world, process, kind)
    Code.body = other_arguments
    run.send("go", 1)
    with pytest.raises(NonDeterminismError):
        run.get_result(PATIENCE)
    Code.body = before
    resume(run.id, store=process.store)
    assert wait_for_result(run) == 6


def wait_for_result(run):
    """As `get_result`, past the moment in which the handle has not heard of the decision yet."""
    wait_until(lambda: not run.is_running(), timeout=PATIENCE)
    return run.get_result()


def test_who_attaches_later_is_told_too(world, process):
    """In another process, by the key."""
    run = parked(world, process, changing)
    Code.body = another_task
    run.send("go", 1)
    with pytest.raises(NonDeterminismError):
        run.get_result(PATIENCE)
    with pytest.raises(NonDeterminismError):
        world.process().call(changing, 1, key="k").get_result(PATIENCE)


def test_other_workflows_are_not_touched(world, process):
    """One that executes beside it ends as it should."""
    run = parked(world, process, changing)
    other = process.call(untouched, 1)
    world.until(other, "WAITING", "signal")
    Code.body = removed_call
    run.send("go", 1)
    with pytest.raises(NonDeterminismError):
        run.get_result(PATIENCE)
    other.send("go", 1)
    assert other.get_result(PATIENCE) == 3


@workflow
def untouched(x: int) -> int:
    return double(x).get_result() + wait_signal("go")


def test_what_calls_nothing_may_change(world, process):
    """Comments, prints, names: only calls are recorded."""
    run = parked(world, process, changing)

    def rewritten(number):
        # another comment
        first = double(number)
        total = sum([first.get_result(), triple(x=number).get_result()])
        return wait_signal("go") + total

    Code.body = rewritten
    run.send("go", 1)
    assert run.get_result(PATIENCE) == 6


def with_patch(x):
    factor = 10 if patched("tenfold") else 1
    return before(x * factor) if factor == 1 else before(x) * 10


@both
def test_patched_keeps_to_what_was_before(world, process, kind):
    """A run that had passed the place takes the old way, a new one the new way, also when it is replayed."""
    run = parked(world, process, kind)
    Code.body = with_patch
    run.send("go", 1)
    assert run.get_result(PATIENCE) == 6
    new = process.call(kind, 1, key="new")
    world.until(new, "WAITING", "signal")
    new.send("go", 1)
    assert new.get_result(PATIENCE) == 60


def test_the_error_is_not_for_the_workflow_to_catch(world, process):
    """Code that catches everything is ended all the same, and what it returns is dropped."""

    def catching(x):
        try:
            return other_arguments(x)
        except Exception:
            return -1

    run = parked(world, process, changing)
    Code.body = catching
    run.send("go", 1)
    with pytest.raises(NonDeterminismError):
        run.get_result(PATIENCE)


def test_time_is_recorded_and_is_no_change(world, process):
    """What differs between executions by itself is not called another code."""
    times = []

    def timed(x):
        times.append(now())
        return before(x)

    Code.body = timed
    run = process.call(changing, 1, key="t")
    world.until(run, "WAITING", "signal")
    run.send("go", 1)
    assert run.get_result(PATIENCE) == 6
    assert times[0] == times[1] and len(times) == 2
