"""Who is alive on this machine: each worker holds a lock that the system takes from it when it dies.

The locks are those of POSIX records (`fcntl`): a forked child does not have its parent's, so a child that outlives a
killed worker does not make it look alive. They are lost as well when the process closes any other descriptor of the
file, so a process never opens a file of its own twice. https://pubs.opengroup.org/onlinepubs/9699919799/functions/fcntl.html
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable

from woflo.stores.rows import WorkerRow

try:
    import fcntl

    HAS_LOCKS = True
except ImportError:  # a dead worker is noticed when its lease ends
    HAS_LOCKS = False

__all__ = ["Presence", "dead_among", "forget"]


class Presence:
    """The sign that a worker lives. It goes with its process, however that ends."""

    def __init__(self, worker_id: str) -> None:
        self._path = _path_of(worker_id)
        self._fd = -1
        if HAS_LOCKS:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def end(self) -> None:
        """The worker is gone in order."""
        if self._fd >= 0:
            _remove(self._path)
            os.close(self._fd)
            self._fd = -1


def dead_among(workers: Iterable[WorkerRow], host: str) -> list[str]:
    """Those of them that have died on this machine for certain; of others nothing is known."""
    if not HAS_LOCKS:
        return []
    return [one.id for one in workers if one.host == host and one.pid != os.getpid() and _has_died(one.id)]


def _has_died(worker_id: str) -> bool:
    path = _path_of(worker_id)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False  # of a container or a user whose files this one does not see
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(fd)


def forget(worker_id: str) -> None:
    """Remove what a dead worker has left."""
    _remove(_path_of(worker_id))


def _path_of(worker_id: str) -> str:
    return os.path.join(tempfile.gettempdir(), f"woflo-{os.getuid()}", "workers", worker_id.replace("/", "_"))


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # somebody else has
