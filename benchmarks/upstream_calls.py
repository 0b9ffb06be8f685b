"""The rivals of upstream woflo 0.8.2; runs in the environment that `upstream.py` makes.

    UPSTREAM_PYTHON upstream_calls.py CALLS WARM [CORE]

It is run by its path, never as a part of its package: the folder above holds another `woflo`.
Upstream's log lines are switched off; they would only slow it down.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import rival  # beside this file, as `work` is
import work


def fork_serial() -> rival.Body:
    """A process per call by fork, one after another."""
    return _one_by_one(_task("ForkProcess"))


def spawn_serial() -> rival.Body:
    """A process per call by spawn, one after another."""
    return _one_by_one(_task("SpawnProcess"))


def sequential() -> rival.Body:
    """Calls inline."""
    from woflo import task
    from woflo.runners import SequentialTaskRun

    return _one_by_one(task(runner=SequentialTaskRun)(work.add_one))


def fork_many() -> rival.Body:
    """A process per call by fork, 32 alive. Upstream has no limit of its own."""
    add_one = _task("ForkProcess")
    return lambda n: work.in_window(n, add_one, lambda run: run.get_result())


def start() -> rival.Body:
    """Interpreters that import woflo."""
    command = [sys.executable, "-P", "-c", "import woflo"]  # -P: not the one in the current folder
    return lambda n: len([subprocess.run(command, check=True) for _ in range(n)])


def _one_by_one(add_one: Callable[[int], Any]) -> rival.Body:
    return lambda n: sum(add_one(i).get_result() for i in range(n))


def _task(process_type: str) -> Any:
    from woflo import task
    from woflo.runners import multiprocess

    multiprocess.MultiprocessTaskRun.process_type = getattr(multiprocess, process_type)
    return task(work.add_one)


@contextmanager
def opened(name: str) -> Iterator[rival.Body]:
    """The body of that name, with upstream's logging quiet."""
    body: rival.Body = globals()[name]()
    logging.getLogger("woflo").setLevel(logging.ERROR)
    yield body


if __name__ == "__main__":
    core = int(sys.argv[3]) if len(sys.argv) > 3 else None
    rival.serve(opened(sys.argv[1]), int(sys.argv[2]), core)
