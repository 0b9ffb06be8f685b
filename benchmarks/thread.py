"""Threads: 20,000 handles, and one call after another.

The floor is `ThreadPoolExecutor`, the thinnest pool of threads in the standard library: a queue, a
lock and a condition per handle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import work
from benchmarks.model import Body, Figure, Opener, at_least, at_most, floor, ours, peer

LIMIT = 64  # woflo's own limit of threads


@contextmanager
def woflo_handles() -> Iterator[Body]:
    """All submitted, then all collected."""
    from woflo import task

    add_one = task(runner="thread")(work.add_one)
    yield lambda n: sum(run.get_result() for run in [add_one(i) for i in range(n)])


@contextmanager
def woflo_serial() -> Iterator[Body]:
    """Each call waits for its value before the next is made."""
    from woflo import task

    add_one = task(runner="thread")(work.add_one)
    yield lambda n: sum(add_one(i).get_result() for i in range(n))


def executor_handles(workers: int | None) -> Opener:
    """`ThreadPoolExecutor`, all submitted, then all collected."""

    @contextmanager
    def opened() -> Iterator[Body]:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(workers) as pool:
            submit = pool.submit
            yield lambda n: sum(f.result() for f in [submit(work.add_one, i) for i in range(n)])

    return opened


@contextmanager
def executor_serial() -> Iterator[Body]:
    """`ThreadPoolExecutor`, each call waits for its value."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool:
        yield lambda n: sum(pool.submit(work.add_one, i).result() for i in range(n))


FIGURES = [
    Figure(
        name="thread-handles",
        title="thread, 20,000 handles submitted, then collected",
        unit="call",
        n=20_000,
        quick=2_000,
        expected=work.sum_of_add_one,
        rivals=[
            ours(woflo_handles),
            floor("ThreadPoolExecutor", executor_handles(None)),
            peer(f"ThreadPoolExecutor, {LIMIT}", executor_handles(LIMIT)),
        ],
        targets=[at_least(1.0, "ThreadPoolExecutor", f"ThreadPoolExecutor, {LIMIT}")],
    ),
    Figure(
        name="thread-serial",
        title="thread, one call after another",
        unit="call",
        n=5_000,
        quick=500,
        expected=work.sum_of_add_one,
        rivals=[ours(woflo_serial), floor("ThreadPoolExecutor", executor_serial)],
        targets=[at_most(1.5, "ThreadPoolExecutor")],
    ),
]
