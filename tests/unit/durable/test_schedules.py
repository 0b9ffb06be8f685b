"""Calls by the clock: one for each tick, however many workers there are; missed ticks by policy."""

import threading
from datetime import UTC, datetime

import pytest

from woflo import Worker, task, workflow
from woflo.durable.engine import engine_of
from woflo.durable.schedules import Schedules, parse
from woflo.errors import ArgumentError, OptionError
from woflo.stores.memory import MemoryStore
from woflo.testing.clock import FakeClock
from woflo.testing.patience import PATIENCE

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp()
MINUTE = 60.0


@pytest.fixture
def clock():
    with FakeClock(BEGIN) as moved:
        yield moved


@pytest.fixture
def store():
    made = MemoryStore()
    yield made
    engine_of(made).close()
    made.close()


def scheduled(schedule, missed="one"):
    @task(runner="queue", schedule=schedule, missed=missed)
    def tidy() -> None: ...

    return tidy


def started(store, tidy, worker="w"):
    made = Schedules(store, [tidy], lambda _: "{}", worker)
    made.start()
    return made


def keys(store):
    return [row.key for row in store.snapshot().runs]


def ticks(store):
    return sorted((datetime.fromisoformat(key.partition(":")[2]).timestamp() - BEGIN) / MINUTE for key in keys(store))


def test_a_new_task_waits_for_its_first_tick(clock, store):
    """What was never called has missed nothing."""
    made = started(store, scheduled("*/15 * * * *"))
    assert keys(store) == []
    assert made.next_time() == BEGIN + 15 * MINUTE
    clock.advance(14 * MINUTE)
    made.submit_due()
    assert keys(store) == []
    clock.advance(MINUTE)
    made.submit_due()
    assert ticks(store) == [15]
    assert made.next_time() == BEGIN + 30 * MINUTE


def test_one_run_for_each_tick_however_many_workers(clock, store):
    """The key is the tick."""
    tidy = scheduled("@every 10m")
    workers = [started(store, tidy, name) for name in ("one", "two", "three")]
    for _ in range(3):
        clock.advance(10 * MINUTE)
        for made in workers:
            made.submit_due()
    assert ticks(store) == [10, 20, 30]


@pytest.mark.parametrize(("missed", "made_up"), [("one", [50]), ("all", [20, 30, 40, 50]), ("none", [])])
def test_what_was_missed_while_no_worker_was_there(clock, store, missed, made_up):
    """The latest, all, or none of the ticks since the last that was kept."""
    tidy = scheduled("@every 10m", missed)
    made = started(store, tidy)
    clock.advance(10 * MINUTE)
    made.submit_due()
    clock.advance(45 * MINUTE)
    started(store, tidy, "later")
    assert ticks(store) == [10, *made_up]


@pytest.mark.parametrize(("missed", "made_up"), [("one", [30]), ("all", [10, 20, 30]), ("none", [30])])
def test_a_worker_that_stood_still(clock, store, missed, made_up):
    """It makes the call of the present tick, and those that it was late for by policy."""
    made = started(store, scheduled("@every 10m", missed))
    clock.advance(31 * MINUTE)
    made.submit_due()
    assert ticks(store) == made_up


def test_at_start(clock, store):
    """Once for each worker that starts."""
    tidy = scheduled("@start")
    for worker in ("one", "two"):
        started(store, tidy, worker)
    assert sorted(keys(store)) == ["start:one", "start:two"]


@pytest.mark.parametrize("text", ["* * * *", "@every", "@every 0s", "@every 2 weeks", "61 * * * *", "never"])
def test_what_is_no_schedule_is_told_at_decoration(text):
    """By its value, and with what may be written."""
    with pytest.raises(OptionError, match="@every 2h"):
        scheduled(text)
    with pytest.raises(OptionError, match="@every 2h"):
        workflow(schedule=text)(lambda: None)


def test_a_policy_that_is_none():
    """By its value."""
    with pytest.raises(OptionError, match=r"missed='some'"):
        scheduled("@start", "some")


def test_cron_before_and_after():
    """The ticks before a time are those after an earlier one, backwards."""
    schedule = parse("0 */6 * * *")
    after = schedule.after(BEGIN)
    forward = [next(after) for _ in range(4)]
    before = schedule.before(forward[-1])
    assert [next(before) for _ in range(4)] == forward[::-1]


def test_a_worker_executes_what_its_tasks_are_scheduled_for(store):
    """Beside what others call."""
    done = threading.Event()

    @task(runner="queue", schedule="@start")
    def tidy() -> None:
        done.set()

    with Worker([tidy], store):
        assert done.wait(PATIENCE)


def test_a_scheduled_task_that_needs_arguments(store):
    """Is told when the worker starts."""

    @task(runner="queue", schedule="@start")
    def tidy(where: str) -> None: ...

    with pytest.raises(ArgumentError, match="where"):
        Worker([tidy], store).start()
