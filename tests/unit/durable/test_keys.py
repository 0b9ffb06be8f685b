"""A key names one run: who calls with it attaches to that run, in whatever state it is."""

import pytest
from durable_helpers import PATIENCE

from woflo import Worker, task, workflow
from woflo.durable.execution import LOOK_AGAIN
from woflo.durable.inside import wait_signal
from woflo.errors import KeyConflictError, TaskStoppedError
from woflo.stores.operations import RequestStop, Send
from woflo.testing import wait_until


@task
def step(x: int, log_name: str) -> int:
    LOGS[log_name](x)
    return x


LOGS = {}


@workflow
def plain(x: int) -> int:
    value = step(x, "log").get_result()
    return value + wait_signal("more")


@workflow
async def coroutine(x: int) -> int:
    value = await step(x, "log")
    return value + await wait_signal("more")


@workflow
def failing(x: int) -> int:
    raise ValueError(f"no {x}")


both = pytest.mark.parametrize("kind", [plain, coroutine], ids=["plain", "async"])


@pytest.fixture(autouse=True)
def log_of_steps(log):
    LOGS["log"] = log
    yield
    LOGS.clear()


@both
def test_two_handles_of_one_run_both_get_its_result(process, kind, log):
    """Called again with the key, the step is not executed again, and each handle ends."""
    first, second = (process.call(kind, 3, key="k") for _ in range(2))
    assert first.id == second.id
    first.send("more", 4)
    assert [run.get_result(PATIENCE) for run in (first, second)] == [7, 7]
    assert log.lines == [3]


@both
def test_it_attaches_to_a_run_that_is_parked(world, process, kind, log):
    """From another process too, which goes on with it when it is woken."""
    first = process.call(kind, 3, key="k")
    world.until(first, "WAITING", "signal")
    other = world.process()
    second = other.call(kind, 3, key="k")
    process.die()
    second.send("more", 4)
    assert second.get_result(PATIENCE) == 7
    assert log.lines == [3]


@both
def test_it_attaches_to_a_run_that_has_succeeded(world, process, kind, log):
    """Its result is there at once, in every process."""
    first = process.call(kind, 3, key="k")
    first.send("more", 4)
    first.get_result(PATIENCE)
    assert world.process().call(kind, 3, key="k").get_result(0) == 7
    assert log.lines == [3]


def test_it_attaches_to_a_run_that_has_failed(world, process):
    """The failure is told again; it is not tried again."""
    with pytest.raises(ValueError, match="no 3"):
        process.call(failing, 3, key="k").get_result(PATIENCE)
    with pytest.raises(ValueError, match="no 3"):
        world.process().call(failing, 3, key="k").get_result(0)


@both
def test_it_attaches_to_a_run_that_was_stopped(world, process, kind):
    """It stays stopped."""
    first = process.call(kind, 3, key="k")
    assert first.stop()
    for run in (first, world.process().call(kind, 3, key="k")):
        with pytest.raises(TaskStoppedError):
            run.get_result(PATIENCE)


@both
def test_other_arguments_are_a_conflict(process, kind):
    """The error comes at the call and names the key; the run that was there goes on."""
    run = process.call(kind, 3, key="k")
    with pytest.raises(KeyConflictError, match="k"):
        process.call(kind, 4, key="k")
    run.send("more", 1)
    assert run.get_result(PATIENCE) == 4


def test_a_key_belongs_to_its_task(process):
    """Two tasks may use the same one."""
    runs = [process.call(kind, 3, key="k") for kind in (plain, coroutine)]
    assert runs[0].id != runs[1].id
    for run in runs:
        run.send("more", 1)
        assert run.get_result(PATIENCE) == 4


@workflow
def keyed_child(where: str) -> int:
    value = step(3, "log").get_result() if where == "a value" else step(3, "log")
    result = plain.with_options(key="child")(value).get_result()
    wait_signal("go")
    return result


@workflow
async def keyed_child_async(where: str) -> int:
    value = await step(3, "log") if where == "a value" else step(3, "log")
    result = await plain.with_options(key="child")(value)
    await wait_signal("go")
    return result


@pytest.mark.parametrize("kind", [keyed_child, keyed_child_async], ids=["plain", "async"])
@pytest.mark.parametrize("where", ["a value", "a handle"])
@pytest.mark.parametrize("first", [True, False], ids=["called inside first", "called outside first"])
def test_a_handle_stands_for_its_value(world, process, kind, where, first):
    """A call by a key in a workflow and one from outside are the same call, also when the workflow is replayed."""
    outside = None if first else process.call(plain, 3, key="child")
    run = process.call(kind, where, key="k")
    world.until(run, "WAITING", "run")
    outside = outside or process.call(plain, 3, key="child")
    with pytest.raises(KeyConflictError):
        process.call(plain, 4, key="child")
    outside.send("more", 4)
    world.until(run, "WAITING", "signal")
    process.die()
    again = world.process().call(kind, where, key="k")
    again.send("go")
    assert again.get_result(PATIENCE) == 7


@pytest.mark.parametrize("kind", [keyed_child, keyed_child_async], ids=["plain", "async"])
def test_nobody_follows_the_one_that_waits(world, process, clock, kind):
    """It looks by itself from time to time whether the run of others has ended."""
    outside = process.call(plain, 3, key="child")
    run = process.call(kind, "a value", key="k")
    world.until(run, "WAITING", "run")
    process.die()
    worker = Worker([kind, plain], world.process().store)
    worker.start()
    worker.engine.store.write(Send(now=clock.now(), id="s", run_id=outside.id, name="more", value="4"))
    wait_until(lambda: world.row(outside).is_terminal, timeout=PATIENCE)
    clock.advance(LOOK_AGAIN)
    world.until(run, "WAITING", "signal")
    assert worker.drain(PATIENCE)
    world.store.write(RequestStop(now=clock.now(), run_id=run.id))


@both
def test_without_a_key_each_call_is_a_run(process, kind):
    """Calls of the same arguments are different runs."""
    assert process.call(kind, 3).id != process.call(kind, 3).id
