"""Values as bytes, and back. Small ones travel in a frame, large ones through memory that both sides can read.

Plain pickle (protocol 5) first; cloudpickle where pickle refuses, or where the value names something of
`__main__`, which the other process does not have. Buffers, such as those of numpy, are written without a copy.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import struct
import sys
from collections.abc import Callable
from typing import Any

from woflo.errors import SerializationError

__all__ = ["ATOMS", "SMALL", "Parcel", "are_plain", "close_inherited", "dump", "dump_in_memory", "load", "open_parcel"]

SMALL = 1 << 16
"""Up to how many bytes a value travels inside its frame."""
_PROTOCOL = 5
_WRITE_CHUNK = 1 << 30
_FRAME = 1 << 17
"""Pickle writes its opcodes in frames of about 64 KB; a longer piece is the content of one large value."""
ATOMS = frozenset({int, float, bool, type(None)})
"""Types of values that are small and that pickle alone packs."""
_FEW, _SHORT_TEXT = 8, 1024
_OWN_FDS = "/proc/self/fd"
_SIZES = struct.Struct("<Q")


class Parcel:
    """A packed value: `data` in the frame, and, for a large one, `fd` of the memory that holds it.

    With `fd`, `data` is the sizes of its parts: the pickle, then each buffer.
    """

    __slots__ = ("data", "fd", "names_main")

    def __init__(self, data: bytes, fd: int | None = None, names_main: bool = False) -> None:
        self.data: bytes = data
        self.fd = fd
        self.names_main: bool = names_main
        """True where the pickle may refer to something of `__main__` by its name."""

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


def shared_file(size: int = 0, name: str = "woflo") -> int:
    """A descriptor of nameless memory (a nameless file where the system has no such memory)."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create(name, os.MFD_CLOEXEC)
    else:
        import tempfile

        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    if size:
        os.ftruncate(fd, size)
    return fd


def close_inherited() -> None:
    """In a forked child that lives long and has received nothing yet: let go of the values of its caller.

    Their memory would last as long as the child otherwise. (Where the system has no such memory it does.)
    """
    try:
        names = os.listdir(_OWN_FDS)
    except OSError:
        return
    for name in names:
        try:
            if os.readlink(f"{_OWN_FDS}/{name}").startswith("/memfd:woflo ("):
                os.close(int(name))
        except OSError:
            pass  # the descriptor by which the folder was read


def dump(value: Any, *, to_caller: bool = False) -> Parcel:
    """Pack a value. Raises whatever pickle raises where it cannot be done.

    `to_caller` is the direction: in the caller's process `__main__` is what it is, in any other it is not.
    """
    if type(value) in ATOMS:
        return Parcel(pickle.dumps(value, _PROTOCOL))
    try:
        parcel = _dump_with(pickle.Pickler, value)
    except MemoryError:
        raise  # cloudpickle needs no less
    except Exception:
        return _dump_with(_cloud_pickler(to_caller), value)
    if parcel.names_main and not to_caller:
        parcel.close()
        return _dump_with(_cloud_pickler(to_caller), value)
    return parcel


def are_plain(args: tuple[Any, ...]) -> bool:
    """True for a few numbers and short texts: pickled in less time than it takes to look closer."""
    if len(args) > _FEW:
        return False
    for value in args:
        if type(value) not in ATOMS and (type(value) is not str or len(value) > _SHORT_TEXT):
            return False
    return True


def dump_in_memory(value: Any, *, to_caller: bool = False) -> bytes:
    """Like `dump`, as one piece of bytes whatever its size, for what is kept and sent more than once."""
    try:
        data = pickle.dumps(value, _PROTOCOL)
        if to_caller or b"__main__" not in data:
            return data
    except Exception:
        pass  # not for plain pickle; cloudpickle says why where it is not for that either
    file = io.BytesIO()
    _cloud_pickler(to_caller)(file, _PROTOCOL).dump(value)
    return file.getvalue()


def _cloud_pickler(to_caller: bool) -> Callable[..., Any]:
    from woflo.runners.processes.classes import pickler_class

    kind = pickler_class()
    main = vars(sys.modules["__main__"])

    def make(*args: Any, **kwargs: Any) -> Any:
        pickler = kind(*args, **kwargs)
        pickler.to_caller = to_caller
        if not to_caller:
            pickler.globals_ref[id(main)] = _MainGlobals()
        return pickler

    return make


class _MainGlobals(dict[str, Any]):
    """The globals of `__main__` on their way: all functions of it share one dictionary there, as they do here."""

    def __reduce__(self) -> Any:
        return (_main_globals, ())


def _main_globals() -> dict[str, Any]:
    return vars(sys.modules["__main__"])


def _dump_with(pickler: Callable[..., Any], value: Any) -> Parcel:
    spill = _Spill()
    buffers: list[Any] = []

    def keep_in_band(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < SMALL:
            return True
        buffers.append(raw)
        return False

    try:
        pickler(spill, _PROTOCOL, buffer_callback=keep_in_band).dump(value)
        return spill.parcel(buffers)
    except BaseException:
        spill.close()
        raise


class _Spill:
    """A file for a pickler: in memory while it is small, then in shared memory. Large pieces are not copied."""

    __slots__ = ("_fd", "_names_main", "_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[Any] = []
        self._size = 0
        self._fd: int | None = None
        self._names_main = False

    def write(self, piece: Any) -> int:
        size = memoryview(piece).nbytes
        self._size += size
        if size <= _FRAME:
            self._names_main |= b"__main__" in bytes(piece)
        if self._fd is None and self._size > SMALL:
            self._spill()
        if self._fd is None:
            self._parts.append(bytes(piece))
        else:
            _write_all(self._fd, piece)
        return size

    def _spill(self) -> None:
        self._fd = shared_file()
        for part in self._parts:
            _write_all(self._fd, part)
        self._parts.clear()

    def parcel(self, buffers: list[Any]) -> Parcel:
        if buffers and self._fd is None:
            self._spill()
        if self._fd is None:
            data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            return Parcel(data, None, self._names_main)
        sizes = [self._size]
        for buffer in buffers:
            _write_all(self._fd, buffer)
            sizes.append(buffer.nbytes)
        fd, self._fd = self._fd, None
        return Parcel(b"".join(map(_SIZES.pack, sizes)), fd, self._names_main)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)


def _write_all(fd: int, piece: Any) -> None:
    view = memoryview(piece).cast("B")
    while view:
        view = view[os.write(fd, view[:_WRITE_CHUNK]) :]


def load(parcel: Parcel, *, mapped: bool = False) -> Any:
    """Unpack a value, and close what held it. Raises whatever loading raises.

    With `mapped` its buffers stay in the memory that it came in, and are read-only. Only so may several processes
    load the same parcel at once.
    """
    if parcel.fd is None:
        return pickle.loads(parcel.data)
    try:
        sizes = [size for (size,) in _SIZES.iter_unpack(parcel.data)]
        return _load_mapped(parcel.fd, sizes) if mapped else _load_read(parcel.fd, sizes)
    finally:
        parcel.close()


def _load_mapped(fd: int, sizes: list[int]) -> Any:
    """Everything through the map: a descriptor that was passed on has one read position for all who got it."""
    whole = memoryview(mmap.mmap(fd, sum(sizes), access=mmap.ACCESS_READ))
    buffers = [whole[start : start + size] for start, size in _places(sizes)]
    return pickle.loads(whole[: sizes[0]], buffers=buffers)


def _load_read(fd: int, sizes: list[int]) -> Any:
    """By reading, in chunks, so that not all of the pickle is in memory. Nobody else reads from `fd` meanwhile."""
    buffers = [_read_buffer(fd, size, start) for start, size in _places(sizes)]
    os.lseek(fd, 0, os.SEEK_SET)
    with io.FileIO(fd, "rb", closefd=False) as raw, io.BufferedReader(raw, SMALL) as file:
        return pickle.Unpickler(file, buffers=buffers).load()


def _places(sizes: list[int]) -> list[tuple[int, int]]:
    """Where each buffer starts, and its size; the pickle comes before them."""
    at, places = sizes[0], []
    for size in sizes[1:]:
        places.append((at, size))
        at += size
    return places


def _read_buffer(fd: int, size: int, at: int) -> Any:
    """The bytes in memory of this process: writable, freed with what is built on it, and without a descriptor."""
    if size == 0:
        return bytearray()
    memory = mmap.mmap(-1, size)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            memory.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            pass  # not offered by this kernel: only slower
    view = memoryview(memory)
    done = 0
    while done < size:
        got = _read_into(fd, view[done : done + _WRITE_CHUNK], at + done)
        if got == 0:
            raise EOFError(f"{size - done} of {size} bytes are missing")
        done += got
    view.release()
    return memory


def _read_into(fd: int, view: memoryview, at: int) -> int:
    """How many bytes there were. The position of `fd` may change: whoever reads by it goes to his place first."""
    if hasattr(os, "preadv"):
        return os.preadv(fd, [view], at)
    os.lseek(fd, at, os.SEEK_SET)
    with io.FileIO(fd, "rb", closefd=False) as file:
        return file.readinto(view)


def open_parcel(parcel: Parcel, which: str, what: str) -> Any:
    """Like `load`; a failure becomes a `SerializationError` that names `which` value of `what` it was."""
    try:
        return load(parcel)
    except BaseException as error:
        raise refusal(error, which, what, "loaded") from error


def refusal(error: BaseException, which: str, what: str, verb: str) -> SerializationError:
    """What is to be told of a value that could not be packed or loaded because of `error`."""
    told = SerializationError(
        f"the {which} of {what} could not be {verb}: {type(error).__name__}: {error}", which=which
    )
    told.__cause__ = error
    return told
