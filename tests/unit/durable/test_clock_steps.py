"""The time of day is set, forth and back, while runs are under way."""

import pytest
from durable_helpers import PATIENCE

from woflo import send, task, workflow
from woflo.durable.inside import sleep, wait_signal
from woflo.testing import wait_until

HOUR = 3600.0


@workflow
def patient() -> list[str]:
    return [noted("a").get_result(), wait_signal("go"), noted("b").get_result()]


@task
def noted(name: str) -> str:
    executed.append(name)
    return name


@workflow
def sleeper() -> str:
    sleep(30)
    return "awake"


executed: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_yet():
    executed.clear()


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_nobody_is_dead_because_of_it(world, clock, seconds):
    """What a living process holds stays its own, and nobody gives its runs away; each step is executed once."""
    first, second = world.process(hold=60.0), world.process()
    run = first.call(patient)
    wait_until(lambda: executed == ["a"], timeout=PATIENCE)
    second.engine.be_alive()
    before = world.row(run).fence
    clock.step(seconds)
    for process in (second, first):
        process.engine.membership._looked_for_dead = 0.0
        process.engine.membership.take_over()
    assert (world.row(run).fence, world.row(run).deaths) == (before, 0)
    assert {one.id for one in world.store.workers()} == {first.engine.id, second.engine.id}
    send(run.id, "go", "now", store=world.store)
    assert run.get_result(PATIENCE) == ["a", "now", "b"]
    assert executed == ["a", "b"]


def test_the_dead_are_found_all_the_same(world, clock):
    """One that died just then is, at once where it can be seen, else when its lease has ended by the new time."""
    first, second = world.process(hold=60.0), world.process()
    run = first.call(patient, key="k")
    wait_until(lambda: executed == ["a"], timeout=PATIENCE)
    clock.step(HOUR)
    first.engine.abandon()
    again = second.call(patient, key="k")
    send(run.id, "go", "now", store=world.store)
    wait_until(lambda: second.engine.membership._trusts_leases_from > 0, timeout=PATIENCE)
    clock.advance(30)
    assert again.get_result(PATIENCE) == ["a", "now", "b"]
    assert executed == ["a", "b"]


def test_who_sleeps_wakes(world, clock):
    """A time that was set forth is over; one that was set back comes again."""
    process = world.process()
    run = process.call(sleeper)
    world.until(run, "WAITING")
    clock.step(-HOUR)
    clock.step(HOUR)
    clock.step(HOUR)
    assert run.get_result(PATIENCE) == "awake"
    late = process.call(sleeper)
    world.until(late, "WAITING")
    clock.step(-HOUR)
    clock.advance(HOUR + 31)
    assert late.get_result(PATIENCE) == "awake"
