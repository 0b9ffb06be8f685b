"""Who holds a file locked, as far as the system tells: for errors."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

__all__ = ["told_holders"]

LOCKS = Path("/proc/locks")


def told_holders(paths: Iterable[str]) -> str:
    """The other processes that hold a lock on one of these files, in words; nothing where that cannot be told."""
    found = [_told(pid) for pid in sorted(_holders(paths) - {os.getpid()})]
    return f"; it is held by {' and '.join(found)}" if found else ""


def _holders(paths: Iterable[str]) -> set[int]:
    """From lines such as `1: POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF`, proc_locks(5)."""
    inodes = set()
    for path in paths:
        with suppress(OSError):
            inodes.add(str(os.stat(path).st_ino))
    try:
        lines = [line.split() for line in LOCKS.read_text().splitlines()]
    except OSError:
        return set()
    locks = [line for line in lines if len(line) == 8 and line[3] == "WRITE"]  # who waits has an arrow more
    return {int(line[4]) for line in locks if line[5].rpartition(":")[2] in inodes and int(line[4]) > 0}


def _told(pid: int) -> str:
    name = state = ""
    with suppress(OSError, IndexError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        name = " ".join(words.split())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    stopped = f", which is stopped (`kill -CONT {pid}` lets it go on)" if state in ("T", "t") else ""
    return f"process {pid} ({name[:80] or 'unknown'}{stopped})"
