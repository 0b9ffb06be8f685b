"""`on_failure` and `max_calls`."""

from __future__ import annotations

import pytest
from durable_helpers import PATIENCE, Log

from woflo import FailedRun, RunState, Worker, current_run, find_runs, task, workflow
from woflo.durable.choice import use_store
from woflo.durable.engine import engine_of
from woflo.errors import CallLimitError, OptionError
from woflo.stores.memory import MemoryStore
from woflo.testing import wait_until

received: list[FailedRun] = []
attempts = Log()


@pytest.fixture
def store():
    received.clear()
    attempts.lines.clear()
    made = MemoryStore()
    before = use_store(made)
    yield made
    engine_of(made).close()
    use_store(before)
    made.close()


@task(runner="queue")
def receive(failure: FailedRun) -> None:
    received.append(failure)


@task(runner="queue", retries=1, on_failure=receive)
def fail(x: int, *, name: str = "a") -> int:
    attempts(x)
    if x < 0:
        raise ValueError(f"no {x}")
    return x


@workflow(on_failure="receive")
def failing(x: int) -> int:
    return broken(x).get_result()


@task(on_failure=receive)
def broken(x: int) -> int:
    raise KeyError(x)


def got(number):
    wait_until(lambda: len(received) == number, f"{number} failures", timeout=PATIENCE)
    return received


def test_what_failed_is_received(store):
    """After the last attempt, once: who it was, with what, and why."""
    with Worker([fail, receive]):
        run = fail(-1, name="b")
        assert isinstance(run.exception(timeout=PATIENCE), ValueError)
        (failure,) = got(1)
        assert fail(1).get_result(timeout=PATIENCE) == 1
    assert (failure.id, failure.task, failure.arguments) == (run.id, "fail", {"x": -1, "name": "b"})
    assert (failure.error, failure.error_type, failure.attempts) == ("no -1", "ValueError", 2)
    assert "raise ValueError" in failure.trace
    assert len(received) == 1


def test_it_is_kept_with_the_end(store):
    """In one commit: whoever sees the failure finds the call, also where nobody serves the receiver yet."""
    with Worker([fail]):
        run = fail(-1)
        run.wait()
    call = store.get(f"{run.id}:failed")
    assert (call.state, call.task, call.queue) == (RunState.PENDING, "receive", "default")


def test_workflows_and_their_steps(store):
    """Both tell: the step with its record, the workflow with its end."""
    with Worker([receive]):
        run = failing(3)
        run.wait()
        got(2)
    assert [one.task for one in received] == ["broken", "failing"]
    assert received[0].id == f"{run.id}:0"


def test_given_with_a_call(store):
    """By its name, so that the worker knows of it."""
    plain = task(runner="queue", name="fail")(fail.fn)
    with Worker([plain, receive]):
        plain.with_options(on_failure=receive)(-5).wait()
        assert got(1)[0].arguments == {"x": -5}


def test_a_stopped_run_has_not_failed(store):
    """Nobody is told."""
    run = fail(-1)
    run.stop()
    assert [row.id for row in store.snapshot().runs] == [run.id]


@task
def plain(failure: FailedRun) -> None: ...


@task(runner="queue")
def without() -> None: ...


@task(runner="queue")
def more(failure: FailedRun, why: str) -> None: ...


@pytest.mark.parametrize("receiver", [plain, without, more, 5, " "])
def test_what_cannot_receive(receiver):
    """It is refused at decoration: no stored task, or one of other parameters."""
    with pytest.raises(OptionError, match="on_failure="):
        task(runner="queue", on_failure=receiver)(lambda: 1)


def test_a_run_that_is_not_kept():
    """Its end is in no commit that could tell of it."""
    with pytest.raises(OptionError, match=r"on_failure=.*kept in a store"):
        task(runner="thread", on_failure=receive)(lambda: 1)


# -- max_calls -----------------------------------------------------------------------------------------


@task(runner="queue")
def leaf(x: int) -> int:
    return x


@task(runner="queue", max_calls=2, retries=1)
def spread(n: int, enqueued: int, fails: bool) -> int:
    for x in range(enqueued):
        current_run().enqueue(leaf, x)
    for x in range(n):
        leaf(x)
    if fails and current_run().attempt == 1:
        raise ValueError
    return n


@workflow(max_calls=2)
def spreads(n: int) -> int:
    return sum(leaf(x).get_result() for x in range(n))


@pytest.mark.parametrize(("n", "enqueued", "called"), [(3, 0, 2), (2, 1, 1), (0, 3, 0)])
def test_more_calls_than_allowed(store, n, enqueued, called):
    """The one over it is an error that says the limit; what was called plainly before is called."""
    with Worker([spread]):
        run = spread(n, enqueued, fails=False)
        error = run.exception(timeout=PATIENCE)
    assert isinstance(error, CallLimitError)
    assert "max_calls=2" in str(error)
    assert len(find_runs(task="leaf")) == called


def test_attempts_make_the_same_calls(store):
    """What a later attempt calls at the same place is there already."""
    with Worker([spread]):
        run = spread(2, 0, fails=True)
        assert run.get_result(timeout=PATIENCE) == 2
    assert run.attempt == 2
    assert [one.id for one in find_runs(task="leaf")] == [f"{run.id}:call/0", f"{run.id}:call/1"]


def test_the_calls_of_a_workflow(store):
    """Counted by its code, however often that is executed."""
    engine_of(store).hold = 0.0
    with Worker([leaf]):
        assert spreads(2).get_result(timeout=PATIENCE) == 1
        assert isinstance(spreads(3).exception(timeout=PATIENCE), CallLimitError)


def test_a_limit_given_with_a_call(store):
    """It travels with it."""
    with Worker([spread]):
        assert spread.with_options(max_calls=3)(3, 0, fails=False).get_result(timeout=PATIENCE) == 3
    with pytest.raises(OptionError, match="max_calls=-1"):
        spread.with_options(max_calls=-1)
