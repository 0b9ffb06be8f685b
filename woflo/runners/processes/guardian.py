"""The process that outlives a killed caller and ends what it left behind.

Started as a program of its own (`python -I -S guardian.py PIDFD SLOTS SIZE MARK`), so that it holds none of the
caller's memory. It sleeps until the caller is gone, kills every session that still stands in the caller's slots, and
ends. A caller that ends in order leaves no session there.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import sys
import time
from collections.abc import Callable

STARTS_WITHIN = 2.0
"""Seconds within which a command that the caller was starting has begun."""
LONGEST = 10.0
"""Seconds after which killing is given up: what is alive then cannot be killed."""


def guard(
    caller: int, slots: int, size: int, kill: Callable[[list[int]], list[int]], marked: Callable[[], list[int]]
) -> None:
    """Wait for the end of the process behind the pidfd `caller`, then kill what its slots name: `size` bytes.

    What was just being started (`STARTING`) is found by its mark.
    """
    poll = select.poll()
    poll.register(caller, select.POLLIN)
    poll.poll()
    words = memoryview(mmap.mmap(slots, size, access=mmap.ACCESS_READ)).cast("q")
    end = time.monotonic() + LONGEST
    started = time.monotonic() + STARTS_WITHIN
    quiet = 0
    while quiet < 2 and time.monotonic() < end:
        # A child forked in the caller's last moment writes its session itself: look twice.
        noted = [session for session in words[::8].tolist() if session]
        sessions = [session for session in noted if session > 0]
        is_starting = len(sessions) < len(noted)
        if is_starting:
            sessions += marked()
        has_killed = bool(sessions and kill(sessions))
        # What is being started has its mark only when it is a program of its own.
        quiet = 0 if has_killed or (is_starting and time.monotonic() < started) else quiet + 1
        time.sleep(0.02 if is_starting else 0.005)


def main() -> None:
    """Leave the caller's tree, and guard."""
    if os.fork():
        os._exit(0)  # away from the caller's tree, which may be killed as a whole
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import tree  # type: ignore[import-not-found]  # beside this file; woflo itself is not importable here

    caller, slots, size = map(int, sys.argv[1:4])
    guard(caller, slots, size, tree.kill_trees, lambda: tree.marked(sys.argv[4]))


if __name__ == "__main__":
    main()
