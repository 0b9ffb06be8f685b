"""Where SQLite must not be used: file systems of other machines, on which locks and shared memory do not hold.

Its own manual says so: https://www.sqlite.org/wal.html, "WAL does not work over a network filesystem".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from woflo.errors import StoreError

__all__ = ["refuse_network"]

MOUNTS = Path("/proc/self/mountinfo")
"""What Linux tells of them, https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html; not there elsewhere."""

_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|lustre|beegfs|gpfs|ocfs2|glusterfs|virtiofs|davfs|"
    r"fuse\.(sshfs|rclone|s3fs|gcsfuse|glusterfs|cephfs|davfs2?|juicefs|goofys)"
)


def refuse_network(folder: str) -> None:
    """Raises `StoreError` where the folder is on a file system of another machine."""
    kind = _kind_of(folder)
    if _NETWORK.fullmatch(kind):
        raise StoreError(
            f"{folder} is on a file system of another machine ({kind}), where SQLite's locks do not hold and data "
            f"would be lost; name a folder on a local disk, or use a store that is made for several machines"
        )


def _kind_of(folder: str) -> str:
    """The type of the file system; of mounts one above the other the last one shows."""
    best = (0, "")
    for point, kind in _mounts():
        if f"{folder}/".startswith(f"{point.rstrip('/')}/") and len(point) >= best[0]:
            best = (len(point), kind)
    return best[1]


def _mounts() -> Iterator[tuple[str, str]]:
    """Mount points and their types."""
    if not MOUNTS.exists():
        return
    for line in MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        yield _unescaped(before.split(" ")[4]), after.split(" ")[0]


def _unescaped(point: str) -> str:
    """Spaces and the like are written as three octal digits."""
    return re.sub(r"\\(\d{3})", lambda digits: chr(int(digits[1], 8)), point)
