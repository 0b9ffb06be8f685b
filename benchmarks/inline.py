"""Calls that leave neither the process nor the thread: sequential, and on asyncio's loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from benchmarks import work
from benchmarks.model import Body, Figure, at_most, floor, ours, plain, upstream, within


@contextmanager
def woflo_sequential() -> Iterator[Body]:
    """A call with its handle, its states and its value, done when the call returns."""
    from woflo import task

    add_one = task(runner="sequential")(work.add_one)
    yield lambda n: sum(add_one(i).get_result() for i in range(n))


def plain_calls(n: int) -> int:
    """The floor: the function itself. What is over it is the price of a handle."""
    return sum(work.add_one(i) for i in range(n))


# On asyncio's loop. The coroutine awaits nothing, so that all that is measured is the making,
# waking and gathering of handles. The floor is what asyncio itself takes for that.


def in_a_loop(gathered: Callable[[int], Awaitable[list[int]]]) -> Body:
    """Run it in a fresh loop; a loop costs a hundredth of the 10,000 calls in it."""

    async def main(n: int) -> int:
        return sum(await gathered(n))

    def body(n: int) -> int:
        import asyncio

        return asyncio.run(main(n))

    return body


async def tasks_gathered(n: int) -> list[int]:
    """`create_task` for each, then `asyncio.gather`."""
    import asyncio

    tasks = [asyncio.create_task(work.add_one_async(i)) for i in range(n)]
    return await asyncio.gather(*tasks)


@contextmanager
def woflo_gathered() -> Iterator[Body]:
    """Calls on the running loop, gathered by woflo."""
    from woflo import gather, task

    add_one = task(runner="async")(work.add_one_async)

    async def gathered(n: int) -> list[int]:
        return list(await gather(*[add_one(i) for i in range(n)]))

    yield in_a_loop(gathered)


FIGURES = [
    Figure(
        name="sequential",
        title="sequential call",
        unit="call",
        n=20_000,
        quick=5_000,
        expected=work.sum_of_add_one,
        rivals=[
            ours(woflo_sequential),
            floor("plain call", plain(plain_calls)),
            upstream("sequential"),
        ],
        targets=[within(10e-6)],
    ),
    Figure(
        name="asyncio",
        title="asyncio, 10,000 handles gathered",
        unit="call",
        n=10_000,
        quick=2_000,
        expected=work.sum_of_add_one,
        rivals=[
            ours(woflo_gathered),
            floor("create_task + gather", plain(in_a_loop(tasks_gathered))),
        ],
        targets=[at_most(5.0, "create_task + gather")],
    ),
]
