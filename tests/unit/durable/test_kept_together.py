"""What a step writes, calls and shows is kept together with its end, or not at all; manual steps end from outside."""

import asyncio
import sqlite3
import threading

import pytest
from durable_helpers import PATIENCE, World
from systems import needs_fork

from woflo import Worker, complete, current_run, manual, task, use_store, workflow
from woflo.durable.engine import engine_of
from woflo.durable.inside import wait_signal
from woflo.errors import (
    NotDurableError,
    OptionError,
    RunEndedError,
    SerializationError,
    StoreError,
    UnknownRunError,
)
from woflo.runners.pool import PoolTaskRun
from woflo.stores.opening import open_store
from woflo.stores.operations import Record
from woflo.testing import wait_until
from woflo.testing.crashing import CrashingStore


@task(runner="queue")
def follow_up(x: int) -> int:
    return x


@task
def plain_task(x: int) -> int:
    return x


def insert(x):
    with current_run().transaction() as connection:
        connection.execute("INSERT INTO mine VALUES (?)", (x,))


@task
def writes(x: int) -> int:
    insert(x)
    return x


@task
def writes_and_fails(x: int) -> int:
    insert(x)
    current_run().enqueue(follow_up, x)
    raise ValueError(x)


@task
def writes_and_gives_a_text(x: int) -> int:
    insert(x)
    current_run().enqueue(follow_up, x)
    return "no number"


@task(runner="queue")
def writes_for_a_worker(x: int) -> int:
    return writes_and_gives_a_text.fn(x)


@task(retries=2)
def writes_at_the_third(x: int) -> int:
    insert(x * 10 + current_run().attempt)
    current_run().enqueue(follow_up, current_run().attempt)
    if current_run().attempt < 3:
        raise ValueError(x)
    return x


@task
def undoes(x: int) -> int:
    try:
        with current_run().transaction() as connection:
            connection.execute("INSERT INTO mine VALUES (?)", (x,))
            raise KeyError(x)
    except KeyError:
        return -1


@workflow
def does(name: str, x: int) -> int:
    return STEPS[name](x).get_result()


@workflow
def many(count: int) -> int:
    return sum(writes(number).get_result() for number in range(count))


STEPS = {one.name: one for one in (writes, writes_and_fails, writes_and_gives_a_text, writes_at_the_third, undoes)}


@pytest.fixture
def store(tmp_path):
    """An SQLite file with a table of the user's own."""
    opened = open_store(f"sqlite:///{tmp_path}/woflo.db")
    with sqlite3.connect(tmp_path / "woflo.db") as connection:
        connection.execute("CREATE TABLE mine (x INTEGER)")
    before = use_store(opened)
    yield opened
    use_store(before)
    engine_of(opened).close()
    opened.close()


def mine(tmp_path):
    with sqlite3.connect(tmp_path / "woflo.db") as connection:
        return [x for (x,) in connection.execute("SELECT x FROM mine ORDER BY x")]


def calls(store):
    return [row.args for row in store.snapshot().runs if row.task == "follow_up"]


def test_rows_are_kept_with_the_record(store, tmp_path):
    assert does("writes", 4).get_result(PATIENCE) == 4
    assert mine(tmp_path) == [4]


def test_a_failure_undoes_rows_and_calls(store, tmp_path):
    with pytest.raises(ValueError):
        does("writes_and_fails", 4).get_result(PATIENCE)
    assert (mine(tmp_path), calls(store)) == ([], [])


def test_a_result_that_cannot_be_stored_undoes_rows_and_calls(store, tmp_path):
    """The step has failed, as by an exception."""
    with pytest.raises(SerializationError):
        does("writes_and_gives_a_text", 4).get_result(PATIENCE)
    assert (mine(tmp_path), calls(store)) == ([], [])


def test_the_same_of_a_call_from_a_queue(store, tmp_path):
    run = writes_for_a_worker(4)
    with Worker([writes_for_a_worker], store), pytest.raises(SerializationError):
        run.get_result(PATIENCE)
    assert (mine(tmp_path), calls(store)) == ([], [])


def test_only_the_attempt_that_succeeds_counts(store, tmp_path):
    """What earlier ones wrote and called is gone."""
    assert does("writes_at_the_third", 1).get_result(PATIENCE) == 1
    assert (mine(tmp_path), calls(store)) == ([13], ['{"x":3}'])


def test_an_exception_that_leaves_the_block_undoes_it(store, tmp_path):
    """The step itself goes on."""
    assert does("undoes", 4).get_result(PATIENCE) == -1
    assert mine(tmp_path) == []


@pytest.mark.parametrize("kept", [False, True])
def test_as_many_rows_as_recorded_steps_after_a_crash(store, tmp_path, kept):
    """At whatever write it crashes, known to it or not, and in the end each row once."""
    at = 0
    while has_crashed(CrashingStore(store, at, kept=kept), key=f"{at}"):
        recorded = [row for row in store.snapshot().runs if row.task == "writes" and row.state == "SUCCEEDED"]
        assert len(mine(tmp_path)) == len(recorded)
        at += 1
    assert at > 3


@workflow
def waits_for_writes() -> int:
    return writes_when_told().get_result()


@workflow
def writes_beside() -> int:
    beside = writes_when_told()
    return plain_task(1).get_result() + beside.get_result()


@workflow
async def awaits_writes() -> int:
    return await writes_when_told()


@task
def writes_when_told() -> int:
    insert(1)
    begun.set()
    assert may_end.wait(PATIENCE)
    return 1


begun, may_end = threading.Event(), threading.Event()


@pytest.mark.parametrize("outer", [waits_for_writes, writes_beside, awaits_writes], ids=str)
def test_nobody_waits_for_what_a_step_wrote_whose_workflow_does_not_go_on_here(store, tmp_path, outer):
    """Its rows are undone when its code ends, and others can write."""
    begun.clear(), may_end.clear()
    outer()
    assert begun.wait(PATIENCE)
    (execution,) = engine_of(store).executions.values()
    execution.end(StoreError("another worker has it"))
    may_end.set()
    wait_until(lambda: not engine_of(store).executions, timeout=PATIENCE)
    assert does("writes", 4).get_result(PATIENCE) == 4
    assert mine(tmp_path) == [4]


def has_crashed(store, key):
    """Execute the workflow until it has ended, or the store has crashed."""
    use_store(store)
    engine = engine_of(store)
    try:
        run = many.with_options(key=key)(3)
        wait_until(lambda: store.has_crashed.is_set() or not run.is_running(), timeout=PATIENCE)
        wait_until(lambda: not engine.executions, timeout=PATIENCE)
    except StoreError:
        assert store.has_crashed.is_set()
    engine.abandon()
    return store.has_crashed.is_set()


def test_a_coroutine_may_not_hold_the_store(store, tmp_path):
    """Named: whoever else writes would stop the loop."""

    @task
    async def on_the_loop() -> int:
        insert(1)

    @workflow
    async def outer() -> int:
        return await on_the_loop()

    with pytest.raises(StoreError, match="event loop"):
        outer().get_result(PATIENCE)
    assert mine(tmp_path) == []


@pytest.mark.parametrize("runner", ["multiprocess", "pool"])
@pytest.mark.parametrize("asked", ["transaction", "enqueue", "publish", "idempotency_key"])
def test_isolated_steps_are_refused_by_name(store, runner, asked):
    """Their process has no part in the commit."""

    @task(runner=runner)
    def isolated(asked: str) -> int:
        found = getattr(current_run(), asked)
        if asked == "enqueue":
            found(follow_up, 1)
        elif asked == "publish":
            found("a", 1)
        elif asked == "transaction":
            found()

    @workflow
    def outer() -> int:
        return isolated(asked).get_result()

    with pytest.raises(NotDurableError, match=asked):
        outer().get_result(PATIENCE)


def test_only_stored_tasks_can_be_enqueued(store):
    @task
    def wrong() -> int:
        current_run().enqueue(plain_task, 1)

    @workflow
    def outer() -> int:
        return wrong().get_result()

    with pytest.raises(OptionError, match="plain_task"):
        outer().get_result(PATIENCE)


@task
def showing() -> int:
    for number in range(3):
        current_run().publish("page", number)
    return 1


@task
async def showing_async() -> int:
    current_run().publish("page", 2)
    return 1


@pytest.mark.parametrize("step", [showing, showing_async])
def test_published_values_are_seen_while_it_runs(store, step):
    """Under the workflow; the last of each name."""

    @workflow
    def outer() -> int:
        step().get_result()
        wait_signal("go")
        return 1

    run = outer()
    wait_until(lambda: store.published(run.id) == {"page": "2"}, timeout=PATIENCE)
    run.send("go")
    assert run.get_result(PATIENCE) == 1


@manual
def approve(document: str) -> bool: ...


@workflow
def asking() -> str:
    try:
        return "yes" if approve("a").get_result() else "no"
    except ValueError as error:
        return f"refused: {error}"


@workflow
async def asking_async() -> str:
    try:
        return "yes" if await approve("a") else "no"
    except ValueError as error:
        return f"refused: {error}"


def asked(world, run):
    wait_until(lambda: world.store.steps(run.id), timeout=PATIENCE)
    return world.store.steps(run.id)[0].id


@pytest.mark.parametrize("kind", [asking, asking_async], ids=["plain", "async"])
@pytest.mark.parametrize("hold", [0.0, 5.0], ids=["parked", "held"])
@pytest.mark.parametrize(
    ("answer", "told"),
    [({"value": True}, "yes"), ({"error": ValueError("bad")}, "refused: bad")],
    ids=["value", "error"],
)
def test_a_person_answers(world, kind, hold, answer, told):
    """With a value, or with an error that the workflow sees as a failure."""
    process = world.process(hold)
    run = process.call(kind)
    complete(asked(world, run), store=process.store, **answer)
    assert run.get_result(PATIENCE) == told


def test_it_is_answered_once(world, process):
    run = process.call(asking)
    step = asked(world, run)
    complete(step, True, store=process.store)
    with pytest.raises(RunEndedError):
        complete(step, False, store=process.store)
    assert run.get_result(PATIENCE) == "yes"


def test_who_was_not_asked_cannot_answer(world, process):
    """No run of that id, or one that is no question."""
    with pytest.raises(UnknownRunError):
        complete("nobody", True, store=process.store)
    run = process.call(asking)
    asked(world, run)
    with pytest.raises(RunEndedError):
        complete(run.id, True, store=process.store)
    run.stop()


def test_an_answer_of_the_wrong_type_is_a_failure(world, process):
    """The annotation says what is answered."""

    run = process.call(asking)
    complete(asked(world, run), "perhaps", store=process.store)
    with pytest.raises(SerializationError, match="approve"):
        run.get_result(PATIENCE)


def test_a_question_without_a_workflow(world, process):
    """A handle of its own, awaited as any other."""
    run = process.call(approve, "x")
    complete(run.id, True, store=process.store)
    assert run.get_result(PATIENCE) is True

    async def main():
        other = process.call(approve, "y")
        complete(other.id, False, store=process.store)
        return await other

    assert asyncio.run(main()) is False
    assert isinstance(world, World)


@task(runner="pool")
def small(number: int) -> int:
    """A step in another process."""
    return number


@workflow
async def many_small(count: int) -> int:
    """So many steps beside each other."""
    return sum([await run for run in [small(number) for number in range(count)]])


@needs_fork
def test_steps_of_runners_share_commits(tmp_path):
    """What ends at the same time is written by one commit, though one thread tells of all of it."""
    store = open_store(f"sqlite:///{tmp_path}/woflo.db")
    commits, apply = [], store.apply

    def counted(operations):
        commits.append(sum(isinstance(one, Record) for one in operations))
        return apply(operations)

    store.apply = counted
    before = use_store(store)
    try:
        assert many_small(200).get_result() == 199 * 100
    finally:
        use_store(before)
        engine_of(store).close()
        store.close()
        PoolTaskRun.shutdown()
    assert sum(commits) == 200
    assert max(commits) > 1
    assert len(commits) < 150
