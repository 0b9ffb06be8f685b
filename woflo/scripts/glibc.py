"""`posix_spawn` without the interpreter's lock: `os.posix_spawnp` holds it until the command has begun.

With several commands at a time that is most of what a short one takes. Only with glibc, whose structures are known to
be smaller than what is set aside for them here (`<spawn.h>`, `<signal.h>`); elsewhere `available` is False.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

__all__ = ["available", "spawn"]

_SETSIGDEF, _SETSID = 0x04, 0x80
_ROOM = 1024
"""Bytes; the largest of the structures takes 336."""
_loaded: tuple[Any, Any, int] | None = None
_last: tuple[Any, Any] = (None, None)


def available() -> bool:
    """True where this can be used."""
    return sys.platform == "linux" and hasattr(ctypes.pythonapi, "gnu_get_libc_version")


def _library() -> tuple[Any, Any, int]:
    """The function that is called without the lock, those that are called with it, and the attributes of all spawns."""
    global _loaded
    if _loaded is None:
        quick: Any = ctypes.PyDLL(None)
        spawn_it: Any = ctypes.CDLL(None).posix_spawnp
        spawn_it.argtypes = [ctypes.c_void_p] * 6
        attributes, signals = ctypes.create_string_buffer(_ROOM), ctypes.create_string_buffer(_ROOM)
        quick.posix_spawnattr_init(attributes)
        quick.sigemptyset(signals)
        _reset_ignored(quick, signals)
        quick.posix_spawnattr_setsigdefault(attributes, signals)
        quick.posix_spawnattr_setflags(attributes, ctypes.c_short(_SETSIGDEF | _SETSID))
        _kept.append(attributes)
        _loaded = (spawn_it, quick, ctypes.addressof(attributes))
    return _loaded


_kept: list[Any] = []


def _reset_ignored(quick: Any, signals: Any) -> None:
    """What Python ignores, and commands should not."""
    import signal

    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        quick.sigaddset(signals, int(number))


def spawn(argv: list[str], env: dict[bytes, bytes], output: int | str, flags: int) -> int:
    """Start a command in a session of its own; its process id. Raises `OSError`."""
    spawn_it, quick, attributes = _library()
    words = [os.fsencode(word) for word in argv]
    c_argv = (ctypes.c_char_p * (len(words) + 1))(*words, None)
    actions = ctypes.create_string_buffer(_ROOM)
    quick.posix_spawn_file_actions_init(actions)
    try:
        quick.posix_spawn_file_actions_addopen(actions, 0, b"/dev/null", os.O_RDONLY, 0)
        if isinstance(output, int):
            quick.posix_spawn_file_actions_adddup2(actions, output, 1)
        else:
            quick.posix_spawn_file_actions_addopen(actions, 1, os.fsencode(output), flags, 0o600)
        quick.posix_spawn_file_actions_adddup2(actions, 1, 2)
        if _closes(quick):
            quick.posix_spawn_file_actions_addclosefrom_np(actions, 3)
        pid = ctypes.c_int()
        name = ctypes.create_string_buffer(words[0])
        c_env = _environment(env)  # held here: another thread may put another one in its place meanwhile
        first = [ctypes.addressof(one) for one in (pid, name, actions)]
        error = spawn_it(*first, attributes, ctypes.addressof(c_argv), ctypes.addressof(c_env))
    finally:
        quick.posix_spawn_file_actions_destroy(actions)
    if error:
        raise OSError(error, os.strerror(error), argv[0])
    return pid.value


def _closes(quick: Any) -> bool:
    """True where all other descriptors can be closed (glibc 2.34): some may be made to be inherited by others."""
    global _can_close
    if _can_close is None:
        _can_close = hasattr(quick, "posix_spawn_file_actions_addclosefrom_np")
    return _can_close


_can_close: bool | None = None


def _environment(env: dict[bytes, bytes]) -> Any:
    """As C has it; made once for an environment that many commands get."""
    global _last
    given, made = _last
    if given is not env:
        made = (ctypes.c_char_p * (len(env) + 1))(*[name + b"=" + value for name, value in env.items()], None)
        _last = (env, made)
    return made
