"""A process with everything that it started: its session, and its descendants where they left that.

Imports nothing of woflo: the guardian runs this file by itself.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

__all__ = ["MARK", "kill_group", "kill_trees", "mark_of", "marked", "members_of", "state_of"]

MARK = "WOFLO_CALLER"
"""The environment variable by which a command is known whose caller was killed before it could note its number."""


def kill_group(group: int, number: int) -> None:
    """Send a signal to a process group, where it still exists."""
    if group <= 1:
        return
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def members_of(sessions: Iterable[int]) -> list[int]:
    """The living processes of these sessions, and the living descendants of their leaders.

    Reads `/proc`; where there is none (macOS), the answer is empty, and the group alone is reached.
    """
    wanted = set(sessions)
    parents: dict[int, list[int]] = {}
    found: set[int] = set()
    for pid, parent, session in _processes():
        parents.setdefault(parent, []).append(pid)
        if session in wanted or pid in wanted:  # itself too: it may not have made its session yet
            found.add(pid)
    queue = list(found | wanted)
    while queue:
        for child in parents.get(queue.pop(), ()):
            if child not in found:
                found.add(child)
                queue.append(child)
    return sorted(found)


def state_of(pid: int) -> str:
    """The state letter of a process as the kernel tells it (`R`, `S`, `T`, `Z`, …); empty where there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0].decode()
    except OSError:
        return ""


def mark_of(pid: int) -> str:
    """The value of `MARK` for the commands of a process: its number, and when it began; empty without `/proc`."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return f"{pid}-{int(file.read().rpartition(b')')[2].split()[19])}"
    except OSError:
        return ""


def marked(mark: str) -> list[int]:
    """The living processes of this user that have this mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for pid, _, _ in _processes():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if wanted in file.read().split(b"\0"):
                    found.append(pid)
        except OSError:
            pass  # another user's, or gone
    return found


def _processes() -> list[tuple[int, int, int]]:
    """Process, parent and session of everything that is no zombie."""
    rows = []
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] not in (b"Z", b"X"):
            rows.append((int(name), int(fields[1]), int(fields[3])))
    return rows


def kill_trees(sessions: Iterable[int], spare: Iterable[int] = ()) -> list[int]:
    """Send SIGKILL to all members; what was alive is returned, so that the caller can look again."""
    # 0 would be this very group, and the whole machine by descent; 1 is init. Neither is a session of a child.
    sessions = [session for session in sessions if session > 1]
    spared = {*spare, os.getpid()}
    alive = [pid for pid in members_of(sessions) if pid not in spared]
    for pid in alive:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    for session in sessions:
        kill_group(session, signal.SIGKILL)  # also what was started meanwhile, and where there is no /proc
    return alive
