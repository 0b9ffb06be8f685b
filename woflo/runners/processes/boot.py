"""The start of a child that is a program of its own: by spawn, or forked by the fork server."""

from __future__ import annotations

import os
import pickle
import socket
import sys
from collections.abc import Callable
from typing import Any

from woflo.kernel.outcome import Outcome
from woflo.runners.processes import shipping
from woflo.runners.processes.child import Link, Role, live
from woflo.runners.processes.loading import as_told, be_fresh, guarded
from woflo.runners.processes.slots import Slots

__all__ = ["main", "play", "preparation"]


def preparation() -> dict[str, Any]:
    """What a new interpreter needs of the caller before it can load anything."""
    return {"path": list(sys.path), "folder": _folder(), "argv": list(sys.argv)}


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None  # removed meanwhile


def main(sock_fd: int, slots_fd: int, slot: int, caller: int) -> None:
    """Be a child that was started with these descriptors. Never returns."""
    sock = socket.socket(fileno=sock_fd)
    os.set_inheritable(sock_fd, False)
    os.set_inheritable(slots_fd, False)
    link = Link(sock, Slots(slots_fd), slot, caller)
    live(link, play)


def play(link: Link, tell_module: Callable[[str], None] | None = None) -> None:
    """Do what this child is for, which its caller sends; `tell_module` is called with the module that it needed."""
    try:
        be_fresh()
        role = _receive_role(link)
    except BrokenPipeError:
        raise
    except BaseException as error:  # loading executes code of the user, which may raise anything
        link.send_outcome(0, Outcome.failed(as_told(error)), "a call")
        return
    if tell_module is not None:
        tell_module(role.module)
    role.run(link)


def _receive_role(link: Link) -> Role:
    """The first frame prepares the interpreter, the second is the role."""
    prepared, packed = link.receive(), link.receive()
    assert prepared is not None and packed is not None
    _prepare(pickle.loads(prepared[2]))
    role: Role = guarded(shipping.load, shipping.Parcel(packed[2], packed[3]))
    return role


def _prepare(given: dict[str, Any]) -> None:
    sys.path[:] = given["path"]
    sys.argv[:] = given["argv"]
    if given["folder"] is not None:
        try:
            os.chdir(given["folder"])
        except OSError:
            pass  # the caller's folder is not there any more, for the caller neither
