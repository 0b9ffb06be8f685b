"""Frames on the stream socket between a caller and a child.

    | magic 1 | kind 1 | descriptors 2 | length 4 | number 8 | payload … |

`number` is the call that a frame belongs to. A descriptor that the system does not let pass is replaced by its
content: it comes before the frame, in pieces. What does not begin with the magic byte is text that
faulthandler wrote straight onto the socket; it is ASCII, so the magic byte cannot occur in it.
"""

from __future__ import annotations

import _socket
import array
import mmap
import os
import socket
import struct
from collections import deque

from woflo.runners.processes.shipping import shared_file

__all__ = [
    "CALL",
    "CAPTURE",
    "CODE",
    "ERROR",
    "EVENT",
    "FORGET",
    "HEADER",
    "MESSAGE",
    "PLAIN",
    "PLAIN_CALLS",
    "RETURNED",
    "ROLE",
    "SHARED",
    "STARTED",
    "VALUE",
    "Decoder",
    "Frame",
    "Socket",
    "content_pieces",
    "frame",
    "send_frame",
    "socket_pair",
]

HEADER = struct.Struct("<BBHIQ")
MAGIC = 0xF7
_MAGIC_BYTE = bytes([MAGIC])
VALUE, ERROR, MESSAGE, STARTED, RETURNED, ROLE, CALL, CODE, CAPTURE, PLAIN, SHARED, FORGET, PLAIN_CALLS = range(1, 14)
EVENT = 14
MAX_FDS = 64
"""Descriptors taken from the socket in one read."""
# As plain numbers: those of `socket` are slow enumerations.
_FAMILY, _KIND, _CLOEXEC = (int(getattr(socket, name, 0)) for name in ("AF_UNIX", "SOCK_STREAM", "MSG_CMSG_CLOEXEC"))
_NO_FDS: list[int] = []
_PASSED, _PIECE, _REPLACED = 1, 2, 3
"""What may stand for descriptors: one that is passed, a piece of the content of one that is not, and all of it."""
_PIECE_SIZE = 1 << 20
_ANCILLARY = socket.CMSG_SPACE(MAX_FDS * 4) if hasattr(socket, "CMSG_SPACE") else 0


Frame = tuple[int, int, bytes, int | None]
"""One message: kind, number, payload, and the descriptor that came with it, which whoever takes the frame closes.

A plain tuple, because a pool takes some hundred thousand of them a second.
"""


Socket = _socket.socket
"""What `socket.socket` is a class upon, without the calls that it adds to each of its steps."""


def socket_pair() -> tuple[Socket, Socket]:
    """Two ends of a stream."""
    return _socket.socketpair(_FAMILY, _KIND, 0)


def frame(kind: int, number: int, payload: bytes = b"", with_fd: bool = False) -> bytes:
    """A message as bytes."""
    return HEADER.pack(MAGIC, kind, int(with_fd), len(payload), number) + payload


def send_frame(sock: Socket, kind: int, number: int, payload: bytes = b"", fd: int | None = None) -> None:
    """Send one message, waiting while the socket is full."""
    data = frame(kind, number, payload, fd is not None)
    if fd is None:
        sock.sendall(data)
        return
    sent = sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    if sent < len(data):
        sock.sendall(data[sent:])


def receive(sock: Socket, size: int = 1 << 16, flags: int = 0) -> tuple[bytes, list[int]]:
    """What the socket has, and the descriptors that came with it."""
    data, ancillary, _, _ = sock.recvmsg(size, _ANCILLARY, flags | _CLOEXEC)
    if not ancillary:
        return data, _NO_FDS
    fds = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    return data, list(fds)


def content_pieces(data: memoryview, fd: int) -> list[memoryview]:
    """What to send instead of `data`, of which one frame goes with `fd`."""
    at = 0
    while HEADER.unpack_from(data, at)[2] != _PASSED:
        at += HEADER.size + HEADER.unpack_from(data, at)[3]
    magic, kind, _, length, number = HEADER.unpack_from(data, at)
    content = memoryview(mmap.mmap(fd, 0, access=mmap.ACCESS_READ))
    parts = [data[:at]]
    for start in range(0, len(content), _PIECE_SIZE):
        piece = content[start : start + _PIECE_SIZE]
        parts += [memoryview(HEADER.pack(magic, kind, _PIECE, len(piece), number)), piece]
    parts += [memoryview(HEADER.pack(magic, kind, _REPLACED, length, number)), data[at + HEADER.size :]]
    return [part for part in parts if part]


class Decoder:
    """Cuts a stream into frames."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        """What was fed and is no whole frame yet: joined once, when `_needed` bytes are there."""
        self._size = 0
        self._needed = 0
        self._fds: deque[int] = deque()
        self.text: str = ""
        """What was written between the frames: the report of faulthandler."""
        self._content: int | None = None
        """Memory for the content of a descriptor that did not pass."""

    def feed(self, data: bytes, fds: list[int]) -> list[Frame]:
        """The frames that are complete with `data`."""
        if fds:
            self._fds.extend(fds)
        if self._size:
            self._chunks.append(data)
            self._size += len(data)
            if self._size < self._needed:
                return []
            data = b"".join(self._chunks)
        frames: list[Frame] = []
        at, end, head, unpack = 0, len(data), HEADER.size, HEADER.unpack_from
        needed = head
        while at + head <= end:
            magic, kind, with_fd, length, number = unpack(data, at)
            if magic != MAGIC:
                at = self._take_text(data, at)
                continue
            stop = at + head + length
            if stop > end:
                needed = stop - at
                break
            if with_fd != _PIECE:
                fd = self._take_descriptor(with_fd) if with_fd else None
                frames.append((kind, number, data[at + head : stop], fd))
            else:
                self._take_piece(data[at + head : stop])
            at = stop
        self._chunks = [data[at:]] if at < end else []
        self._size, self._needed = end - at, needed
        return frames

    def _take_piece(self, piece: bytes) -> None:
        if self._content is None:
            self._content = shared_file()
        view = memoryview(piece)
        while view:
            view = view[os.write(self._content, view) :]

    def _take_descriptor(self, how: int) -> int | None:
        if how == _PASSED:
            return self._fds.popleft()
        content, self._content = self._content, None
        return content

    def finish(self) -> None:
        """The stream has ended: what is left is text, or a frame cut short."""
        rest = b"".join(self._chunks)
        if rest and rest[0] != MAGIC:
            self._take_text(rest, 0)
        self._chunks, self._size = [], 0

    def _take_text(self, data: bytes, at: int) -> int:
        stop = data.find(_MAGIC_BYTE, at)
        stop = len(data) if stop < 0 else stop
        self.text += data[at:stop].decode("ascii", "replace")
        return stop
