"""A mark for each target that is being made: a file, locked as long as anybody makes it.

    not there             nobody makes it, and the last attempt ended well, or took back what it had made
    there, and locked     it is being made, here or by another process: wait
    there, not locked     the last attempt was cut off, or left something that it could not take back: make it again

The lock is the system's, and goes with the processes that hold it: nothing has to be cleaned up by hand.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from woflo.kernel.digest import digest
from woflo.scripts.places import below, folder

if sys.platform != "win32":
    import fcntl

__all__ = ["STAYED", "Mark", "is_left", "is_marked", "is_taken", "mark_of", "marks_of_others"]

STAYED = ".stayed"
"""At the end of the name of the file beside a mark, which tells of the attempt."""
HOST = socket.gethostname()
SETTLED = 2_100_000_000
"""Nanoseconds after which a folder that was changed again would have another time, whatever the file system."""
_folders: dict[str, str] = {}
"""Of marks, by the current folder."""
_listed: tuple[str, int, frozenset[str]] = ("", 0, frozenset())
_held: set[str] = set()
"""The marks that this process has at this moment."""


def mark_of(target: str) -> str:
    """The path of a target's mark."""
    return os.path.join(folder("making"), digest(target))


def is_marked(target: str) -> bool:
    """True where it is being made, or was not made to the end."""
    _, names = _listing()
    return bool(names) and digest(target) in names


def marks_of_others() -> list[str]:
    """The paths of all marks, but for those that this process has at this moment."""
    where, names = _listing()
    return [path for name in sorted(names) if "." not in name and (path := f"{where}/{name}") not in _held]


def _listing() -> tuple[str, frozenset[str]]:
    """The folder of marks, and what is in it.

    It is listed once for many targets: its time tells whether there are others since.
    """
    global _listed
    here = os.getcwd()
    path = _folders.get(here) or _folders.setdefault(here, below("making"))
    try:
        changed = os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return path, frozenset()  # nothing was made yet, or somebody has removed the folder
    if _listed[0] == path and _listed[1] == changed:
        return path, _listed[2]
    names = frozenset(os.listdir(path))
    if time.time_ns() - changed > SETTLED:
        _listed = (path, changed, names)
    return path, names


class Mark:
    """The right to make a target. The file is also where the command writes its output to."""

    def __init__(self, path: str, fd: int, was_waited_for: bool, was_cut_off: bool) -> None:
        self.path = path
        self.fd = fd
        self.was_waited_for = was_waited_for
        """True where somebody else was making it before."""
        self.was_cut_off = was_cut_off

    @classmethod
    def take(cls, target: str, pause: Callable[[], bool]) -> Mark | None:
        """Take it; as long as others have it, `pause()` is called again and again. None where that gives False."""
        path = mark_of(target)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        has_waited = False
        while True:
            fd, is_new = _opened(path)
            if is_new or (_is_locked(fd) and _is_the_same(fd, path)):
                os.ftruncate(fd, 0)
                _held.add(path)
                return cls(path, fd, has_waited, not is_new)
            os.close(fd)
            has_waited = True
            if not pause():
                return None

    def end(self, log: str = "", *, is_clean: bool = True) -> None:
        """The attempt is over: its output goes to `log`. The mark goes too, or stays where it is not `is_clean`.

        It stays all the time then, so that at no moment a partial file can be taken for a result.
        """
        self._forget()  # first: as soon as the mark is gone, or another one, others may write down theirs
        if is_clean and log:
            os.replace(self.path, log)
        elif is_clean:
            os.unlink(self.path)
        elif log:
            _link(self.path, log)
            new = _beside(self.path)
            os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            os.replace(new, self.path)

    def note_stayed(self, paths: list[str], **told: Any) -> None:
        """Write down which outputs were there, and stayed: others that are found after a crash are of this attempt.

        What else is `told` is for people, who ask what has become of it. Raises `OSError`, which names the file.
        """
        path = f"{self.path}{STAYED}"
        text = json.dumps({"stayed": paths, "began": time.time(), "pid": os.getpid(), "host": HOST, **told})
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        except OSError as error:
            if error.filename is not None:
                raise
            raise OSError(error.errno, error.strerror, path) from error  # as that of a full disk, which has no name

    def stayed(self) -> list[str] | None:
        """What the attempt before has written down; None where it had not begun."""
        try:
            with open(f"{self.path}{STAYED}", encoding="ascii") as file:
                return list(json.load(file)["stayed"])
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _forget(self) -> None:
        try:
            os.unlink(f"{self.path}{STAYED}")
        except FileNotFoundError:
            pass

    def give(self) -> None:
        """Let others make it."""
        _held.discard(self.path)
        if sys.platform != "win32":
            fcntl.flock(self.fd, fcntl.LOCK_UN)  # also what a process that was left behind holds of it
        os.close(self.fd)


def _opened(path: str) -> tuple[int, bool]:
    """The mark that is there, or a new one, which is locked from the moment on that others can find it.

    So one that is there and not locked was cut off, or left; and there is no moment between a look and a beginning.
    """
    while True:
        try:
            return os.open(path, _FLAGS), False
        except FileNotFoundError:
            pass
        new = _beside(path)
        fd = os.open(new, _FLAGS | os.O_CREAT, 0o600)
        try:
            _is_locked(fd)
            os.link(new, path)
        except FileExistsError:
            os.close(fd)
        except BaseException:
            os.close(fd)
            raise
        else:
            return fd, True
        finally:
            os.unlink(new)


_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC


def _beside(path: str) -> str:
    return f"{path}.{os.urandom(8).hex()}"


def _link(path: str, log: str) -> None:
    try:
        os.link(path, log)
    except FileExistsError:  # of an attempt of the same name, which nobody asks for any more
        os.unlink(log)
        os.link(path, log)


def _is_locked(fd: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_taken(path: str) -> bool:
    """True for a mark that somebody has at this moment, here or in another process."""
    if sys.platform == "win32":
        return True
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _is_free(fd)
    finally:
        os.close(fd)


@contextmanager
def is_left(path: str) -> Iterator[bool]:
    """True for a mark of an attempt that will not end; nobody begins another one within this.

    Nobody has it, or only what a process that is gone has left behind, as the command of a program that was killed.
    """
    if sys.platform == "win32":
        yield False
        return
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        yield _is_the_same(fd, path) if _is_free(fd) else _is_orphaned(path)
    finally:
        os.close(fd)


def _is_free(fd: int) -> bool:
    """True where nobody has the lock; nobody gets it then until the file is closed."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_orphaned(path: str) -> bool:
    """True where who has begun it was of this machine, and is gone."""
    try:
        with open(f"{path}{STAYED}", encoding="ascii") as file:
            told = json.load(file)
        if told["host"] == HOST:
            os.kill(int(told["pid"]), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return False


def _is_the_same(fd: int, path: str) -> bool:
    """False where who had it before has moved it away meanwhile."""
    try:
        there, own = os.stat(path), os.fstat(fd)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino)


def _forget_held() -> None:
    """In a child: they are the parent's."""
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_held)
