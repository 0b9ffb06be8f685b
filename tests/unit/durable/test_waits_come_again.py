"""What a wait found the first time it finds whenever the workflow is executed again, however fast things are then."""

import asyncio
import threading

import pytest
from durable_helpers import PATIENCE, Log

from woflo import as_completed, complete, gather, manual, task, wait, workflow
from woflo.durable.inside import wait_signal
from woflo.testing import wait_until

gates = {}
found = Log()
code = {}


@pytest.fixture(autouse=True)
def fresh():
    found.lines.clear()
    gates.update(slow=threading.Event(), quick=threading.Event())
    gates["quick"].set()
    yield
    for gate in gates.values():
        gate.set()


@task
def held(name: str) -> str:
    assert gates[name].wait(PATIENCE)
    return name


@task
async def held_async(name: str) -> str:
    while not gates[name].is_set():
        await asyncio.sleep(0.001)
    return name


@manual
def approve(what: str) -> str: ...


@workflow
def plain(name: str) -> list[str]:
    return finished(code[name](held))


@workflow
async def coroutine(name: str) -> list[str]:
    return await finished_async(await code[name](held_async))


def finished(told):
    found(told)
    gates["slow"].set()
    wait_signal("go")
    return told


async def finished_async(told):
    found(told)
    gates["slow"].set()
    await wait_signal("go")
    return told


def limited_result(step):
    run = step("slow")
    try:
        return [run.get_result(timeout=0.01)]
    except TimeoutError:
        return ["out of time"]


def limited_wait(step):
    return [str(step("slow").wait(0.01)), str(step("quick").wait(PATIENCE))]


def polled(step):
    return [str(step("slow").wait(0))]


def limited_exception(step):
    try:
        return [str(step("slow").exception(0.01))]
    except TimeoutError:
        return ["out of time"]


def waited(step):
    runs = [step("slow"), step("quick")]
    done, left = wait(runs, return_when="FIRST_COMPLETED")
    return [*(run.get_result() for run in done), *(str(len(left)))]


def waited_with_limit(step):
    done, left = wait([step("slow")], timeout=0.01)
    return [str(len(done)), str(len(left))]


def in_order(step):
    runs = [step("slow"), step("quick")]
    told = []
    for run in as_completed(runs):
        told.append(run.get_result())
        gates["slow"].set()
    return told


def in_order_of_a_map(step):
    made = step.map(["slow", "quick", "quick"])
    made.ahead = 2
    told = []
    for run in as_completed(made):
        told.append(run.get_result())
        if len(told) == 2:
            gates["slow"].set()
    return told


def in_order_with_limit(step):
    runs = [step("slow"), step("quick")]
    told = []
    try:
        for run in as_completed(runs, timeout=0.2):
            told.append(run.get_result())  # noqa: PERF401 - what came before the time was over counts
    except TimeoutError:
        told.append("out of time")
    return told


def first_failure(step):
    @task
    def fail(name: str, gate: str) -> str:
        assert gates[gate].wait(PATIENCE)
        raise ValueError(name)

    runs = [fail("b", "slow"), fail("a", "quick")]
    try:
        gather(*runs, fail_fast=True).get_result()
    except ValueError as error:
        return [str(error)]


def waited_for_a_person(step):
    return [str(approve("x").wait(0.02))]


async def async_in_order(step):
    runs = [step("slow"), step("quick")]
    told = []
    async for run in as_completed(runs):
        told.append(await run)
        gates["slow"].set()
    return told


async def async_in_order_with_limit(step):
    runs = [step("slow"), step("quick")]
    told = []
    try:
        async for run in as_completed(runs, timeout=0.2):
            told.append(await run)  # noqa: PERF401
    except TimeoutError:
        told.append("out of time")
    return told


PLAIN = {
    limited_result: ["out of time"],
    limited_wait: ["False", "True"],
    polled: ["False"],
    limited_exception: ["out of time"],
    waited: ["quick", "1"],
    waited_with_limit: ["0", "1"],
    in_order: ["quick", "slow"],
    in_order_of_a_map: ["quick", "quick", "slow"],
    in_order_with_limit: ["quick", "out of time"],
    first_failure: ["a"],
    waited_for_a_person: ["False"],
}
ASYNC = {async_in_order: ["quick", "slow"], async_in_order_with_limit: ["quick", "out of time"]}


def cases():
    for kind, ways in ((plain, PLAIN), (coroutine, ASYNC)):
        for way, expected in ways.items():
            code[way.__name__] = way
            yield pytest.param(kind, way.__name__, expected, id=way.__name__)


@pytest.mark.parametrize(("kind", "name", "expected"), [*cases()])
def test_it_finds_the_same_again(world, process, kind, name, expected):
    """The second time everything has ended already; still the time limit passes, and the order is as it was."""
    run = process.call(kind, name, key="k")
    world.until(run, "WAITING", "signal")
    process.die()
    other = world.process()
    again = other.call(kind, name, key="k")
    again.send("go", 1)
    assert again.get_result(PATIENCE) == expected
    wait_until(lambda: len(found.lines) >= 2)
    assert found.lines == [expected] * len(found.lines)


@workflow
def patient() -> str:
    try:
        return approve("x").get_result(timeout=3600)
    except TimeoutError:
        return "nobody came"


def test_a_time_limit_for_a_person_is_parked(world, process):
    """It holds no thread, and ends early by the answer."""
    run = process.call(patient)
    world.until(run, "WAITING", "run")
    asked = next(row for row in world.store.steps(run.id) if row.task == "approve")
    complete(asked.id, "yes", store=process.store)
    assert run.get_result(PATIENCE) == "yes"


def test_a_time_limit_is_counted_from_the_first_time(world, process, clock):
    """After a crash it does not begin anew."""
    run = process.call(patient, key="k")
    world.until(run, "WAITING", "run")
    clock.advance(3000)
    process.die()
    again = world.process().call(patient, key="k")
    clock.advance(601)
    assert again.get_result(PATIENCE) == "nobody came"
