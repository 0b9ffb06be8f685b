"""A worker in another process that answers by a byte: one when it is ready, one for each call that it executes.

Standard library only: `rival.py` tells why.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from select import select

READY = 30.0  # seconds that a worker may take to start, and a call to be executed
QUIET = 0.05  # seconds between two calls at most, so that the worker waits, at no fixed time of whatever it does


@contextmanager
def another(*command: str) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], None]]]:
    """The process, and what waits for its next byte. It is killed in the end."""
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "cwd": top}
    with subprocess.Popen([sys.executable, *command], **pipes) as process:
        assert process.stdout is not None
        out = process.stdout.fileno()

        def answered() -> None:
            if not select([out], [], [], READY)[0] or not os.read(out, 1):
                raise TimeoutError(f"no answer of the other process within {READY:.0f} s")

        try:
            answered()
            yield process, answered
        finally:
            process.kill()


def speaking() -> Callable[[], object]:
    """In the other process: says a byte. What else is printed goes to standard error."""
    out = os.dup(1)
    os.dup2(2, 1)
    return lambda: os.write(out, b"!")


def wake_ups(
    n: int, call: Callable[[], object], answered: Callable[[], None], quiet: float = QUIET
) -> tuple[int, list[float]]:
    """Seconds from the beginning of a call to the answer of the worker that waited for it, n times.

    The call comes at any time within `quiet` seconds: as long as a worker that polls may wait between two looks.
    """
    samples = []
    for _ in range(n):
        time.sleep(random.uniform(0.01, quiet))
        begun = time.perf_counter()
        call()
        answered()
        samples.append(time.perf_counter() - begun)
    return n, samples


def idle(n: int) -> tuple[int, list[float]]:
    """The share of a core that this process uses in n seconds, while this thread sleeps."""
    before = time.process_time()
    time.sleep(n)
    return n, [(time.process_time() - before) / n]
