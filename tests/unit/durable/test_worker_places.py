"""How many calls a worker executes at once, and which."""

import threading

import pytest

from woflo import Worker, task, use_store, workflow
from woflo.durable.engine import engine_of
from woflo.errors import OptionError, UnknownNameError
from woflo.kernel import clock
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import Submit
from woflo.stores.rows import Row
from woflo.testing import wait_until

begun: set[str] = set()
go: dict[str, threading.Event] = {}


def hold(name):
    begun.add(name)
    go.setdefault(name, threading.Event()).wait(30)
    return name


@task(runner="queue")
def held(name: str) -> str:
    return hold(name)


@task(runner="queue")
def other(name: str) -> str:
    return hold(name)


@workflow
def flow(name: str) -> str:
    return hold(name)


@task(runner="queue")
def quick(name: str) -> str:
    return name


@pytest.fixture
def store():
    store = MemoryStore()
    before = use_store(store)
    begun.clear()
    go.clear()
    yield store
    for event in go.values():
        event.set()
    use_store(before)
    engine_of(store).close()
    store.close()


def let_go(name):
    go.setdefault(name, threading.Event()).set()


def let_all_go(names):
    for name in names:
        let_go(name)


def test_a_place_that_becomes_free_is_used(store):
    """Though most of the calls that were claimed with that one take long."""
    runs = [held(name) for name in "abcde"]
    with Worker([held], concurrency=4):
        wait_until(lambda: begun == set("abcd"))
        let_go("a")
        wait_until(lambda: "e" in begun)
        let_all_go("bcde")
        assert [run.get_result(10) for run in runs] == list("abcde")


def test_a_task_has_a_limit_of_its_own(store):
    """What is above it stays queued; calls of others pass, whatever the priorities."""
    runs = [held.with_options(priority=9)(name) for name in "abc"] + [other("x")]
    with Worker([held, other], concurrency=8, limits={"held": 1}):
        wait_until(lambda: begun == {"a", "x"})
        let_go("a")
        wait_until(lambda: "b" in begun)
        assert "c" not in begun
        let_all_go("bcx")
        assert [run.get_result(10) for run in runs] == ["a", "b", "c", "x"]


def test_workflows_have_limits_too(store):
    """Those that were called elsewhere."""
    names = ["f", "g", "h"]
    rows = tuple(Row(id=name, task="flow", args=f'{{"name":"{name}"}}') for name in names)
    store.write(Submit(now=clock.now(), runs=rows))
    with Worker([flow, quick], limits={"flow": 2}):
        wait_until(lambda: begun == {"f", "g"})
        assert quick("beside").get_result(10) == "beside"
        assert "h" not in begun
        let_go("f")
        wait_until(lambda: "h" in begun)
        let_all_go("gh")
        wait_until(lambda: all(store.get(name).is_terminal for name in names))


def test_what_is_under_way_ends_before_the_worker(store):
    """Calls and workflows; what comes later stays queued."""
    run = held("a")
    worker = Worker([held, quick])
    worker.start()
    wait_until(lambda: "a" in begun)
    assert not worker.drain(timeout=0.01)
    later = quick("later")
    let_go("a")
    assert run.get_result(10) == "a"
    assert worker.drain(timeout=10)
    assert store.get(later.id).fence == 0
    later.stop()


def test_its_threads_end_with_it(store):
    """They do not wait for calls that nobody will give them."""
    before = set(threading.enumerate())
    with Worker([quick]):
        quick("a").get_result(10)
    of_calls = {thread for thread in threading.enumerate() if thread.name == "woflo-thread"} - before
    wait_until(lambda: not any(thread.is_alive() for thread in of_calls), timeout=5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"limits": {"held": 0}}, "limits: held=0 must be"),
        ({"limits": {"helt": 1}}, "'helt' is none of the tasks served"),
    ],
)
def test_limits_that_cannot_be_meant(store, options, told):
    """They are told at once."""
    with pytest.raises(OptionError, match=told):
        Worker([held], **options)


def test_an_unknown_runner_is_told_at_once(store):
    """Not at the first call."""
    with pytest.raises(UnknownNameError, match="did you mean 'thread'"):
        Worker([held], runner="tread")


@pytest.mark.parametrize("queue", ["", "  ", "a\0b", 3])
def test_a_queue_that_no_call_can_be_in_is_refused(queue):
    """A worker would wait at it for ever."""
    with pytest.raises(OptionError, match=r"queue="):
        Worker([held], MemoryStore(), queues=["default", queue])
