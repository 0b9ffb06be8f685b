"""A long wait ends the frame; whatever that does about it, the run waits in the store, and goes on."""

import asyncio
import contextlib
import threading

import pytest
from durable_helpers import PATIENCE, Log

from woflo import complete, gather, manual, task, workflow
from woflo.durable.inside import sleep, wait_signal
from woflo.durable.parking import Parked
from woflo.errors import NotInWorkflowError
from woflo.testing import wait_until

effects = Log()
code = {}


@pytest.fixture(autouse=True)
def fresh_effects():
    effects.lines.clear()


@task
def step(x: int) -> int:
    effects(x)
    return x


@workflow
def plain(name: str) -> int:
    return code[name]()


@workflow
async def coroutine(name: str) -> int:
    return await code[name]()


def of_plain(function):
    code[function.__name__] = function
    return pytest.param(plain, function.__name__, id=function.__name__)


def of_async(function):
    return pytest.param(coroutine, of_plain(function).values[1], id=function.__name__)


# -- constructs that swallow what ends the frame -------------------------------------------------------


def catching_exception():
    try:
        return step(1).get_result() + wait_signal("go")
    except Exception:
        return step(-1).get_result()


def catching_all():
    try:
        return step(1).get_result() + wait_signal("go")
    except BaseException:
        step(-1).get_result()
        return -1


def catching_bare_and_quiet():
    try:
        return step(1).get_result() + wait_signal("go")
    except:  # noqa: E722
        return -1


def returning_in_finally():
    value = -1
    try:
        value = step(1).get_result() + wait_signal("go")
    finally:
        return value  # noqa: B012


def calling_in_finally():
    try:
        return step(1).get_result() + wait_signal("go")
    finally:
        step(2).get_result()


def suppressing():
    value = -1
    with contextlib.suppress(BaseException):
        value = step(1).get_result() + wait_signal("go")
    return value


def waiting_again_after_suppressing():
    for _ in range(5):
        with contextlib.suppress(BaseException):
            return step(1).get_result() + wait_signal("go")
    return -1


class Asking:
    """Suppresses what is no `Exception`, as a careless `__exit__` does."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        return kind is not None and not issubclass(kind, Exception)


def careless_exit():
    with Asking():
        return step(1).get_result() + wait_signal("go")
    return -1


def in_a_generator():
    def values():
        try:
            yield step(1).get_result()
            yield wait_signal("go")
        finally:
            with contextlib.suppress(BaseException):
                step(-1).get_result()

    return sum(values())


def under_a_lock():
    lock = threading.Lock()
    with lock:
        value = step(1).get_result() + wait_signal("go")
    assert not lock.locked()
    return value


def raising_another():
    try:
        return step(1).get_result() + wait_signal("go")
    except BaseException as error:
        raise ValueError("not this") from error


def recursing():
    def down(depth):
        return down(depth - 1) if depth else step(1).get_result() + wait_signal("go")

    return down(50)


async def async_catching_exception():
    try:
        return await step(1) + await wait_signal("go")
    except Exception:
        return await step(-1)


async def async_catching_all():
    try:
        return await step(1) + await wait_signal("go")
    except BaseException:
        await step(-1)
        return -1


async def async_returning_in_finally():
    value = -1
    try:
        value = await step(1) + await wait_signal("go")
    finally:
        return value  # noqa: B012


async def async_suppressing():
    value = -1
    with contextlib.suppress(BaseException):
        value = await step(1) + await wait_signal("go")
    return value


async def gathering():
    return sum(await asyncio.gather(step(1), wait_signal("go")))


async def gathering_with_exceptions():
    values = await asyncio.gather(step(1), wait_signal("go"), return_exceptions=True)
    return sum(value if isinstance(value, int) else -100 for value in values)


async def in_a_task_group():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one()) for one in (stepped, signalled)]
    return sum(task.result() for task in tasks)


async def in_a_task_group_that_catches():
    try:
        return await in_a_task_group()
    except* BaseException:
        pass
    return -1


async def stepped():
    return await step(1)


async def signalled():
    return await wait_signal("go")


async def under_an_async_lock():
    lock = asyncio.Lock()
    async with lock:
        return await step(1) + await wait_signal("go")


async def in_an_async_generator():
    async def values():
        yield await step(1)
        yield await wait_signal("go")

    return sum([value async for value in values()])


async def in_a_thread():
    return await asyncio.to_thread(catching_exception)


async def shielded():
    return await step(1) + await asyncio.shield(asyncio.ensure_future(signalled()))


PLAIN = [
    *(catching_exception, catching_all, catching_bare_and_quiet, returning_in_finally, calling_in_finally, suppressing),
    *(waiting_again_after_suppressing, careless_exit, in_a_generator, under_a_lock, raising_another, recursing),
]
ASYNC = [
    *(async_catching_exception, async_catching_all, async_returning_in_finally, async_suppressing, gathering),
    *(gathering_with_exceptions, in_a_task_group, in_a_task_group_that_catches, under_an_async_lock),
    *(in_an_async_generator, in_a_thread, shielded),
]


@pytest.mark.parametrize(("kind", "name"), [*map(of_plain, PLAIN), *map(of_async, ASYNC)])
def test_what_the_frame_makes_of_parking_is_dropped(world, process, kind, name):
    """The run is parked, its steps are executed once, and the signal brings the result."""
    run = process.call(kind, name)
    world.until(run, "WAITING", "signal")
    assert not process.engine.executions or wait_until_gone(process)
    assert run.is_running()
    run.send("go", 10)
    assert run.get_result(PATIENCE) == 11
    assert effects.count(1) == 1
    assert effects.count(-1) == 0 or name == "in_a_generator"


def wait_until_gone(process):
    wait_until(lambda: not process.engine.executions, timeout=PATIENCE)
    return True


# -- what is parked, and when --------------------------------------------------------------------------


@manual
def approve(what: str) -> int: ...


@task
def add(x: int, y: int) -> int:
    effects("added")
    return x + y


def on_a_gathered_child():
    return sum(gather(approve("a"), approve("b")).get_result())


def on_a_dependency():
    return add(1, approve("a").ref).get_result()


def on_a_step_that_nobody_waits_for():
    add(1, approve("a").ref)
    return 5


async def async_on_a_gathered_child():
    return sum(await gather(approve("a"), approve("b")))


async def async_on_a_dependency():
    return await add(1, approve("a").ref)


async def async_on_a_step_that_nobody_waits_for():
    add(1, approve("a").ref)
    return 5


async def in_a_thread_of_its_own():
    return await asyncio.to_thread(lambda: approve("a").get_result())


RESTING = [on_a_gathered_child, on_a_dependency, on_a_step_that_nobody_waits_for]
RESTING_ASYNC = [
    *(async_on_a_gathered_child, async_on_a_dependency, async_on_a_step_that_nobody_waits_for, in_a_thread_of_its_own),
]


@pytest.mark.parametrize(("kind", "name"), [*map(of_plain, RESTING), *map(of_async, RESTING_ASYNC)])
def test_whatever_rests_on_what_takes_long_is_parked(world, process, kind, name):
    """A group, a step, or the end of the workflow that waits for a person holds no thread."""
    run = process.call(kind, name)
    world.until(run, "WAITING", "run")
    wait_until_gone(process)
    asked = [row for row in world.store.steps(run.id) if row.task == "approve"]
    for row in asked:
        complete(row.id, 10, store=process.store)
    expected = {1: 11, 2: 20}[len(asked)]
    assert run.get_result(PATIENCE) == {"nobody": 5, "thread_of": 10}.get(named(name), expected)


def named(name):
    return next((part for part in ("nobody", "thread_of") if part in name), "")


def test_a_workflow_is_not_parked_under_a_step_that_executes(world, process, gate):
    """The step ends and is recorded first, so that it is not executed twice."""

    @task
    def slow(x: int) -> int:
        effects("slow")
        assert gate.wait(PATIENCE)
        return x

    def body():
        run = slow(1)
        return wait_signal("go") + run.get_result()

    code["beside"] = body
    run = process.call(plain, "beside")
    wait_for_line("slow")
    assert world.row(run).state == "RUNNING"
    gate.set()
    world.until(run, "WAITING", "signal")
    run.send("go", 1)
    assert run.get_result(PATIENCE) == 2
    assert effects.count("slow") == 1


def wait_for_line(line):
    wait_until(lambda: effects.count(line), timeout=PATIENCE)


@pytest.fixture
def gate():
    event = threading.Event()
    yield event
    event.set()


def test_a_thread_of_ones_own_is_refused_by_name(process):
    """It has no place in the journal; the error says where the call belongs."""
    errors = []

    def body():
        def elsewhere():
            for call in (lambda: sleep(1), lambda: wait_signal("go")):
                try:
                    call()
                except NotInWorkflowError as error:
                    errors.append(str(error))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return 1

    code["threads"] = body
    assert process.call(plain, "threads").get_result(PATIENCE) == 1
    assert len(errors) == 2
    assert "sleep" in errors[0] and "wait_signal" in errors[1]


@pytest.mark.parametrize("call", [lambda: sleep(1), lambda: wait_signal("a")])
def test_outside_of_a_workflow_it_is_refused(call):
    with pytest.raises(NotInWorkflowError):
        call()


def test_a_step_cannot_sleep_for_its_workflow(process):
    """Inside a step recording is off, and waiting for long is refused by name."""

    @task
    def sleeping() -> int:
        sleep(1)

    code["step"] = lambda: sleeping().get_result()
    with pytest.raises(NotInWorkflowError, match="step"):
        process.call(plain, "step").get_result(PATIENCE)


def test_parked_is_no_exception():
    """Code that catches `Exception` does not stop it."""
    assert not issubclass(Parked, Exception)
