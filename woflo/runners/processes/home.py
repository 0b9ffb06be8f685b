"""The current folder of a process, for going back to it: by a descriptor, which is one short call of the system."""

from __future__ import annotations

import os

__all__ = ["Home"]

_FLAGS = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)


class Home:
    """The folder that is the current one when this is made."""

    def __init__(self) -> None:
        self._path = ""
        self._fd = -1
        try:
            self._path = os.getcwd()
            self._fd = os.open(".", _FLAGS)
        except OSError:
            pass  # it was removed, or may not be opened here

    def enter(self) -> None:
        """Make it the current one again. Does nothing where it is not there any more."""
        try:
            os.fchdir(self._fd)
        except (OSError, AttributeError):  # code of the user has closed what it did not open
            try:
                os.chdir(self._path)
            except OSError:
                pass
