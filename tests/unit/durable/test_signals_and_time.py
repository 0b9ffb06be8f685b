"""Signals, time and chance: received once, in order, and the same whenever the workflow is executed again."""

import asyncio
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from durable_helpers import PATIENCE, Log

import woflo
from woflo import as_completed, gather, send, task, workflow
from woflo.durable.inside import now, random, sleep, sleep_until, uuid4, wait_signal
from woflo.errors import BlockingLoopError, OptionError, RunEndedError, SerializationError, UnknownRunError
from woflo.testing import wait_until

seen = Log()


@pytest.fixture(autouse=True)
def fresh():
    seen.lines.clear()


@dataclass
class Order:
    name: str
    count: int


@workflow
def three() -> list[int]:
    return [wait_signal("number") for _ in range(3)]


@workflow
async def three_async() -> list[int]:
    return [await wait_signal("number") for _ in range(3)]


both = pytest.mark.parametrize("kind", [three, three_async], ids=["plain", "async"])
holds = pytest.mark.parametrize("hold", [0.0, 5.0], ids=["parked", "held"])


@both
@holds
def test_signals_are_received_in_the_order_in_which_they_were_sent(world, kind, hold):
    """Each once, those that came before they were waited for included."""
    run = world.process(hold).call(kind)
    for number in range(3):
        run.send("number", number)
    assert run.get_result(PATIENCE) == [0, 1, 2]


@both
@holds
def test_they_wait_for_those_that_come_later(world, kind, hold):
    process = world.process(hold)
    run = process.call(kind)
    for number in range(3):
        if not hold:
            world.until(run, "WAITING", "signal")
        run.send("number", number)
    assert run.get_result(PATIENCE) == [0, 1, 2]


def test_a_signal_of_an_id_is_sent_once(world, process):
    """Whoever is not sure whether it was sent may send it again."""
    run = process.call(three)
    told = [send(run.id, "number", 5, id="one", store=process.store) for _ in range(2)]
    assert told == [True, False]
    run.send("number", 6)
    run.send("number", 7)
    assert run.get_result(PATIENCE) == [5, 6, 7]


def test_a_signal_of_another_name_stays(process):
    run = process.call(three)
    run.send("other", 1)
    for number in range(3):
        run.send("number", number)
    assert run.get_result(PATIENCE) == [0, 1, 2]


def test_a_signal_for_nobody_is_refused(world, process):
    """One that has ended, and one that there is not."""

    @workflow
    def quick() -> int:
        return 1

    run = process.call(quick)
    run.get_result(PATIENCE)
    with pytest.raises(RunEndedError):
        run.send("number", 1)
    with pytest.raises(UnknownRunError):
        send("nobody", "number", 1, store=process.store)


def test_a_signal_is_json(process):
    run = process.call(three)
    with pytest.raises(SerializationError, match="number"):
        run.send("number", object())
    run.stop()


@workflow
def typed() -> str:
    order = wait_signal("order", type=Order)
    assert wait_signal("go") is None
    return f"{order.name} {order.count}"


def test_a_typed_value_comes_as_its_type(world, process):
    """From the journal as well."""
    run = process.call(typed)
    run.send("order", {"name": "tea", "count": 3})
    world.until(run, "WAITING", "signal")
    run.send("go")
    assert run.get_result(PATIENCE) == "tea 3"


@workflow
def limited() -> str:
    try:
        return wait_signal("go", timeout=60)
    except TimeoutError as error:
        seen(str(error))
        return "late" + wait_signal("after")


@workflow
async def limited_async() -> str:
    try:
        return await wait_signal("go", timeout=60)
    except TimeoutError as error:
        seen(str(error))
        return "late" + await wait_signal("after")


limits = pytest.mark.parametrize("kind", [limited, limited_async], ids=["plain", "async"])


@limits
@holds
def test_a_signal_within_its_time(world, clock, kind, hold):
    run = world.process(hold).call(kind)
    run.send("go", "in time")
    assert run.get_result(PATIENCE) == "in time"


@limits
def test_a_signal_that_does_not_come(world, process, clock, kind):
    """The time is over once: a signal that comes later does not change what was told."""
    run = process.call(kind)
    world.until(run, "WAITING", "signal")
    clock.advance(61)
    world.until(run, "WAITING", "signal")
    wait_until(lambda: seen.lines, timeout=PATIENCE)
    run.send("go", "too late")
    run.send("after", "!")
    assert run.get_result(PATIENCE) == "late!"
    assert "60 s" in seen.lines[0]


@workflow
def napping() -> list[str]:
    seen("begun")
    told = [now().isoformat(), str(random()), str(uuid4())]
    sleep(3600)
    told += [now().isoformat(), str(random()), str(uuid4())]
    sleep_until(datetime.fromisoformat(told[0]) + timedelta(hours=2))
    return [*told, now().isoformat()]


@workflow
async def napping_async() -> list[str]:
    seen("begun")
    told = [now().isoformat(), str(random()), str(uuid4())]
    await sleep(3600)
    told += [now().isoformat(), str(random()), str(uuid4())]
    await sleep_until(datetime.fromisoformat(told[0]) + timedelta(hours=2))
    return [*told, now().isoformat()]


@pytest.mark.parametrize("kind", [napping, napping_async], ids=["plain", "async"])
@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies"])
def test_time_and_chance_come_again(world, process, clock, kind, dies):
    """Sleeping is counted from the first time, whatever happens meanwhile; no number is drawn twice."""
    start = clock.now()
    run = process.call(kind, key="k")
    world.until(run, "WAITING", "timer")
    if dies:
        process.die()
        run = world.process().call(kind, key="k")
    clock.advance(3600)
    wait_until(lambda: world.row(run).state == "WAITING" and world.row(run).run_after > start + 7000, timeout=PATIENCE)
    assert run.is_running()
    clock.advance(3601)
    told = run.get_result(PATIENCE)
    at = [datetime.fromisoformat(told[where]).timestamp() - start for where in (0, 3, 6)]
    assert at == pytest.approx([0, 3600, 7201], abs=0.01)
    assert 0 <= float(told[1]) < 1
    assert told[1] != told[4] and uuid.UUID(told[2]) != uuid.UUID(told[5])
    assert len(seen.lines) == 3


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "1", True])
def test_a_sleep_that_cannot_be_meant(seconds):
    with pytest.raises(OptionError, match="sleep"):
        sleep(seconds)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(OptionError, match="time zone"):
        sleep_until(datetime(2030, 1, 1))  # noqa: DTZ001


def test_a_time_that_is_past_is_no_wait(process):
    @workflow
    def late() -> int:
        sleep_until(datetime(2000, 1, 1, tzinfo=UTC))
        sleep(0)
        return 1

    assert process.call(late).get_result(PATIENCE) == 1


def test_a_store_rests_while_everybody_waits(world):
    """Who waits does not wake itself: writes that find nothing tell nobody."""
    process = world.process(hold=0.2)
    writes = []
    apply = world.store.apply
    world.store._committer._apply = lambda operations: writes.extend(operations) or apply(operations)
    runs = [process.call(kind) for kind in (three, three_async)]
    for run in runs:
        world.until(run, "WAITING", "signal")
    assert len(writes) < 60
    for run in runs:
        run.stop()


@workflow
async def sleeper(x: int) -> int:
    await sleep(1000)
    return x


@workflow
def plain_sleeper(x: int) -> int:
    sleep(1000)
    return x


def many_sleepers(world, process, clock, count):
    """Start them, look at what they hold, and wake them."""
    threads = threading.active_count()
    runs = [process.call(kind, number) for number in range(count // 2) for kind in (sleeper, plain_sleeper)]
    wait_until(lambda: not process.engine.executions, timeout=120)
    assert {row.state for row in world.store.snapshot().runs if row.parent_id is None} == {"WAITING"}
    assert threading.active_count() < threads + 70
    clock.advance(1001)
    assert sum(run.get_result(300) for run in runs) == 2 * sum(range(count // 2))


def test_many_sleep_without_thread_or_frame(world, process, clock):
    many_sleepers(world, process, clock, 400)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_sleep_without_thread_or_frame(world, process, clock):
    many_sleepers(world, process, clock, 10_000)


def test_a_task_factory_of_the_users_loop_stays(world, process):
    """Branches are numbered in front of it, and other tasks of the loop are made by it alone."""
    made = []

    def factory(loop, coro, **kwargs):
        made.append(coro.__qualname__)
        return asyncio.Task(coro, loop=loop, **kwargs)

    @task
    async def one(x: int) -> int:
        return x

    async def calls(x):
        return await one(x)

    @workflow
    async def branching() -> int:
        return sum(await asyncio.gather(calls(1), calls(2)))

    async def main():
        asyncio.get_running_loop().set_task_factory(factory)
        run = process.call(branching)
        return await run, await process.call(branching)

    assert asyncio.run(main()) == (3, 3)
    assert any("calls" in name for name in made)


def test_a_workflow_on_a_users_loop_and_on_another(process):
    """Each loop executes those that were called on it; a third is called from a plain program."""

    @task
    async def one(x: int) -> int:
        return x

    @workflow
    async def adding(x: int) -> int:
        return sum(await asyncio.gather(one(x), one(1)))

    async def main(x):
        return await process.call(adding, x)

    assert asyncio.run(main(1)) == 2
    assert asyncio.run(main(2)) == 3
    assert process.call(adding, 3).get_result(PATIENCE) == 4


def test_blocking_the_loop_that_a_workflow_needs_is_refused(process):
    """A named error, where it would wait for ever."""

    @workflow
    async def quick() -> int:
        return 1

    async def main():
        run = process.call(quick)
        with pytest.raises(BlockingLoopError):
            run.get_result()
        return await run

    assert asyncio.run(main()) == 1


@task
def stepped(x: int) -> int:
    return x + 1


@workflow
async def blocks(how: str, runner: str | None) -> int:
    run = stepped.with_options(runner=runner)(1)
    ways = {
        "get_result": run.get_result,
        "get_result with a timeout": lambda: run.get_result(PATIENCE),
        "wait": run.wait,
        "exception": run.exception,
        "gather": lambda: gather(run, stepped(2)).get_result(),
        "as_completed": lambda: next(iter(as_completed([run]))),
        "woflo.wait": lambda: woflo.wait([run]),
    }
    with pytest.raises(BlockingLoopError, match="await run"):
        ways[how]()
    return await run


WAYS = ["get_result", "get_result with a timeout", "wait", "exception", "gather", "as_completed", "woflo.wait"]


@pytest.mark.parametrize("how", WAYS)
def test_so_is_blocking_it_for_a_step(process, how):
    """Whichever way: it is the loop that records the end of a step, and it would be held up for ever."""
    assert process.call(blocks, how, None).get_result(PATIENCE) == 2


@pytest.mark.parametrize("runner", ["thread", "async", "multiprocess"])
def test_so_is_blocking_it_for_a_step_with_a_runner(process, runner):
    """What executes it does not matter."""
    assert process.call(blocks, "get_result", runner).get_result(PATIENCE) == 2


def test_a_loop_that_ends_gives_its_workflow_back(world, process):
    """The next one that calls it goes on with it."""

    async def main():
        run = process.call(three_async, key="k")
        await asyncio.sleep(0)
        return run

    first = asyncio.run(main())
    for number in range(3):
        first.send("number", number)
    assert process.call(three_async, key="k").get_result(PATIENCE) == [0, 1, 2]
