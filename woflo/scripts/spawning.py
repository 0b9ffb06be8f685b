"""Starting a command in a session of its own, waiting for its end, and ending it with all that it started."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from woflo.runners.processes import tree
from woflo.runners.processes.opening import opened

__all__ = ["Command", "start"]

SLICE_MILLISECONDS = 500
KILL_SECONDS = 2.0
"""How long what was killed is looked after."""
_SIGNALS = [getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name)]
"""What Python ignores, and commands should not."""


class Command:
    """A command under way. Its process id is its own until `wait` has returned."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.is_ending: bool = False
        self.has_ended: bool = False
        self.when_ended: Callable[[], object] | None = None
        """Called when nothing is left of it, before its process id may become another's."""

    def wait(self) -> int:
        """Wait for the end; the wait status. What it left behind is ended where it was to end, or has failed."""
        status = _status_of(self.pid)
        if status or self.is_ending:
            self._end_rest()
        self.has_ended = True
        if self.when_ended is not None:
            self.when_ended()
        if _CAN_PEEK:
            os.waitpid(self.pid, 0)
        return status

    def _end_rest(self) -> None:
        end = time.monotonic() + KILL_SECONDS
        while tree.kill_trees([self.pid], spare=[self.pid]) and time.monotonic() < end:
            time.sleep(0.002)

    def ask_to_end(self) -> None:
        """SIGTERM to the command and its group."""
        self.is_ending = True
        if not self.has_ended:
            tree.kill_group(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the command and all that it started."""
        self.is_ending = True
        if not self.has_ended:
            tree.kill_trees([self.pid])


_CAN_PEEK = hasattr(os, "waitid")
"""True where the end of a process can be seen before its number is given to others."""


def _status_of(pid: int) -> int:
    """Wait for the end of a process; the wait status. Where it can be, it stays a zombie."""
    if threading.current_thread() is threading.main_thread():
        _wait_in_slices(pid)
    if not _CAN_PEEK:
        return os.waitpid(pid, 0)[1]
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert found is not None
    return found.si_status << 8 if found.si_code == os.CLD_EXITED else found.si_status


def _wait_in_slices(pid: int) -> None:
    """Wait for its end so that Ctrl-C is seen: the system may tell of it another thread than the one that waits."""
    if not hasattr(os, "pidfd_open"):
        return
    fd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while not poll.poll(SLICE_MILLISECONDS):
            pass
    finally:
        os.close(fd)


def start(argv: list[str], env: dict[Any, Any], cwd: str, output: int | str, kept: tuple[int, ...] = ()) -> Command:
    """Start it, with nothing to read, and its output to a descriptor or to the end of a file of this path.

    It inherits the descriptors that are `kept`. Raises `OSError` where it cannot be started.
    """
    if not cwd and not kept and _can_spawn:
        return _spawned(argv, env, output)
    return _opened(argv, env, cwd, output, kept)


def _load_glibc() -> Any:
    try:
        from woflo.scripts import glibc
    except ImportError:  # an interpreter without ctypes
        return None
    return glibc if glibc.available() else None


_glibc: Any = _load_glibc()
_can_spawn: bool = hasattr(os, "posix_spawnp") and sys.platform in ("linux", "darwin")
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def _spawned(argv: list[str], env: dict[Any, Any], output: int | str) -> Command:
    """The fast way: a call in C, which shares the caller's memory instead of copying it."""
    if _glibc is not None:
        return Command(_glibc.spawn(argv, env, output, _FLAGS))
    first: tuple[Any, ...] = (
        (os.POSIX_SPAWN_DUP2, output, 1) if isinstance(output, int) else (os.POSIX_SPAWN_OPEN, 1, output, _FLAGS, 0o600)
    )
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), first, (os.POSIX_SPAWN_DUP2, 1, 2)]
    return Command(os.posix_spawnp(argv[0], argv, env, file_actions=actions, setsid=True, setsigdef=_SIGNALS))


def _opened(argv: list[str], env: dict[Any, Any], cwd: str, output: int | str, kept: tuple[int, ...]) -> Command:
    import subprocess

    fd = output if isinstance(output, int) else os.open(output, _FLAGS | os.O_CLOEXEC, 0o600)
    try:
        return Command(opened(argv, env=env, cwd=cwd or None, stdout=fd, stderr=subprocess.STDOUT, pass_fds=kept))
    finally:
        if fd is not output:
            os.close(fd)
