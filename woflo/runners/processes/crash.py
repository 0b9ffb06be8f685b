"""The story of a process that ended without an outcome."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from woflo.errors import TaskCrashedError
from woflo.kernel.masking import shorten_call

__all__ = ["Exit", "count_oom_kills", "crash_error"]

_HOME = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
_PACKAGE = re.compile(rf'"{re.escape(_HOME)}/(kernel|runners)/')
_NONE: Mapping[str, Any] = MappingProxyType({})
_KILLED_FOR_MEMORY = "the kernel counted an out-of-memory kill meanwhile"


class Exit(NamedTuple):
    """How a child ended. `status` is as `os.waitpid` tells it, None where nobody could."""

    status: int | None
    peak_memory: int | None = None
    text: str = ""
    """What faulthandler wrote."""
    out_of_memory: bool = False
    output: str = ""
    call: int = 0
    """The number of the call that was under way, for a worker of a pool; 0 for none."""

    @property
    def code(self) -> int | None:
        """The exit code, or None where a signal ended the child."""
        if self.status is None or self.status & 0x7F:
            return None
        return self.status >> 8

    @property
    def signal(self) -> str | None:
        """The name of the signal that ended the child."""
        number = 0 if self.status is None else self.status & 0x7F
        if not number:
            return None
        try:
            return signal.Signals(number).name
        except ValueError:
            return f"signal {number}"


def crash_error(
    end: Exit, name: str, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] = _NONE, names: Sequence[str] = ()
) -> TaskCrashedError:
    """The error for an attempt whose process ended in this way."""
    if end.signal is not None:
        how = f"its process was ended by {end.signal}"
    elif end.code is not None:
        how = f"its process left with exit code {end.code} before there was a result"
    else:
        how = "its process is gone, and nobody could tell how it ended"
    memory = f"; peak memory {end.peak_memory / 1e6:,.0f} MB" if end.peak_memory else ""
    starved = f"; {_KILLED_FOR_MEMORY}" if end.out_of_memory else ""
    return TaskCrashedError(
        f"{shorten_call(name, args, kwargs, names)}: {how}{memory}{starved}",
        exit_code=end.code,
        signal=end.signal,
        peak_memory=end.peak_memory,
        out_of_memory=end.out_of_memory,
        trace=trim_trace(end.text),
        output=end.output,
    )


def trim_trace(text: str) -> str:
    """faulthandler's report without what lies below the user's code: woflo's frames, and those that started it."""
    kept = []
    below = False
    for line in text.splitlines():
        is_frame = line.startswith("  File ")
        below = is_frame and (below or _PACKAGE.search(line) is not None)
        if not below:
            kept.append(line)
    return "\n".join(kept)


def count_oom_kills() -> int:
    """How many processes the kernel has killed for want of memory, in this control group; 0 where it does not tell."""
    try:
        with open("/proc/self/cgroup") as file:
            group = file.read().rpartition("::")[2].strip()
        with open(f"/sys/fs/cgroup{group}/memory.events") as file:
            return _oom_kill_line(file.read())
    except OSError:
        return _count_in_vmstat()


def _count_in_vmstat() -> int:
    try:
        with open("/proc/vmstat") as file:
            return _oom_kill_line(file.read())
    except OSError:
        return 0


def _oom_kill_line(text: str) -> int:
    for line in text.splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0
