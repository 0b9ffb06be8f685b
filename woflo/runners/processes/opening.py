"""Starting a program by `subprocess` while other threads fork.

`Popen` waits for the end of a pipe, and a child that is forked meanwhile would hold that open as long as it lives. So
whoever forks waits until the program has begun.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

__all__ = ["opened"]

_opening = threading.Lock()


def opened(command: Sequence[str], **options: Any) -> int:
    """Start it as `subprocess.Popen` does, in a session of its own and with nothing to read; its process id.

    Its end is the caller's to notice. Raises `OSError` where it cannot be started.
    """
    import subprocess

    with _opening:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **options)
    process.returncode = 0  # subprocess must not wait for it
    return process.pid


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_opening.release)
