"""While an async workflow has something written, its event loop goes on, with other workflows and all else there is."""

import asyncio
import threading

import pytest
from durable_helpers import PATIENCE, Log

from woflo import current_run, task, use_store, wait_signal, workflow
from woflo.durable.engine import engine_of
from woflo.errors import TaskStoppedError
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import Publish, Record, Send, TakeSignal
from woflo.testing import wait_until

effects = Log()


class SlowStore(MemoryStore):
    """Keeps nothing of one kind until it is told to."""

    def __init__(self):
        super().__init__()
        self.slow = ()
        self.reached, self.goes_on = threading.Event(), threading.Event()

    def apply(self, operations):
        if any(isinstance(one, self.slow) and getattr(one, "calls", True) for one in operations):
            self.reached.set()
            assert self.goes_on.wait(PATIENCE), "the loop stood still until this was kept"
        return super().apply(operations)


@pytest.fixture
def store():
    effects.lines.clear()
    made = SlowStore()
    before = use_store(made)
    yield made
    made.goes_on.set()
    use_store(before)
    engine_of(made).close()
    made.close()


@task(runner="queue")
def queued() -> None: ...


@workflow
def child(x: int) -> int:
    effects("child")
    return 2 * x


@workflow
async def child_async(x: int) -> int:
    effects("child")
    await asyncio.sleep(0)
    return 2 * x


@workflow
async def calls() -> int:
    return await child(1) + await child_async(2)


@workflow
async def receives() -> int:
    return await wait_signal("go")


@workflow
async def publishes() -> int:
    current_run().publish("name", 6)
    return 6


async def until(event):
    """Turns of the loop, until something has happened in another thread."""
    while not event.is_set():
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("kind", "slow", "result"),
    [(calls, Record, 6), (receives, TakeSignal, 7), (publishes, Publish, 6)],
    ids=["a child", "a signal", "what is published"],
)
def test_the_loop_goes_on_meanwhile(store, kind, slow, result):
    """Its other coroutines have their turns while the store is at it."""
    store.slow = slow

    async def main():
        run = kind()
        await until(store.reached)
        if kind is receives:
            threading.Thread(target=run.send, args=("go", 7)).start()
        assert run.is_running()
        store.goes_on.set()
        return await run

    assert asyncio.run(asyncio.wait_for(main(), PATIENCE)) == result


def test_what_is_written_about_a_child_comes_after_it(store):
    """A signal finds it, however long it takes to keep the child."""

    @workflow
    async def hands_on() -> int:
        run = receives()
        run.send("go", 1)
        return await run

    assert hands_on().get_result(PATIENCE) == 1


def test_a_child_that_is_stopped_before_it_is_kept(store):
    """It is stopped when it is."""
    store.slow = Record

    @workflow
    async def changes_its_mind() -> str:
        run = receives()
        effects("called")
        run.stop()
        try:
            await run
        except TaskStoppedError:
            return "stopped"

    run = changes_its_mind()
    wait_until(lambda: effects.count("called"), timeout=PATIENCE)
    store.goes_on.set()
    assert run.get_result(PATIENCE) == "stopped"
    assert {row.state for row in store.steps(run.id)} == {"STOPPED"}


def test_a_signal_that_is_taken_when_its_branch_is_cancelled(store, monkeypatch):
    """It is received: what the store has given out is lost to nobody."""
    store.slow = TakeSignal
    apply = store.apply

    def sent_before(operations):
        takes = [one for one in operations if isinstance(one, TakeSignal)]
        if takes and not store.reached.is_set():
            run_id = takes[0].claim.run_id
            MemoryStore.apply(store, [Send(now=1.0, id=n, run_id=run_id, name="go", value=n) for n in ("1", "2")])
        return apply(operations)

    monkeypatch.setattr(store._committer, "_apply", sent_before)

    @workflow
    async def impatient() -> list[int]:
        async def receiving() -> int:
            return await wait_signal("go")

        waiting = asyncio.create_task(receiving())
        await until(store.reached)
        waiting.cancel()
        await asyncio.sleep(0)
        store.goes_on.set()
        return [await waiting, await wait_signal("go")]

    assert impatient().get_result(PATIENCE) == [1, 2]


@pytest.mark.parametrize("kind", [child, child_async], ids=["plain", "async"])
def test_a_child_whose_loop_ends_before_it_is_kept(store, kind):
    """It is executed: nobody else would do that as long as this process lives."""
    store.slow = Record

    @workflow
    async def leaves() -> int:
        return await kind(1)

    async def main():
        leaves()
        await until(store.reached)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
    store.goes_on.set()
    wait_until(lambda: effects.count("child") == 1, timeout=PATIENCE)
