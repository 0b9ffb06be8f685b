"""A plain workflow in the thread pool of a web server, and an async one on its loop, side by side."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from woflo import sleep, task, use_store, wait_signal, workflow
from woflo.durable.choice import current_store
from woflo.durable.engine import engine_of
from woflo.stores.opening import open_store

REQUESTS = 12


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """The one of the server."""
    made = open_store("memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/woflo.db")
    before = use_store(made)
    engine_of(made).hold = 0.0
    yield made
    use_store(before)
    engine_of(made).close()
    made.close()


@task
def look_up(name: str) -> int:
    return len(name)


@task
async def fetch(name: str) -> tuple[int, int]:
    await asyncio.sleep(0)
    return len(name), threading.get_ident()


@workflow
def plain(name: str) -> int:
    beside = [look_up(name), look_up(name + "!")]
    sleep(0.05)
    return sum(run.get_result() for run in beside) + wait_signal("more")


@workflow
async def on_loop(name: str) -> list[int]:
    (first, thread), (second, _) = await asyncio.gather(fetch(name), fetch(name + "!"))
    await sleep(0.05)
    return [first + second + await wait_signal("more"), thread]


class Heart:
    """What the loop does beside: it beats as long as nobody blocks it."""

    def __init__(self):
        self.longest = 0.0

    async def beat(self):
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            self.longest = max(self.longest, loop.time() - before)


def handled(number):
    """A request, in a thread of the pool."""
    run = plain.with_options(key=f"p{number}")("x" * number)
    run.send("more", 100)
    return run.get_result(60)


async def handled_on_loop(number):
    """A request, on the loop."""
    run = on_loop.with_options(key=f"a{number}")("x" * number)
    run.send("more", 100)
    return await run


async def serve(pool, heart):
    """All requests at the same time, half of them each way."""
    beating = asyncio.create_task(heart.beat())
    loop = asyncio.get_running_loop()
    plains = [loop.run_in_executor(pool, handled, number) for number in range(REQUESTS)]
    asyncs = [handled_on_loop(number) for number in range(REQUESTS)]
    told = await asyncio.gather(*plains, *asyncs)
    beating.cancel()
    return told[:REQUESTS], told[REQUESTS:]


def test_side_by_side(store):
    """Each request has its own result; async code executes on the server's loop, which nobody blocks for long."""
    heart = Heart()
    with ThreadPoolExecutor(4) as pool:
        plains, asyncs = asyncio.run(asyncio.wait_for(serve(pool, heart), 60))
    expected = [2 * number + 101 for number in range(REQUESTS)]
    assert plains == expected
    assert [total for total, _ in asyncs] == expected
    assert {thread for _, thread in asyncs} == {threading.get_ident()}
    assert heart.longest < 5
    assert len([row for row in current_store().select(limit=1000) if row.is_terminal]) == 2 * REQUESTS


def test_the_same_key_from_both_sides_is_one_run(store):
    """A thread and the loop that ask for the same thing share it."""

    def asked():
        return plain.with_options(key="same")("xxx").get_result(60)

    async def main():
        with ThreadPoolExecutor(4) as pool:
            loop = asyncio.get_running_loop()
            others = [loop.run_in_executor(pool, asked) for _ in range(4)]
            run = plain.with_options(key="same")("xxx")
            run.send("more", 1)
            return [await run, *await asyncio.gather(*others)]

    assert asyncio.run(asyncio.wait_for(main(), 60)) == [8] * 5
    assert len(store.select()) == 1
