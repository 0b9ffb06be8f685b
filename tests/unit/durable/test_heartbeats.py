"""Signs of life of steps and stored calls."""

from __future__ import annotations

import pytest
from durable_helpers import PATIENCE

from woflo import Worker, current_run, get_run, published, task, workflow
from woflo.durable.choice import use_store
from woflo.durable.engine import engine_of
from woflo.errors import NotDurableError, OptionError, SerializationError, TaskTimeoutError
from woflo.stores.memory import MemoryStore
from woflo.testing import wait_until


@pytest.fixture
def store():
    made = MemoryStore()
    before = use_store(made)
    yield made
    engine_of(made).close()
    use_store(before)
    made.close()


def pages(first):
    """Leaves two heartbeats and fails; the next attempt tells what it found."""
    here = current_run()
    if here.last_heartbeat is None:
        here.heartbeat(first)
        here.heartbeat(first + 1)
        raise ValueError
    return here.last_heartbeat


def silent(_):
    """Says nothing until it is asked to end."""
    while not current_run().stop_requested:
        wait_until(lambda: current_run().stop_requested, "asked to stop", timeout=PATIENCE)


@task(runner="queue", retries=1)
def queued(first: int) -> int:
    return pages(first)


@task(runner="queue", retries=1, heartbeat_timeout=20)
def timed(first: int) -> int:
    return pages(first)


@task(runner="queue", heartbeat_timeout=0.1)
def queued_silence() -> None:
    silent(0)


@task(retries=1)
def step(first: int) -> int:
    return pages(first)


@task(retries=1, runner="multiprocess")
def step_elsewhere(first: int) -> int:
    return pages(first)


@task(heartbeat_timeout=0.1)
def silent_step() -> None:
    silent(0)


@workflow
def reads(first: int, elsewhere: bool) -> int:
    return (step_elsewhere if elsewhere else step)(first).get_result()


@workflow
def waits() -> None:
    silent_step().get_result()


@workflow
def beats() -> None:
    current_run().heartbeat(1)


@pytest.mark.parametrize("call", [queued, timed])
def test_the_next_attempt_of_a_call_has_the_last_value(store, call):
    """Also the one that was not written when it was given, because another one had just been."""
    with Worker([call]):
        assert call(3).get_result(timeout=PATIENCE) == 4


def test_the_same_by_another_process(store):
    """The worker names a runner that isolates."""
    with Worker([queued], runner="multiprocess"):
        assert queued(3).get_result(timeout=PATIENCE) == 4


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_next_attempt_of_a_step(store, elsewhere):
    """In the workflow's own process, and in one of its own."""
    run = reads(5, elsewhere)
    assert run.get_result(timeout=PATIENCE) == 6
    assert store.published(run.id)[f"woflo.heartbeat:{run.id}:0"] in ("5", "6")
    assert published(run.id) == {}


@pytest.mark.parametrize("call", [waits, queued_silence])
def test_silence_is_a_timeout(store, call):
    """Of a step, and of a stored call."""
    with Worker([queued_silence]):
        error = call().exception(timeout=PATIENCE)
    assert isinstance(error, TaskTimeoutError)
    assert "no heartbeat for 0.1 s" in str(error)


def test_few_are_written(store):
    """Many in a second are one write, and the last is there for the next attempt."""

    @task(runner="queue")
    def many() -> None:
        for number in range(1000):
            current_run().heartbeat(number)

    writes = []
    before = store.apply
    store.apply = lambda operations: writes.extend(operations) or before(operations)
    with Worker([many]):
        run = many()
        run.wait()
    beats = [one for one in writes if type(one).__name__ == "Publish"]
    assert 1 <= len(beats) < 10
    assert get_run(run.id).get_result() is None


def test_wrong_use(store):
    """No JSON; code of a workflow; a runner that cannot end an attempt; no seconds."""
    assert isinstance(beats().exception(timeout=PATIENCE), NotDurableError)
    with pytest.raises(SerializationError, match="heartbeat"):
        task(runner="sequential")(lambda: current_run().heartbeat(object()))().get_result()
    with pytest.raises(OptionError, match="heartbeat_timeout=1 cannot be kept"):
        task(runner="sequential", heartbeat_timeout=1)(lambda: None)
    with pytest.raises(OptionError, match="heartbeat_timeout=0"):
        task(heartbeat_timeout=0)(lambda: None)
