"""Warm worker processes: one call after another, 20,000 handles, a lazy map over 100,000 items.

There is no floor by hand here (it would be another pool), so the peers are the measure. All have as
many workers as there are usable cores, and all are warm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from benchmarks import work
from benchmarks.model import Body, Figure, Opener, at_least, at_most, beside, ours, peer

Submit = Callable[[int], Any]  # submit `add_one` of a number, return its handle
Collect = Callable[[Any], int]  # wait for a handle, return its value
Opened = AbstractContextManager[tuple[Submit, Collect]]


def one_by_one(pool: Callable[[], Opened]) -> Opener:
    """Each call waits for its value before the next is made: the latency of the pool."""

    @contextmanager
    def opened() -> Iterator[Body]:
        with pool() as (submit, collect):
            yield lambda n: sum(collect(submit(i)) for i in range(n))

    return opened


def all_at_once(pool: Callable[[], Opened]) -> Opener:
    """All are submitted, then all are collected: the throughput of handles."""

    @contextmanager
    def opened() -> Iterator[Body]:
        with pool() as (submit, collect):
            yield lambda n: sum(map(collect, [submit(i) for i in range(n)]))

    return opened


@contextmanager
def woflo() -> Iterator[tuple[Submit, Collect]]:
    """Our pool with its defaults."""
    from woflo import task

    yield task(runner="pool")(work.add_one), lambda run: run.get_result()


@contextmanager
def executor() -> Iterator[tuple[Submit, Collect]]:
    """`concurrent.futures.ProcessPoolExecutor`."""
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(work.usable_cpus()) as pool:
        yield lambda i: pool.submit(work.add_one, i), lambda future: future.result()


@contextmanager
def pebble() -> Iterator[tuple[Submit, Collect]]:
    """`pebble.ProcessPool`, the peer that can stop and time out a call too."""
    from pebble import ProcessPool

    with ProcessPool(work.usable_cpus()) as pool:
        yield lambda i: pool.schedule(work.add_one, args=[i]), lambda future: future.result()


@contextmanager
def stdlib_pool() -> Iterator[tuple[Submit, Collect]]:
    """`multiprocessing.Pool.apply_async`; `apply` is the same followed by `get`."""
    from multiprocessing import Pool

    with Pool(work.usable_cpus()) as pool:
        yield lambda i: pool.apply_async(work.add_one, (i,)), lambda result: result.get()


@contextmanager
def loky() -> Iterator[tuple[Submit, Collect]]:
    """`loky.ProcessPoolExecutor`."""
    from loky import ProcessPoolExecutor

    with ProcessPoolExecutor(work.usable_cpus()) as pool:
        yield lambda i: pool.submit(work.add_one, i), lambda future: future.result()


@contextmanager
def mpire() -> Iterator[tuple[Submit, Collect]]:
    """`mpire.WorkerPool`."""
    from mpire.pool import WorkerPool

    with WorkerPool(work.usable_cpus()) as pool:
        yield lambda i: pool.apply_async(work.add_one, (i,)), lambda result: result.get()


# The lazy map: the items come from an iterator, the values are read one by one.


@contextmanager
def woflo_map() -> Iterator[Body]:
    """`task.map` over a range, each handle asked as it comes."""
    from woflo import task

    add_one = task(runner="pool")(work.add_one)
    yield lambda n: sum(run.get_result() for run in add_one.map(range(n)))


def joblib_map(return_as: str) -> Opener:
    """`joblib.Parallel` with automatic batches, kept warm, which is when it is quickest.

    With one worker joblib runs in the caller, without any process, so it has two at least.
    """

    @contextmanager
    def opened() -> Iterator[Body]:
        from joblib import Parallel, delayed

        with Parallel(n_jobs=max(2, work.usable_cpus()), return_as=return_as) as parallel:
            yield lambda n: sum(parallel(delayed(work.add_one)(i) for i in range(n)))

    return opened


@contextmanager
def mpire_map() -> Iterator[Body]:
    """`mpire.WorkerPool.imap` with its own chunks, which need the length beforehand."""
    from mpire.pool import WorkerPool

    def body(n: int) -> int:
        items: Iterable[int] = range(n)
        return sum(pool.imap(work.add_one, items, iterable_len=n))

    with WorkerPool(work.usable_cpus(), keep_alive=True) as pool:
        yield body


SERIAL_PEERS = {
    "pebble.ProcessPool": pebble,
    "multiprocessing.Pool": stdlib_pool,
    "ProcessPoolExecutor": executor,
    "loky": loky,
    "mpire": mpire,
}

FIGURES = [
    Figure(
        name="pool-serial",
        title="pool, one call after another",
        unit="call",
        n=2_000,
        quick=300,
        expected=work.sum_of_add_one,
        rivals=[
            ours(one_by_one(woflo)),
            *[peer(name, one_by_one(pool)) for name, pool in SERIAL_PEERS.items()],
        ],
        targets=[at_most(1.0, *SERIAL_PEERS)],
    ),
    Figure(
        name="pool-handles",
        title="pool, 20,000 handles submitted, then collected",
        unit="call",
        n=20_000,
        quick=2_000,
        expected=work.sum_of_add_one,
        rivals=[
            ours(all_at_once(woflo)),
            peer("ProcessPoolExecutor", all_at_once(executor)),
            peer("pebble.ProcessPool", all_at_once(pebble)),
            peer("multiprocessing.Pool", all_at_once(stdlib_pool)),
        ],
        targets=[at_least(9.0, "ProcessPoolExecutor")],
    ),
    Figure(
        name="pool-map",
        title="pool, lazy map over 100,000 small items",
        unit="item",
        n=100_000,
        quick=20_000,
        expected=work.sum_of_add_one,
        rivals=[
            ours(woflo_map),
            peer("joblib, generator", joblib_map("generator")),
            peer("joblib, list", joblib_map("list")),
            beside("mpire imap", mpire_map),
        ],
        targets=[at_least(0.5, "joblib, generator", "joblib, list")],
    ),
]
