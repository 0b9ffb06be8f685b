"""Ways to start a child process: fork, spawn, fork server. And the guardian.

A launcher is a class that a user names (`MultiprocessTaskRun.process_type = SpawnProcess`); the supervisor
makes one object of each that is used.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from woflo.errors import LaunchError, OptionError
from woflo.kernel import runtime
from woflo.runners.processes import wire
from woflo.runners.processes.attempts import rehearse
from woflo.runners.processes.child import Link, Role, live
from woflo.runners.processes.classes import came_by_fork
from woflo.runners.processes.inheritance import Closer, take_stock
from woflo.runners.processes.opening import opened
from woflo.runners.processes.seeds import advance
from woflo.runners.processes.tree import mark_of

if TYPE_CHECKING:
    from woflo.runners.processes.children import Child
    from woflo.runners.processes.shipping import Parcel
    from woflo.runners.processes.supervisor import Supervisor
    from woflo.runners.processes.watching import Reap

__all__ = [
    "ForkProcess",
    "ForkServerProcess",
    "Launcher",
    "SpawnProcess",
    "default_process",
    "start_guardian",
]


class Launcher(ABC):
    """Starts children in one way."""

    ships: ClassVar[bool] = True
    """True where the role is sent to the child as bytes; False where the child inherits it."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor

    @abstractmethod
    def launch(self, child: Child, theirs: wire.Socket, role: Any) -> None:
        """Start the process that will use `theirs`. `role` is a `Role`, or its `Parcel` where this launcher ships."""

    def closers_in_child(self) -> Sequence[Closer]:
        """What a child that is forked from this process has to call, to close what is this one's."""
        return ()


class ForkProcess(Launcher):
    """A copy of the calling process: nothing is sent, everything is inherited. Linux and macOS."""

    ships = False

    def __init__(self, supervisor: Supervisor) -> None:
        super().__init__(supervisor)
        runtime.prepare_forks()
        rehearse(supervisor.slots, lambda role, link, _: role.run(link))
        self._kept = threading.main_thread()
        """Each child would take the object of the caller's main thread apart otherwise, and copy pages for it."""

    def launch(self, child: Child, theirs: wire.Socket, role: Role) -> None:
        link = Link(theirs, self.supervisor.slots, child.slot, os.getpid())
        inheritance = take_stock(self.supervisor.closers_in_child(), threading.current_thread())
        advance()
        pid = _fork()
        if pid == 0:
            try:
                came_by_fork()
                live(link, role.run, inheritance)
            finally:
                os._exit(1)
        child.pid = pid
        self.supervisor.watch(child)


def _fork_without_warning() -> int:
    """`os.fork` without the warning of Python 3.12 and later about forks beside threads: `child` sees to that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


if hasattr(os, "fork"):
    _fork: Callable[[], int] = _fork_without_warning if sys.version_info >= (3, 12) else os.fork


class SpawnProcess(Launcher):
    """A new interpreter, which is sent what it needs. The slowest start, and the cleanest."""

    def launch(self, child: Child, theirs: wire.Socket, role: Parcel) -> None:
        fds = (theirs.fileno(), self.supervisor.slots.fd)
        code = f"from woflo.runners.processes.boot import main; main({fds[0]}, {fds[1]}, {child.slot}, {os.getpid()})"
        child.pid = spawn_python(code, fds)
        self.supervisor.watch(child)
        send_role(child, role)


def spawn_python(code: str, fds: tuple[int, ...]) -> int:
    """Start an interpreter that imports this very woflo and executes `code`; its process id."""
    import subprocess

    here = os.path.abspath(os.path.join(__file__, *[os.pardir] * 4))
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # as multiprocessing does
    command = [_interpreter(), *flags, "-c", f"import sys; sys.path.insert(0, {here!r}); {code}"]
    return opened(command, pass_fds=fds)


def _interpreter() -> str:
    if not sys.executable:
        raise OSError("sys.executable is not set, so no new interpreter can be started; use ForkProcess")
    return sys.executable


def send_role(child: Child, role: Parcel) -> None:
    """Prepare a child that is a program of its own, and tell it what it is for."""
    import pickle

    from woflo.runners.processes.boot import preparation

    child.send(wire.ROLE, 0, pickle.dumps(preparation()))
    child.send(wire.ROLE, 0, role.data, role.fd)
    role.close()


class ForkServerProcess(Launcher):
    """A copy of a small warm process, started once: its cost does not grow with the caller's memory.

    `preload` names modules that the server imports once, so that its children need not. The module of a task's
    function is imported there after its first call.
    """

    preload: ClassVar[tuple[str, ...]] = ()

    def __init__(self, supervisor: Supervisor) -> None:
        super().__init__(supervisor)
        if not hasattr(os, "pidfd_open"):
            raise OptionError("ForkServerProcess needs Linux 5.3 or newer; use ForkProcess or SpawnProcess")
        from woflo.runners.processes.forkserver import ForkServerClient

        self._server = ForkServerClient(supervisor, self.preload)

    def launch(self, child: Child, theirs: wire.Socket, role: Parcel) -> None:
        self._server.fork(child, theirs)
        send_role(child, role)

    def closers_in_child(self) -> Sequence[Closer]:
        return self._server.closers_in_child()


def check_system() -> None:
    """Raise `LaunchError` where descriptors cannot be passed to another process, as on Windows."""
    if not hasattr(socket, "CMSG_SPACE"):
        raise LaunchError(
            "child processes are not supported on this system yet; choose runner='thread', 'async' or 'sequential'"
        )


def default_process() -> type[Launcher]:
    """Fork where there is one, else spawn."""
    return ForkProcess if hasattr(os, "fork") else SpawnProcess


def start_guardian(supervisor: Supervisor) -> None:
    """Start the process that ends all children should this one be killed. Linux only: it needs pidfds."""
    if not hasattr(os, "pidfd_open") or not sys.executable:
        return
    from woflo.runners.processes.watching import watch_process

    path = os.path.join(os.path.dirname(__file__), "guardian.py")
    pidfd = os.pidfd_open(os.getpid())
    try:
        fds = (pidfd, supervisor.slots.fd)
        mark = mark_of(os.getpid())
        command = [sys.executable, "-I", "-S", path, *map(str, fds), str(supervisor.slots.words.nbytes), mark]
        pid = opened(command, pass_fds=fds)
    finally:
        os.close(pidfd)
    # It leaves this tree at once by a fork of its own; the first process is only waited for.
    watch_process(supervisor.reactor, pid, _reap_guardian)


def _reap_guardian(_: int | None, reap: Reap) -> None:
    reap(False)
