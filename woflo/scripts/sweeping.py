"""Logs of commands do not stay for ever: what is old, or beyond a number or a size, is removed, the oldest first.

    an attempt has ended ─► its log is counted ─► many of them, or an hour since the last time ─► a thread sweeps

The limits have the names of those of `LogFiles`, and are settings of the project: the table `[logs]` of `woflo.toml`.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from woflo.errors import SettingsError
from woflo.kernel import bus
from woflo.scripts.places import below, project

if sys.platform != "win32":
    import fcntl

__all__ = ["Limits", "hold", "limits", "remove_of", "sweep", "written"]

_OURS = re.compile(r"(?!\d{8}T\d{6}-)(direct-\d+-\d+|(.+_)?[0-9a-f]{28}[^/]*)\.\d+\.log")
"""Names of logs of commands; those of observers begin with a time, and have limits of their own."""
HOUR = 3600.0
DAY = 24 * HOUR
SHARE = 4
"""After this part of what is kept was written by this process, old ones are looked for."""
LENGTH_OF_ID = 28


class Limits(NamedTuple):
    """What is kept; None for no such limit."""

    keep: int | None = 10_000
    """How many logs."""
    max_age: float | None = 30.0
    """Days since a log was written to last."""
    max_bytes: int | None = 1 << 30
    """Of all logs together. The newest one stays, however large it is."""


def limits() -> Limits:
    """Those of the project: the defaults, and what the table `[logs]` of its `woflo.toml` says, 0 for no limit.

    Raises `SettingsError` for what cannot be meant there.
    """
    top = project()
    found = _known.get(top)
    if found is None:
        found = _known[top] = _limits_of(top)
    return found


_known: dict[str, Limits] = {}
"""By project; what is wrong is told at each call."""


def _limits_of(top: str) -> Limits:
    path = os.path.join(top, "woflo.toml")
    given = _table(path)
    for name, value in given.items():
        if name not in Limits._fields:
            raise SettingsError(f"{path}: [logs] has no setting {name!r}; it has: {', '.join(Limits._fields)}")
        whole = name != "max_age"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not value >= 0:
            kind = "whole number" if whole else "number of days"
            raise SettingsError(f"{path}: [logs] {name} = {value!r} must be a {kind}, or 0 for no limit")
    return Limits(**{name: value or None for name, value in given.items()})


def _table(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return {}
    if b"logs" not in data:
        return {}  # as in most, so that nothing is imported for it
    import tomllib

    try:
        found = tomllib.loads(data.decode()).get("logs", {})
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: 'logs' must be a table, [logs], and is {found!r}")
    return found


# -- when ----------------------------------------------------------------------------------------------


class _Counted:
    """What this process has written since it swept last."""

    lock = threading.Lock()
    logs = 0
    size = 0
    is_first = True

    @classmethod
    def forget(cls) -> None:
        """In a child: a thread of the parent may have held the lock, and has counted what the parent wrote."""
        cls.lock, cls.logs, cls.size = threading.Lock(), 0, 0


def written(log: str) -> None:
    """An attempt has ended, and this is its log. Never waits, never raises."""
    try:
        size = os.stat(log).st_size
        if _is_due(size, limits()):
            threading.Thread(target=_sweep_safely, args=(os.path.dirname(log),), name="woflo-logs", daemon=True).start()
    except FileNotFoundError:
        return  # nothing was executed
    except Exception as error:
        bus.complain("old logs could not be removed", error)


def _is_due(size: int, kept: Limits) -> bool:
    with _Counted.lock:
        _Counted.logs += 1
        _Counted.size += size
        is_first, _Counted.is_first = _Counted.is_first, False
        is_much = kept.max_bytes is not None and _Counted.size > kept.max_bytes // SHARE
        is_many = kept.keep is not None and _Counted.logs > max(100, kept.keep // SHARE)
        if is_much or is_many:
            _Counted.logs = _Counted.size = 0
            return True
    return is_first and _is_long_ago()


def _is_long_ago() -> bool:
    """True where no process has swept within the last hour; then this one does."""
    stamp = below("swept")
    try:
        if time.time() - os.stat(stamp).st_mtime < HOUR:
            return False
        os.utime(stamp)
    except FileNotFoundError:
        os.close(os.open(stamp, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return True


def _sweep_safely(folder: str) -> None:
    try:
        sweep(folder)
    except Exception as error:
        bus.complain("old logs could not be removed", error)


# -- what ----------------------------------------------------------------------------------------------


def sweep(folder: str, kept: Limits | None = None) -> list[str]:
    """Remove the logs beyond the limits, those of the project or `kept`; the names of those that are gone.

    The logs of attempts under way stay, and so does whatever is no log of a command.
    """
    kept = kept or limits()
    oldest = -1.0 if kept.max_age is None else time.time() - kept.max_age * DAY
    gone: list[str] = []
    size = 0
    for count, (changed, name, length) in enumerate(sorted(_logs(folder), reverse=True), 1):
        size += length
        is_beyond = kept.keep is not None and count > kept.keep
        is_much = kept.max_bytes is not None and size > kept.max_bytes and count > 1
        if (is_beyond or is_much or changed < oldest) and _is_removed(os.path.join(folder, name)):
            gone.append(name)
            size -= length
    return gone


def remove_of(run_ids: Collection[str]) -> list[str]:
    """Remove the logs of these runs, and of their steps; the names of those that are gone."""
    folder = below("logs")
    meant = {run_id for run_id in run_ids if len(run_id) == LENGTH_OF_ID}
    found = [name for _, name, _ in _logs(folder) if name[:LENGTH_OF_ID] in meant] if meant else []
    return [name for name in found if _is_removed(os.path.join(folder, name))]


def _logs(folder: str) -> Iterator[tuple[float, str, int]]:
    """When each was changed last, its name and its size."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not _OURS.fullmatch(entry.name):
                    continue
                try:
                    if entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        yield status.st_mtime, entry.name, status.st_size
                except OSError:
                    continue  # removed meanwhile
    except FileNotFoundError:
        return


def _is_removed(path: str) -> bool:
    """False for one that is being written to, or that is gone already."""
    if sys.platform == "win32":
        return False
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def hold(log: str) -> int:
    """From now on a command of this process writes to the log, until `os.close` of the descriptor that this returns.

    The file, and its folder, are made where they are missing.
    """
    try:
        fd = os.open(log, _HELD, 0o600)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(log), mode=0o700, exist_ok=True)
        fd = os.open(log, _HELD, 0o600)
    if sys.platform != "win32":
        fcntl.flock(fd, fcntl.LOCK_SH)
    return fd


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Counted.forget)

_HELD = os.O_RDONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
