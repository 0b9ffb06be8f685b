"""A process per call: fork one after another, fork many at once, fork server, spawn."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import work
from benchmarks.model import (
    Body,
    Figure,
    Opener,
    at_least,
    at_most,
    beside,
    floor,
    ours,
    peer,
    upstream,
    within,
)

BALLAST = 1 << 30  # bytes that the big caller holds, every page touched


# The floor: what the kernel takes to make a process, run the function, bring back the pickled
# result through a pipe, and bury the process. Nothing of it can be left out of a process per call.


def fork_start(number: int) -> tuple[int, int]:
    """Fork; the child writes its pickled result and leaves at once. Return (pid, reading end)."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, pickle.dumps(work.add_one(number)))
        os._exit(0)
    os.close(write)
    return pid, read


def fork_finish(pid: int, read: int) -> int:
    """Read the result, close the pipe, wait for the child."""
    result: int = pickle.loads(os.read(read, 65536))
    os.close(read)
    os.waitpid(pid, 0)
    return result


def same_caller() -> None:
    """Give all callers the modules of all, since what a fork costs depends on them."""
    work.import_the_same("multiprocessing.context", "multiprocessing.connection", "woflo.kernel.task")


@contextmanager
def bare_fork() -> Iterator[Body]:
    """One bare fork after another."""
    same_caller()
    yield lambda n: sum(fork_finish(*fork_start(i)) for i in range(n))


@contextmanager
def bare_fork_many() -> Iterator[Body]:
    """Bare forks, 32 alive: the oldest is finished before the next is started."""
    same_caller()
    yield lambda n: work.in_window(n, fork_start, lambda child: fork_finish(*child))


# The peers: `multiprocessing` as its manual shows it, with a `Process` and a `Pipe`.


def send_add_one(connection: Any, number: int) -> None:
    """The target of a `multiprocessing.Process`."""
    connection.send(work.add_one(number))


class StdlibProcess:
    """`multiprocessing.Process` and `Pipe` of one start method."""

    def __init__(self, method: str) -> None:
        import multiprocessing

        self.context: Any = multiprocessing.get_context(method)

    def start(self, number: int) -> tuple[Any, Any]:
        """Start a process; return it and the reading end of its pipe."""
        reader, writer = self.context.Pipe(duplex=False)
        process = self.context.Process(target=send_add_one, args=(writer, number))
        process.start()
        writer.close()
        return process, reader

    def finish(self, child: tuple[Any, Any]) -> int:
        """Receive the result and join the process."""
        process, reader = child
        result: int = reader.recv()
        reader.close()
        process.join()
        process.close()
        return result


def stdlib(method: str) -> Opener:
    """`multiprocessing`, one process after another."""

    @contextmanager
    def opened() -> Iterator[Body]:
        same_caller()
        kind = StdlibProcess(method)
        yield lambda n: sum(kind.finish(kind.start(i)) for i in range(n))

    return opened


@contextmanager
def stdlib_fork_many() -> Iterator[Body]:
    """`multiprocessing` with fork, 32 alive."""
    same_caller()
    kind = StdlibProcess("fork")
    yield lambda n: work.in_window(n, kind.start, kind.finish)


# Ours.


def woflo(process_type: str) -> Opener:
    """woflo, one process after another."""

    @contextmanager
    def opened() -> Iterator[Body]:
        same_caller()
        add_one = _task(process_type)
        yield lambda n: sum(add_one(i).get_result() for i in range(n))

    return opened


@contextmanager
def woflo_fork_many() -> Iterator[Body]:
    """woflo, all submitted; its limit keeps 32 alive."""
    same_caller()
    add_one = _task("ForkProcess")
    yield lambda n: sum(run.get_result() for run in [add_one(i) for i in range(n)])


def _task(process_type: str) -> Any:
    from woflo import task
    from woflo.runners import multiprocess

    kind = getattr(multiprocess, process_type)
    runner = multiprocess.MultiprocessTaskRun.configured(process_type=kind)
    return task(runner=runner)(work.add_one)


def from_1_gb(opener: Opener) -> Opener:
    """The same rival in a caller that holds 1 GB, every page of it touched."""

    @contextmanager
    def opened() -> Iterator[Body]:
        ballast = bytearray(BALLAST)
        ballast[:: work.PAGE] = b"\x01" * (BALLAST // work.PAGE)
        with opener() as body:
            yield body
        assert ballast[0] == 1

    return opened


FIGURES = [
    Figure(
        name="fork-serial",
        title="a process per call (fork), one after another",
        unit="call",
        n=200,
        quick=40,
        expected=work.sum_of_add_one,
        rivals=[
            ours(woflo("ForkProcess")),
            floor("bare fork", bare_fork),
            peer("multiprocessing", stdlib("fork")),
            upstream("fork_serial"),
        ],
        targets=[at_most(1.3, "bare fork")],
    ),
    Figure(
        name="fork-many",
        title="a process per call (fork), 32 at once",
        unit="call",
        n=640,
        quick=128,
        expected=work.sum_of_add_one,
        rivals=[
            ours(woflo_fork_many),
            floor("bare fork, 32 alive", bare_fork_many),
            peer("multiprocessing, 32 alive", stdlib_fork_many),
            upstream("fork_many"),
        ],
        targets=[at_least(0.8, "bare fork, 32 alive")],
    ),
    Figure(
        name="forkserver-1gb",
        title="a process per call (fork server) from a caller of 1 GB",
        unit="call",
        n=30,
        quick=8,
        expected=work.sum_of_add_one,
        rivals=[
            ours(from_1_gb(woflo("ForkServerProcess"))),
            beside("woflo, small caller", woflo("ForkServerProcess")),
            floor("bare fork, small caller", bare_fork),
            peer("bare fork, 1 GB caller", from_1_gb(bare_fork)),
            peer("multiprocessing forkserver, 1 GB", from_1_gb(stdlib("forkserver"))),
            beside("multiprocessing forkserver, small", stdlib("forkserver")),
        ],
        targets=[within(2e-3), at_most(1.25, "woflo, small caller")],
    ),
    Figure(
        name="spawn",
        title="a process per call (spawn), one after another",
        unit="call",
        n=6,
        quick=2,
        expected=work.sum_of_add_one,
        rivals=[
            ours(woflo("SpawnProcess")),
            peer("multiprocessing spawn", stdlib("spawn")),
            upstream("spawn_serial"),
        ],
        targets=[at_most(1.0, "multiprocessing spawn")],
    ),
]
