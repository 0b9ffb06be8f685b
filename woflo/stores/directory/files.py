"""The few things that the store asks of a file system, each of which a network share can do, too."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from woflo.errors import StoreError

__all__ = ["Files", "failed", "telling"]

_CAUSES = {
    errno.ENOSPC: "the disk is full; make room, then write again",
    errno.EDQUOT: "the disk is full for this user; make room, then write again",
    errno.EROFS: "it cannot be written; the folder and all in it must be writable",
    errno.EACCES: "it cannot be used; this user must be able to read and write the folder and all in it",
    errno.EPERM: "it cannot be used; this user must be able to read and write the folder and all in it",
    errno.ENOTDIR: "it is no folder; name one",
    errno.EEXIST: "it is no folder; name one",
}
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
_AT_END = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_STRANGE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""For what anybody may have put there: no link is followed, no pipe waited for."""


class Files:
    """Operations by names relative to a folder. All raise `OSError`; `FileNotFoundError` has a meaning to callers."""

    def __init__(self, root: str) -> None:
        self.root = root

    def path(self, name: str) -> str:
        """The path of a name."""
        return f"{self.root}/{name}"

    def names(self, folder: str) -> list[str]:
        """What is in a folder, in no order."""
        return os.listdir(self.path(folder))

    def status(self, name: str) -> os.stat_result:
        """Of the entry itself, not of what it points to."""
        return os.lstat(self.path(name))

    def read(self, name: str) -> bytes:
        """All of a file of our own."""
        try:
            with open(self.path(name), "rb") as file:
                return file.read()
        except OSError as error:
            if error.errno == errno.ESTALE:  # on a share it was removed after it was opened
                raise FileNotFoundError(error.errno, error.strerror, name) from error
            raise

    def read_strange(self, name: str, most: int) -> bytes:
        """All of a file that anybody may have put there. Raises `ValueError` where it is none, or has over `most`."""
        try:
            descriptor = os.open(self.path(name), _STRANGE)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise ValueError("it is no regular file") from error
            raise
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ValueError("it is no regular file")
            if status.st_size > most:
                raise ValueError(f"it has {status.st_size} bytes, and {most} are the most that are read")
            return file.read(most)

    def write(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """A new file; where `durable`, its content is on disk. Nothing is left of it where that fails."""
        self.write_parts(name, (data,), durable=durable)

    def write_parts(self, name: str, parts: Iterable[bytes], *, durable: bool = True) -> None:
        """The same for a large one."""
        path = self.path(name)
        descriptor = os.open(path, _NEW, 0o666)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                for data in parts:
                    view = memoryview(data)
                    while view:
                        view = view[file.write(view) :]
                if durable:
                    os.fsync(descriptor)
        except BaseException:
            os.unlink(path)
            raise

    def append(self, name: str, text: str) -> None:
        """To a file of people's, at its end; made where it is missing. No link is followed."""
        descriptor = os.open(self.path(name), _AT_END, 0o666)
        try:
            os.write(descriptor, text.encode(errors="backslashreplace"))
        finally:
            os.close(descriptor)

    def sync(self, folder: str) -> None:
        """What was made, renamed and removed in the folder is on disk."""
        descriptor = os.open(self.path(folder), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # of file systems that keep names at once
                raise
        finally:
            os.close(descriptor)

    def rename(self, old: str, new: str) -> None:
        """Atomic. `FileNotFoundError` where there is no such name (any more)."""
        os.rename(self.path(old), self.path(new))

    def remove(self, name: str) -> None:
        """Without effect where it is gone."""
        try:
            os.unlink(self.path(name))
        except FileNotFoundError:
            pass

    def make(self, folder: str) -> None:
        """A folder, unless it is there."""
        os.makedirs(self.path(folder), exist_ok=True)


def failed(path: str, error: OSError) -> StoreError:
    """What the system has raised, in words: the path, the cause, and the way out."""
    cause = _CAUSES.get(error.errno or 0, "the system cannot read or write it; look at the disk, then write again")
    made = StoreError(f"{path}: {cause} ({type(error).__name__}: {error})")
    made.__cause__ = error
    return made


@contextmanager
def telling(path: str) -> Iterator[None]:
    """Raises `StoreError` in place of what the system raises."""
    try:
        yield
    except OSError as error:
        raise failed(path, error) from error
