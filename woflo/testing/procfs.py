"""Processes, descriptors and memory, as Linux tells them in `/proc`. Elsewhere the answers are empty."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "HAS_PROC",
    "Process",
    "descendants",
    "descriptors",
    "is_alive",
    "peak_memory",
    "reset_peak_memory",
]

HAS_PROC = Path("/proc/self/stat").exists()
_ZOMBIE = ("Z", "X")


class Process(NamedTuple):
    """A line of the process table."""

    pid: int
    parent: int
    session: int
    state: str

    @property
    def command(self) -> str:
        """Its command line, for messages."""
        try:
            words = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
            return b" ".join(words).decode(errors="replace")[:100]
        except OSError:
            return ""


def _look_at(pid: int | str) -> Process | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return Process(int(pid), int(fields[1]), int(fields[3]), fields[0])


def is_alive(pid: int) -> bool:
    """False for a process that is gone, and for one that is a zombie."""
    if not HAS_PROC:
        return _answers(pid)
    found = _look_at(pid)
    return found is not None and found.state not in _ZOMBIE


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def descendants() -> list[Process]:
    """The processes below this one, zombies included."""
    if not HAS_PROC:
        return []
    table = [found for name in os.listdir("/proc") if name.isdigit() and (found := _look_at(name))]
    children: dict[int, list[Process]] = {}
    for process in table:
        children.setdefault(process.parent, []).append(process)
    below: list[Process] = []
    queue = [os.getpid()]
    while queue:
        found_here = children.get(queue.pop(), [])
        below += found_here
        queue += [process.pid for process in found_here]
    return below


def descriptors() -> dict[int, str]:
    """The open descriptors of this process, and what they are."""
    found = {}
    folder = "/proc/self/fd"
    for name in os.listdir(folder) if HAS_PROC else ():
        try:
            found[int(name)] = os.readlink(f"{folder}/{name}")
        except OSError:
            continue  # the one that read the folder
    return found


def peak_memory() -> int | None:
    """The most memory, in bytes, since `reset_peak_memory`; None where the system does not tell."""
    for line in Path("/proc/self/status").read_text().splitlines() if HAS_PROC else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def reset_peak_memory() -> int | None:
    """Count the peak from now on (proc(5), clear_refs); what it is now, None where that cannot be done."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return peak_memory()
