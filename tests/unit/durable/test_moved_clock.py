"""Time that passes at once, as under a test's clock or when a machine slept: who lives keeps what it executes."""

import threading

import pytest
from durable_helpers import PATIENCE

from woflo import RunState, Worker, sleep, task, workflow
from woflo.durable.membership import LEASE, Membership
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import Submit
from woflo.stores.rows import Row
from woflo.testing import FakeClock, wait_until


@pytest.fixture
def clock():
    with FakeClock() as moved:
        yield moved


def test_a_worker_whose_own_lease_has_ended_frees_nothing(clock):
    """It gives a sign of life before it judges others, itself included."""
    store = MemoryStore()
    member = Membership(store)
    member.enter()
    store.write(Submit(now=clock.now(), runs=(Row(id="a", task="t", worker=member.id),)))
    clock.advance(LEASE + 1)
    member.take_over()
    assert store.get("a").worker == member.id
    member.beat()
    member.take_over()
    assert store.get("a").worker == member.id
    member.leave()
    store.close()


def test_what_executes_goes_on_when_an_hour_passes(world, clock):
    """It is not taken over, and ends once."""
    begun, may_end = threading.Event(), threading.Event()
    calls = []

    @task
    def long() -> int:
        calls.append(1)
        begun.set()
        may_end.wait(PATIENCE)
        return 1

    @workflow
    def waiting() -> int:
        return long().get_result()

    run = world.process().call(waiting)
    assert begun.wait(PATIENCE)
    for _ in range(20):
        clock.advance(3600)
    may_end.set()
    assert run.get_result(PATIENCE) == 1
    assert calls == [1]


def test_everything_that_waits_for_a_time_comes_at_once(world, clock):
    """Sleeps, delays, and pauses of queued calls."""
    done = []

    @task(runner="queue", retries=1, retry_sleep_time=3600)
    def flaky() -> int:
        done.append("attempt")
        if len(done) == 1:
            raise ValueError(done)
        return len(done)

    @task(runner="queue")
    def late() -> str:
        return "late"

    @workflow
    def sleeping() -> str:
        sleep(3600)
        return "slept"

    process = world.process()
    runs = [process.call(sleeping), process.call(late, delay=3600), process.call(flaky)]
    with Worker([flaky, late], process.store):
        wait_until(lambda: world.row(runs[2]).state is RunState.RETRYING)
        wait_until(lambda: world.row(runs[0]).state is RunState.WAITING)
        assert all(run.is_running() for run in runs)
        clock.advance(3600)
        assert [run.get_result(PATIENCE) for run in runs] == ["slept", "late", 2]
