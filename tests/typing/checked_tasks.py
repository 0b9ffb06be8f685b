"""What type checkers must say of tasks. Never executed: mypy and pyright read it.

A line with `# type: ignore[...]` must be an error for mypy (unused ones are errors), and one with
`# pyright: ignore[...]` for pyright.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import assert_type

from woflo import BaseTaskRun, Executor, Task, as_completed, gather, inject, quote, task, wait
from woflo.runners import ThreadTaskRun


@task
def add(a: int, b: int = 0) -> int:
    return a + b


@task(retries=2, retry_sleep_time=0.5, runner="thread")
def fetch(url: str, *, limit: int = 10) -> bytes:
    return url.encode()[:limit]


@task
async def slow_add(a: int, b: int) -> int:
    return a + b


@task(runner=ThreadTaskRun)
async def slow_fetch(url: str) -> bytes:
    return url.encode()


@dataclass
class Area:
    width: int
    height: int = 2

    def run(self) -> float:
        return self.width * self.height


class SlowArea:
    def __init__(self, width: int) -> None:
        self.width = width

    async def run(self) -> str:
        return str(self.width)


# Mypy takes no notice of what a decorator makes of a class, so both are asked about the call.
area = task(Area)
slow_area = task(runner="async")(SlowArea)


# -- the value of a call

assert_type(add(1, 2), BaseTaskRun[int])
assert_type(add(1, 2).get_result(), int)
assert_type(add(1, b=2).get_result(timeout=3), int)
assert_type(slow_add(1, 2).get_result(), int)
assert_type(fetch("x", limit=3).get_result(), bytes)
assert_type(slow_fetch("x").get_result(), bytes)
assert_type(area(1, 2).get_result(), float)
assert_type(slow_area(1).get_result(), str)
assert_type(add(1).get_result(raise_exceptions=True), int)
assert_type(add(1).get_result(raise_exceptions=False), int | BaseException)
assert_type(add(1).exception(), BaseException | None)
assert_type(add(1).wait(3), bool)
assert_type(add(1).stop(grace=1), bool)

# -- the arguments

add("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
add()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
add(1, c=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
fetch("x", 3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
slow_add(1, "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
add(add(1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# -- what is injected


@task
def sized(width: int, area: Area = inject()) -> float:
    return width * area.run()


assert_type(sized(1).get_result(), float)
assert_type(sized(1, Area(2)).get_result(), float)
sized(1, 2)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# -- a handle for its value

assert_type(add(1).ref, int)
assert_type(add(add(1, 2).ref, 3).get_result(), int)
add(fetch("x").ref)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
assert_type(quote([1, 2]), list[int])
add(quote(1))

# -- other options, the same signature

assert_type(add.with_options(timeout=3)(1).get_result(), int)
add.with_options(timeout=3)("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
add.with_options(after=fetch("x"))(1)
add.with_options(after=[fetch("x"), add(1)])(1)
add.with_options(retries="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
add.with_options(unknown=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
task(retries="2")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]

# -- several runs

assert_type(gather(add(1), add(2)), BaseTaskRun[list[int]])
assert_type(gather(add(1), add(2), fail_fast=True).get_result(), list[int])
assert_type(next(iter(as_completed([add(1)]))), BaseTaskRun[int])
assert_type(next(add.map([1, 2])), BaseTaskRun[int])
assert_type(add.map([1, 2], b=3).results(), Iterator[int])
assert_type([run.get_result() for run in add.map(range(3))], list[int])
assert_type(wait([add(1), fetch("x")]).done, set[BaseTaskRun[object]])  # type: ignore[assert-type]  # pyright: ignore[reportAssertTypeFailure]


async def awaited() -> None:
    assert_type(await add(1), int)
    assert_type(await slow_add(1, 2), int)
    assert_type(await gather(fetch("x")), list[bytes])
    assert_type(await asyncio.gather(add(1), fetch("x")), tuple[int, bytes])
    async for run in as_completed([fetch("x")]):
        assert_type(run, BaseTaskRun[bytes])
    async for mapped in add.map([1]):
        assert_type(mapped, BaseTaskRun[int])


# -- what is made of what

typed: Task[..., int] = add
with Executor("thread", max_workers=2) as executor:
    assert_type(executor.submit(pow, 2, 3).done(), bool)
    executor.submit(len, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

add(1).add_done_callback(lambda run: assert_type(run, BaseTaskRun[int]))
stream: AsyncIterator[BaseTaskRun[int]] = aiter(as_completed([add(1)]))
