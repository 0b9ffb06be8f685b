"""Who is alive on this machine: each worker holds a lock that the system takes from it when it dies.

The locks are those of POSIX records (`fcntl`): a forked child does not have its parent's, so a child that outlives a
killed worker does not make it look alive. They are lost as well when the process closes any other descriptor of the
file, so a process never opens a file of its own twice. https://pubs.opengroup.org/onlinepubs/9699919799/functions/fcntl.html
Beside that file stands what the worker has begun of its claims (`begun.py`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable

from woflo.durable.begun import Begun, begun_in
from woflo.stores.rows import Claim, WorkerRow

try:
    import fcntl

    HAS_LOCKS = True
except ImportError:  # a dead worker is noticed when its lease ends
    HAS_LOCKS = False

__all__ = ["Presence", "begun_of", "dead_among", "drainable_among", "forget"]

_USER = os.getuid() if hasattr(os, "getuid") else ""
_DRAINS = b"ends on SIGTERM\n"
"""Stands in the file of a worker that finishes what it holds when it gets that signal."""


class Presence:
    """The sign that a worker lives. It goes with its process, however that ends."""

    def __init__(self, worker_id: str) -> None:
        self._path = _path_of(worker_id)
        self._fd = -1
        if HAS_LOCKS:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.begun: Begun = Begun(_word_beside(self._path) if HAS_LOCKS else None)

    def drains(self) -> None:
        """Say that it ends in order when it gets SIGTERM."""
        if self._fd >= 0:
            os.pwrite(self._fd, _DRAINS, 0)

    def end(self) -> None:
        """The worker is gone in order."""
        if self._fd >= 0:
            _remove_all(self._path)
            self.begun.end()
            os.close(self._fd)
            self._fd = -1


def dead_among(workers: Iterable[WorkerRow], host: str) -> list[str]:
    """Those of them that have died on this machine for certain; of others nothing is known."""
    if not HAS_LOCKS:
        return []
    return [one.id for one in workers if one.host == host and one.pid != os.getpid() and _has_died(one.id)]


def drainable_among(workers: Iterable[WorkerRow], host: str) -> list[WorkerRow]:
    """Those of them that live on this machine for certain, and end in order when they get SIGTERM."""
    if not HAS_LOCKS:
        return []
    here = [one for one in workers if one.host == host and one.pid != os.getpid()]
    return [one for one in here if _look(one.id) == (True, _DRAINS)]


def _has_died(worker_id: str) -> bool:
    found = _look(worker_id)
    return found is not None and not found[0]


def _look(worker_id: str) -> tuple[bool, bytes] | None:
    """Whether the worker lives, and what stands in its file; None of one whose file this process cannot see."""
    try:
        fd = os.open(_path_of(worker_id), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None  # of a container or of another user
    told = os.read(fd, 100)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True, told
    else:
        return False, told
    finally:
        os.close(fd)


def forget(worker_id: str) -> None:
    """Remove what a dead worker has left."""
    _remove_all(_path_of(worker_id))


def begun_of(worker_id: str) -> tuple[Claim, ...] | None:
    """The claims that one of those that have died had begun; None where it left no word of that, or not all of it."""
    return begun_in(_word_beside(_path_of(worker_id)), worker_id)


def _path_of(worker_id: str) -> str:
    return os.path.join(tempfile.gettempdir(), f"woflo-{_USER}", "workers", worker_id.replace("/", "_"))


def _word_beside(path: str) -> str:
    return f"{path}.begun"


def _remove_all(path: str) -> None:
    """The lock last: who finds it, and no word beside it, has to take all for begun."""
    for one in (_word_beside(path), path):
        try:
            os.unlink(one)
        except OSError:
            pass  # somebody else has
