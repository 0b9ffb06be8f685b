"""The output of a command on its way to its file, without what is known to be secret.

    command ─► pipe ─► a thread here, which hides ─► the file

Only where anything is known to be secret: else a command writes to the file itself. So at no time the file has what
must not be in it, whenever this process is killed; the command, which is ended then as well, can write nowhere else.
"""

from __future__ import annotations

import codecs
import os
import select
import sys
import threading
from contextlib import ExitStack
from typing import Any

from woflo.kernel.hiding import Hider, is_any_known
from woflo.scripts import guarding
from woflo.scripts.spawning import Command

if sys.platform != "win32":
    import fcntl

__all__ = ["HiddenOutput", "start"]

FIRST_KEPT = 100
"""From which number on a command inherits what it does not know of: shells and their scripts use lower ones."""
PIECE = 1 << 16
MOST_PIECES = 16
"""More than a pipe holds."""
_ENCODING, _ERRORS = "utf-8", "surrogateescape"
"""What is no UTF-8 comes out as it went in."""


def start(argv: list[str], env: dict[Any, Any], cwd: str, output: int | str) -> tuple[Command, HiddenOutput | None]:
    """As `guarding.start`, and who copies its output; None where nothing is known to be secret."""
    if not is_any_known():
        return guarding.start(argv, env, cwd, output), None
    with ExitStack() as stack:
        if isinstance(output, str):
            file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            kept: tuple[int, ...] = ()
        else:  # the mark stays locked as long as the command executes, should this process be killed
            file = fcntl.fcntl(output, fcntl.F_DUPFD_CLOEXEC, FIRST_KEPT)
            kept = (file,)
        stack.callback(os.close, file)
        hidden = HiddenOutput(file)
        try:
            command = guarding.start(argv, env, cwd, hidden.writer, kept)
        except BaseException:
            hidden.give_up()
            raise
    hidden.begin()
    return command, hidden


class HiddenOutput:
    """Copies what is written to `writer` into a file, a descriptor of which is given; that stays the giver's."""

    def __init__(self, file: int) -> None:
        self._file = os.dup(file)
        self._reader, writer = os.pipe()
        self.writer: int = writer
        os.set_blocking(self._reader, False)
        self._lock = threading.Lock()
        """Held by who reads, and writes what was read."""
        self._decoder: Any = codecs.getincrementaldecoder(_ENCODING)(_ERRORS)
        self._hider = Hider()
        self._is_open = True
        self._thread = threading.Thread(target=self._copy, name="woflo-output", daemon=True)

    def begin(self) -> None:
        """The command has begun, and alone has the other end."""
        os.close(self.writer)
        self._thread.start()

    def give_up(self) -> None:
        """The command could not be started."""
        for fd in (self.writer, self._reader, self._file):
            os.close(fd)

    def end(self) -> None:
        """The command has ended: what it has written is in the file when this returns.

        What it left behind may go on writing, and is copied as it comes; however fast that is, it is not waited for.
        """
        with self._lock:
            for _ in range(MOST_PIECES):
                if not (self._is_open and self._take()):
                    break
            if self._is_open:
                self._write(self._decoder.decode(b"", True) + self._hider.rest())

    def _copy(self) -> None:
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        while self._is_open:
            poll.poll()
            with self._lock:
                if self._is_open:
                    self._take()
        os.close(self._reader)  # here alone: this thread may be about to wait for it
        os.close(self._file)

    def _take(self) -> bool:
        """Copy a piece; False where there is none for now, or never again."""
        try:
            data = os.read(self._reader, PIECE)
        except BlockingIOError:
            return False
        text = self._hider.feed(self._decoder.decode(data, not data))
        try:
            self._write(text if data else text + self._hider.rest())
        except OSError:  # a full disk: who writes on is ended by SIGPIPE
            data = b""
        self._is_open = bool(data)
        return self._is_open

    def _write(self, text: str) -> None:
        view = memoryview(text.encode(_ENCODING, _ERRORS))
        while view:
            view = view[os.write(self._file, view) :]
