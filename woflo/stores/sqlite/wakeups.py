"""Hearing of what other processes wrote.

Each store that has listeners binds a datagram socket in a folder that all who use the file know. Whoever has
committed sends a byte to every socket there. What is lost that way is found by looking at SQLite's count of changes
twice a second.
"""

from __future__ import annotations

import os
import secrets
import select
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256

from woflo.stores.sqlite.connections import open_reader
from woflo.stores.sqlite.forking import inside

__all__ = ["Wakeups", "socket_folder"]

PAUSE = 0.5
"""Seconds after which the truth is looked at, whatever was heard."""
LONGEST = 103
"""Bytes of a socket's path: 107 on Linux, 103 on macOS."""


class Wakeups:
    """Sends to others, and calls `changed()` in a thread of its own when others wrote; the thread starts on demand."""

    def __init__(self, path: str, folder: str, changed: Callable[[], None]) -> None:
        self._path = path
        self._folder = folder
        self._changed = changed
        self._out = _datagrams()
        self._in: socket.socket | None = None
        self._name = ""
        """Of the own socket, which is not sent to."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    # -- sending ---------------------------------------------------------------------------------------

    def send(self) -> None:
        """Wake all others. Who has many of them waiting already needs no further one."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return
        for name in names:
            if name.endswith(".sock") and name != self._name:
                self._send_to(os.path.join(self._folder, name))

    def _send_to(self, path: str) -> None:
        try:
            self._out.sendto(b"!", path)
        except ConnectionRefusedError:  # whose process is gone
            with suppress(OSError):
                os.unlink(path)
        except OSError:
            pass

    # -- hearing ---------------------------------------------------------------------------------------

    def listen(self) -> None:
        """From now on `changed` is called."""
        with self._lock:
            if self._thread is None and not self._is_closed:
                self._in = self._bound()
                self._thread = threading.Thread(target=self._hear, args=(self._in,), name="woflo-listen", daemon=True)
                self._thread.start()

    def _bound(self) -> socket.socket:
        made = _datagrams()
        name = f"{secrets.token_hex(4)}.sock"
        with suppress(OSError):  # nobody will wake us: it takes up to half a second then
            made.bind(os.path.join(self._folder, name))
            self._name = name
        return made

    def _hear(self, ours: socket.socket) -> None:
        with inside:
            connection = open_reader(self._path)
        seen = None
        while not self._is_closed:
            if _was_told(ours):
                self._changed()
                continue  # the count is for what nobody told: who waits is not to wait for that too
            with inside:
                (count,) = connection.execute("PRAGMA data_version").fetchone()
            if count != seen:
                seen = count
                self._changed()
        connection.close()

    # -- the end ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """The socket is gone, and the thread ends."""
        with self._lock:
            self._is_closed = True
            thread, self._thread = self._thread, None
        if self._name:
            path = os.path.join(self._folder, self._name)
            self._send_to(path)
            with suppress(OSError):
                os.unlink(path)
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._drop()

    def _drop(self) -> None:
        """Close the sockets: all there is to do in a forked child."""
        self._out.close()
        if self._in is not None:
            self._in.close()


def _datagrams() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def _was_told(ours: socket.socket) -> bool:
    """After a byte, or after a while; all that is there counts once."""
    waiting = select.poll()
    waiting.register(ours, select.POLLIN)
    if not waiting.poll(PAUSE * 1000):
        return False
    with suppress(BlockingIOError):
        while ours.recv(1):
            pass
    return True


def socket_folder(beside: str) -> str:
    """The folder for sockets: beside the database, or under the temporary one where the path would be too long."""
    longest = os.path.join(beside, f"{'0' * 8}.sock")
    if len(os.fsencode(longest)) <= LONGEST:
        return beside
    own = os.path.join(tempfile.gettempdir(), f"woflo-{os.getuid()}")
    folder = os.path.join(own, sha256(os.fsencode(beside)).hexdigest()[:16])
    os.makedirs(own, mode=0o700, exist_ok=True)
    if os.lstat(own).st_uid != os.getuid():
        return beside  # somebody else's: nobody is woken, and all look twice a second
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder
