"""What was raised is gone when nobody holds it any more, without the garbage collector: no cycle keeps it."""

import asyncio
import gc
import logging
import threading
import weakref

import pytest
from systems import HAS_PROCESSES, needs_fork
from unit_helpers import eventually

from woflo import task
from woflo.errors import WofloError
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.runners.multiprocess import SpawnProcess

RUNNERS = {
    "sequential": "sequential",
    "thread": "thread",
    "async": "async",
}
if HAS_PROCESSES:
    RUNNERS["process"] = MultiprocessTaskRun
    RUNNERS["spawn"] = MultiprocessTaskRun.configured(process_type=SpawnProcess)
    RUNNERS["pool"] = PoolTaskRun.configured(max_concurrency=1)


class OwnError(Exception):
    """One that can be referred to weakly."""


def fail():
    raise OwnError


async def fail_async():
    raise OwnError


def leave():
    raise SystemExit(3)


def make_lock():
    """Fails where a result has to leave its process."""
    return threading.Lock()


@pytest.fixture(autouse=True)
def nobody_helps():
    """No garbage is collected, and no log handler keeps what it is told of."""
    gc.disable()
    logging.disable()
    yield
    logging.disable(logging.NOTSET)
    gc.enable()


@pytest.fixture(params=RUNNERS)
def runner(request):
    chosen = RUNNERS[request.param]
    yield chosen
    if request.param == "pool":
        chosen.shutdown()


def by_get_result(call):
    """A weak reference to what `get_result` raises."""
    try:
        call().get_result(20)
    except (OwnError, WofloError) as error:
        return weakref.ref(error)


def by_await(call):
    """The same for `await`. What comes out of `asyncio.run` itself is kept by asyncio."""

    async def main():
        try:
            await call()
        except (OwnError, WofloError) as error:
            return weakref.ref(error)

    return asyncio.run(main())


@needs_fork
@pytest.mark.parametrize("raised", [by_get_result, by_await])
@pytest.mark.parametrize("fn", [fail, leave])
def test_what_a_task_raised(runner, fn, raised):
    """Its exception, or that of its crash, is gone once its handle is dropped."""
    reference = raised(task(runner=runner)(fn))
    assert reference is not None
    eventually(lambda: reference() is None, timeout=5)


@needs_fork
@pytest.mark.parametrize("raised", [by_get_result, by_await])
@pytest.mark.parametrize("kind", ["async", "process"])
def test_what_a_coroutine_raised(kind, raised):
    """So is that of a coroutine function, on a loop or in another process. (`asyncio.run` keeps what it raises.)"""
    reference = raised(task(runner=RUNNERS[kind])(fail_async))
    assert reference is not None
    eventually(lambda: reference() is None, timeout=5)


@needs_fork
@pytest.mark.parametrize("raised", [by_get_result, by_await])
@pytest.mark.parametrize("kind", ["process", "spawn", "pool"])
def test_what_could_not_travel(kind, raised):
    """So is the error of a result that could not be packed."""
    reference = raised(task(runner=RUNNERS[kind])(make_lock))
    assert reference is not None
    eventually(lambda: reference() is None, timeout=5)
    if kind == "pool":
        RUNNERS[kind].shutdown()


def test_what_the_input_of_a_map_raised():
    """So is what a map was told by its input."""

    def rows():
        yield 1
        raise OwnError

    def read():
        try:
            list(task(runner="sequential")(abs).map(rows()))
        except OwnError as error:
            return weakref.ref(error)

    reference = read()
    assert reference is not None
    eventually(lambda: reference() is None, timeout=5)
