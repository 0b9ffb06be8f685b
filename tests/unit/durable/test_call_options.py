"""Options that a call alone was given hold where it executes, and what could not hold there is refused."""

import time

import pytest
import tenacity

from woflo import RunState, Worker, current_run, sleep, task, use_store, workflow
from woflo.durable.engine import engine_of
from woflo.errors import OptionError, TaskTimeoutError
from woflo.stores.memory import MemoryStore
from woflo.stores.rows import Row
from woflo.testing import wait_until

attempts: list[int] = []


@task
def failing(name: str) -> None:
    attempts.append(current_run().attempt)
    raise ValueError(name)


@task
def endless() -> None:
    while not current_run().stop_requested:
        time.sleep(0.001)  # the work that is to be ended


@task(runner="queue", max_concurrency=1)
def one_by_one(name: str) -> int:
    attempts.append(1)
    count = len(attempts)
    attempts.pop()
    return count


@task(runner="queue")
def queues_more() -> str:
    chosen = failing.with_options(runner="queue", queue="other", priority=7, retries=1, delay=1000)
    return current_run().enqueue(chosen, "later")


@workflow
def sleeper() -> str:
    sleep(10_000)
    return "slept"


@workflow
def calls_on() -> str:
    try:
        failing.with_options(runner="queue", retries=1)("child").get_result()
    except ValueError as error:
        return str(error)
    return "no error"


@pytest.fixture
def store():
    store = MemoryStore()
    before = use_store(store)
    attempts.clear()
    yield store
    use_store(before)
    engine_of(store).close()
    store.close()


def test_retries_of_a_call(store):
    """The worker knows the task as it was defined, without retries."""
    with Worker([failing]):
        run = failing.with_options(runner="queue", retries=2, retry_sleep_time=0.01)("x")
        assert isinstance(run.exception(10), ValueError)
    assert attempts == [1, 2, 3]
    assert run.attempt == 3


def test_the_calls_of_a_workflow_too(store):
    with Worker([failing]):
        assert calls_on().get_result(10) == "child"
    assert attempts == [1, 2]


def test_a_timeout_of_a_call(store):
    """It ends an attempt of a task that has none."""
    with Worker([endless]):
        run = endless.with_options(runner="queue", timeout=0.05)()
        assert isinstance(run.exception(10), TaskTimeoutError)


def test_a_deadline_holds_where_it_executes(store):
    """Also when its caller is gone: here the row alone is there."""
    run = endless.with_options(runner="queue", deadline=0.3)()
    run._deadline_timer.cancel()
    with Worker([endless]):
        error = run.exception(10)
    assert isinstance(error, TaskTimeoutError)
    assert "deadline of 0.3 s" in str(error)
    assert run.state is RunState.FAILED


def test_no_attempt_after_the_deadline(store):
    """The failure that is there tells more than that time is over."""
    with Worker([failing]):
        run = failing.with_options(runner="queue", retries=5, retry_sleep_time=60, deadline=30)("x")
        error = run.exception(10)
    assert isinstance(error, ValueError)
    assert attempts == [1]


def test_a_call_whose_time_was_over_before_a_worker_came(store):
    """It fails, and its code does not begin."""
    run = failing.with_options(runner="queue", deadline=0.02)("x")
    run._deadline_timer.cancel()
    wait_until(lambda: time.time() > run._row.created_at + 0.02)
    with Worker([failing]):
        assert isinstance(run.exception(10), TaskTimeoutError)
    assert attempts == []


def test_a_workflow_that_is_parked_beyond_its_deadline(store):
    """It is woken for that, by whoever is there, and fails."""
    run = sleeper.with_options(deadline=0.2)()
    run._deadline_timer.cancel()
    assert isinstance(run.exception(10), TaskTimeoutError)
    assert store.get(run.id).state is RunState.FAILED


def test_what_is_enqueued_keeps_its_options(store):
    """Queue, priority, delay and retries of a call that is kept with the end of another."""
    with Worker([queues_more]):
        row = store.get(queues_more().get_result(10))
    assert (row.queue, row.priority, row.options) == ("other", 7, '{"retries":1}')
    assert row.run_after > row.created_at + 900


def test_a_worker_keeps_to_the_limit_of_a_task(store):
    """`max_concurrency` of the definition."""
    runs = [one_by_one(str(number)) for number in range(50)]
    with Worker([one_by_one]):
        assert {run.get_result(10) for run in runs} == {1}


@pytest.mark.parametrize(
    "options",
    [
        {"retry_on": KeyError},
        {"retry_sleep_time": tenacity.wait_fixed(1)},
        {"max_concurrency": 2},
        {"rate_limit": "1/s"},
        {"resources": {"cpus": 1}},
    ],
)
def test_what_cannot_travel_is_refused_at_the_call(store, options):
    """Whoever executes the call would not know of it; nothing is stored."""
    (name,) = options
    with pytest.raises(OptionError, match=rf"{name}=.* was given to a call of failing.* where it is defined"):
        failing.with_options(runner="queue", **options)("x")
    assert store.select() == []


@pytest.mark.parametrize("options", [{"retries": 1}, {"timeout": 2.0}])
def test_what_a_workflow_has_not(options):
    """Neither where it is defined nor where it is called."""
    with pytest.raises(OptionError, match="give the option to its steps"):
        workflow(**options)(lambda: None)
    with pytest.raises(OptionError, match="give the option to its steps"):
        sleeper.with_options(**options)


def test_options_that_a_row_should_not_have_are_left_out(store):
    """Who can write rows cannot choose a runner by them."""
    from woflo.durable.called import as_called

    row = Row(id="1", task="failing", options='{"retries":2,"runner":"multiprocess"}')
    found = as_called(failing, row)
    assert (found.options.retries, found.options.runner) == (2, None)
