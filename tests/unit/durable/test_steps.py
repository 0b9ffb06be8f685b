"""Steps: what is recorded of them, however they execute, and how they end."""

import asyncio
import threading
from dataclasses import dataclass

import pytest
from durable_helpers import PATIENCE, Log

from woflo import RunState, current_run, gather, task, workflow
from woflo.durable.inside import wait_signal
from woflo.errors import SerializationError, StoredFailureError, TaskTimeoutError, UpstreamFailedError

effects = Log()
code = {}


@pytest.fixture(autouse=True)
def fresh():
    effects.lines.clear()


@workflow
def plain() -> object:
    told = code["body"]()
    wait_signal("go")
    return told


@workflow
async def coroutine() -> object:
    told = await code["body"]()
    await wait_signal("go")
    return told


def executed_twice(world, process, kind, body):
    """What it gives in a second process, from its journal; the steps are not executed there."""
    code["body"] = body
    run = process.call(kind, key="k")
    world.until(run, "WAITING", "signal")
    done = list(effects.lines)
    process.die()
    again = world.process().call(kind, key="k")
    again.send("go")
    told = again.get_result(PATIENCE)
    assert effects.lines == done
    return told


class OwnError(Exception):
    def __init__(self, code, text):
        super().__init__(code, text)
        self.code = code


@task
def failing() -> int:
    effects("failing")
    raise OwnError(7, "seven")


@task
async def failing_async() -> int:
    effects("failing")
    raise OwnError(7, "seven")


def test_a_failure_is_raised_as_itself(world, process):
    """With its class and its arguments, from the record too."""

    def body():
        try:
            failing().get_result()
        except OwnError as error:
            return [type(error).__name__, *error.args]

    assert executed_twice(world, process, plain, body) == ["OwnError", 7, "seven"]


def test_a_failure_is_raised_as_itself_in_coroutines(world, process):
    async def body():
        try:
            await failing_async()
        except OwnError as error:
            return [type(error).__name__, *error.args]

    assert executed_twice(world, process, coroutine, body) == ["OwnError", 7, "seven"]


def test_a_failure_of_a_class_that_is_gone_is_told_all_the_same(world, process):
    """By its name and its text."""

    @task
    def local() -> int:
        class GoneError(Exception):
            pass

        raise GoneError("as it was")

    def body():
        try:
            local().get_result()
        except StoredFailureError as error:
            return [error.type_name.rpartition(".")[2], str(error)]
        except Exception as error:
            return [type(error).__name__, str(error)]

    name, text = executed_twice(world, process, plain, body)
    assert name == "GoneError" and "as it was" in text


@task(retries=3)
def third_time() -> int:
    effects("try")
    number = current_run().attempt
    if number < 3:
        raise ValueError(number)
    return number


@task(retries=3, retry_sleep_time=0.001)
async def third_time_async() -> int:
    effects("try")
    number = current_run().attempt
    if number < 3:
        raise ValueError(number)
    return number


@pytest.mark.parametrize("step", [third_time, third_time_async, third_time.with_options(retry_sleep_time=0.001)])
@pytest.mark.parametrize("kind", [plain, coroutine], ids=["plain", "async"])
def test_a_step_is_retried_before_it_is_recorded(world, process, kind, step):
    """Its record has the number of attempts; another process does not begin anew."""

    def body():
        return step().get_result()

    async def async_body():
        return await step()

    assert executed_twice(world, process, kind, body if kind is plain else async_body) == 3
    assert effects.count("try") == 3
    (row, *_) = world.store.snapshot().runs[1:]
    assert row.attempt == 3


def test_a_timeout_is_recorded(world, process):
    """It is told again though the code would be quick now."""
    gate = threading.Event()

    @task(timeout=0.05)
    def slow() -> int:
        effects("slow")
        gate.wait(PATIENCE)
        return 1

    def body():
        try:
            return slow().get_result()
        except TaskTimeoutError:
            gate.set()
            return "too slow"

    assert executed_twice(world, process, plain, body) == "too slow"


def test_a_timeout_of_a_coroutine_is_recorded(world, process):
    @task(timeout=0.05)
    async def slow() -> int:
        effects("slow")
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            effects("ended")

    async def body():
        try:
            return await slow()
        except TaskTimeoutError:
            return "too slow"

    assert executed_twice(world, process, coroutine, body) == "too slow"
    assert effects.lines == ["slow", "ended"]


def test_a_result_that_cannot_be_stored_is_a_failure(world, process):
    """The error names the task; it is recorded, and not tried again."""

    @task
    def strange() -> object:
        effects("strange")
        return threading.Lock()

    def body():
        try:
            strange().get_result()
        except SerializationError as error:
            return str(error)

    assert "strange" in executed_twice(world, process, plain, body)


def test_an_argument_that_cannot_be_stored_is_told_at_the_call(world, process):
    def body():
        try:
            echo(threading.Lock())
        except SerializationError as error:
            return str(error)

    assert "'x'" in executed_twice(world, process, plain, body)


@task
def echo(x: object) -> object:
    effects("echo")
    return x


@task
def numbered(x: int) -> int:
    effects("numbered")
    return x


@pytest.mark.parametrize("runner", ["sequential", "thread", "async", "multiprocess", "pool"])
def test_a_named_runner_executes_it(world, process, runner):
    """The record is the same as without."""

    def body():
        return numbered.with_options(runner=runner)(5).get_result()

    async def async_body():
        return await numbered.with_options(runner=runner)(5)

    assert executed_twice(world, process, plain, body) == 5
    effects.lines.clear()
    second = type(world)()
    try:
        assert executed_twice(second, second.process(), coroutine, async_body) == 5
    finally:
        second.close()


@pytest.mark.parametrize("runner", [None, "thread", "multiprocess"])
def test_what_nobody_waits_for_is_executed_all_the_same(world, process, runner):
    """Before the workflow ends, and recorded."""

    @workflow
    def forgetful() -> int:
        for number in range(3):
            numbered.with_options(runner=runner)(number)
        return 1

    run = process.call(forgetful)
    assert run.get_result(PATIENCE) == 1
    assert world.steps(run) == [("numbered", "SUCCEEDED")] * 3


def test_handles_are_arguments(world, process):
    """A step that depends on others begins when they have ended; its own record holds where its value came from."""

    @task
    def add(numbers: list[int], more: int) -> int:
        effects("add")
        return sum(numbers) + more

    def body():
        return add([numbered(1).ref, numbered(2).ref], numbered(3).ref).get_result()

    assert executed_twice(world, process, plain, body) == 6
    assert effects.count("add") == 1


def test_what_depends_on_a_failure_is_not_executed(world, process):
    """The failure of the first is the cause, from the journal too."""

    def body():
        try:
            echo(failing()).get_result()
        except UpstreamFailedError as error:
            return repr(error.__cause__)

    assert "seven" in executed_twice(world, process, plain, body)
    assert effects.lines == ["failing"]


def test_a_class_is_a_step(world, process):
    @task
    @dataclass
    class Adding:
        x: int

        def on_create(self):
            effects("create")

        def run(self) -> int:
            return self.x + 1

    def body():
        return Adding(4).get_result()

    assert executed_twice(world, process, plain, body) == 5
    assert effects.lines == ["create"]


def test_calls_inside_of_a_step_are_plain_runs(world, process):
    """They leave no record of their own."""

    @task
    def outer() -> int:
        return numbered.with_options(runner="thread")(2).get_result() + 1

    def body():
        return outer().get_result()

    assert executed_twice(world, process, plain, body) == 3
    tasks = [row.task for row in world.store.snapshot().runs]
    assert "outer" in tasks and "numbered" not in tasks


@workflow
def child(x: int) -> int:
    if x < 0:
        raise OwnError(x, "below")
    return numbered(x).get_result() + 1


@workflow
async def async_child(x: int) -> int:
    if x < 0:
        raise OwnError(x, "below")
    return await numbered(x) + 1


@pytest.mark.parametrize("inner", [child, async_child], ids=["plain", "async"])
@pytest.mark.parametrize("kind", [plain, coroutine], ids=["in plain", "in async"])
def test_children_are_recorded_under_their_parent(world, process, kind, inner):
    """A plain one in an async one and the other way round; the failure of one is told as itself."""

    def body():
        values = gather(*(inner(number) for number in range(3))).get_result()
        try:
            inner(-1).get_result()
        except OwnError as error:
            return [*values, error.code]

    async def async_body():
        values = await gather(*(inner(number) for number in range(3)))
        try:
            await inner(-1)
        except OwnError as error:
            return [*values, error.code]

    assert executed_twice(world, process, kind, body if kind is plain else async_body) == [1, 2, 3, -1]


def test_more_parents_than_threads_wait_for_their_children(world, process):
    """Nesting does not run into limits: who waits gives its place to its child."""
    code["body"] = lambda: None

    @workflow
    def parent(x: int) -> int:
        return sum(gather(child(x), child(x)).get_result())

    runs = [process.call(parent, number) for number in range(80)]
    assert [run.get_result(3 * PATIENCE) for run in runs] == [2 * number + 2 for number in range(80)]


def test_the_same_idempotency_key_comes_again(world, process):
    """In each attempt, and in another process after a crash."""
    keys = []

    @task(retries=1)
    def keyed() -> int:
        keys.append(current_run().idempotency_key)
        if len(keys) < 2:
            raise ValueError
        return 1

    @task
    def second() -> int:
        keys.append(current_run().idempotency_key)
        return 1

    def body():
        return keyed().get_result() + second().get_result()

    executed_twice(world, process, plain, body)
    assert keys[0] == keys[1] != keys[2]


def test_a_step_shows_its_state(process):
    """A handle from the journal looks as any that has ended."""

    @workflow
    def looking() -> list[str]:
        run = numbered(1)
        run.get_result()
        return [str(run.state), str(run.attempt), run.id.rpartition(":")[2]]

    assert process.call(looking).get_result(PATIENCE) == [str(RunState.SUCCEEDED), "1", "0"]
