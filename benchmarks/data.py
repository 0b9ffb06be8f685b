"""100 MB from a process to its caller, as bytes and as a numpy array, every page read there.

The data is made before the clock starts and kept (pools make it in the warm-up), so that only its
way out is measured; what a fork of a caller with 100 MB costs is in all that fork.

The floor is one copy in and one copy out: a forked child writes into a memfd, the caller reads it
with `pread`. That is the least for data that arrives in memory of the caller's own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from benchmarks import work
from benchmarks.model import Body, Figure, Opener, Rival, at_most, beside, floor, ours, peer

PAGES = -(-work.SIZE // work.PAGE)


class Load(NamedTuple):
    """What is sent: how to make it in the worker, how to read every page of it in the caller."""

    name: str
    make: Callable[[int], Any]
    read: Callable[[Any], int]
    from_memfd: Callable[[int], Any]


def bytes_from(descriptor: int) -> bytes:
    """100 MB of a file into bytes."""
    return os.pread(descriptor, work.SIZE, 0)


def array_from(descriptor: int) -> Any:
    """100 MB of a file into a new array."""
    import numpy

    array = numpy.empty(work.SIZE // 8)
    os.preadv(descriptor, [array.data], 0)
    return array


BYTES = Load("bytes", work.big_bytes, work.read_bytes, bytes_from)
ARRAY = Load("numpy", work.big_array, work.read_array, array_from)


def through_memfd(load: Load) -> Opener:
    """The floor: fork, `write` into a memfd, `pread` out of it."""

    def once(i: int) -> int:
        descriptor = os.memfd_create("floor")
        pid = os.fork()
        if pid == 0:
            os.write(descriptor, load.make(i))
            os._exit(0)
        os.waitpid(pid, 0)
        value = load.from_memfd(descriptor)
        os.close(descriptor)
        return load.read(value)

    return made_in_caller(load, once)


def made_in_caller(load: Load, once: Callable[[int], int]) -> Opener:
    """A rival that forks for each call; its children inherit the data that is made here."""

    @contextmanager
    def opened() -> Iterator[Body]:
        load.make(0)
        yield lambda n: sum(once(i) for i in range(n))

    return opened


def woflo(load: Load, runner: str) -> Opener:
    """woflo, by the name of a runner."""

    @contextmanager
    def opened() -> Iterator[Body]:
        from woflo import task

        make = task(runner=runner)(load.make)
        with made_in_caller(load, lambda i: load.read(make(i).get_result()))() as body:
            yield body

    return opened


def send(connection: Any, make: Callable[[int], Any], i: int) -> None:
    """The target of a `multiprocessing.Process`."""
    connection.send(make(i))


def through_pipe(load: Load) -> Opener:
    """`multiprocessing.Process` (fork) and `Pipe`."""

    def once(i: int) -> int:
        import multiprocessing

        context = multiprocessing.get_context("fork")
        reader, writer = context.Pipe(duplex=False)
        process = context.Process(target=send, args=(writer, load.make, i))
        process.start()
        writer.close()
        value = reader.recv()
        process.join()
        return load.read(value)

    return made_in_caller(load, once)


def through_executor(load: Load, package: str) -> Opener:
    """The `ProcessPoolExecutor` of a package, with one warm worker that has the data."""

    @contextmanager
    def opened() -> Iterator[Body]:
        from importlib import import_module

        with import_module(package).ProcessPoolExecutor(1) as pool:
            yield lambda n: sum(load.read(pool.submit(load.make, i).result()) for i in range(n))

    return opened


def through_ray(load: Load) -> Opener:
    """The object store of ray, where ray is installed."""

    @contextmanager
    def opened() -> Iterator[Body]:
        import ray

        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
        make = ray.remote(load.make)
        yield lambda n: sum(load.read(ray.get(make.remote(i))) for i in range(n))
        ray.shutdown()

    return opened


def rivals(load: Load) -> list[Rival]:
    """The same rivals for bytes and for arrays."""
    return [
        ours(woflo(load, "multiprocess")),
        beside("woflo, pool", woflo(load, "pool")),
        floor("fork, memfd, pread", through_memfd(load)),
        peer("multiprocessing Pipe", through_pipe(load)),
        peer("ProcessPoolExecutor", through_executor(load, "concurrent.futures")),
        peer("loky", through_executor(load, "loky")),
        peer("ray", through_ray(load)),
    ]


FIGURES = [
    Figure(
        name=f"{load.name}-100mb",
        title=f"100 MB of {load.name} from a process, every page read",
        unit="transfer",
        n=3,
        quick=1,
        expected=lambda n: n * PAGES,
        rivals=rivals(load),
        targets=[at_most(1.3, "fork, memfd, pread")],
    )
    for load in (BYTES, ARRAY)
]
