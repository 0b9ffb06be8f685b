"""What is wrong with a job file: all of it is collected, each at its place, and told at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from woflo.errors import JobFileError
from woflo.kernel.hiding import hide
from woflo.kernel.texts import did_you_mean

__all__ = ["Document", "Problem", "Problems", "Spot", "near", "shown_path"]

MOST = 100
"""How many problems are told; of more, the number is."""

Spot = tuple[int, Any]
"""Where a value stands: its line, and the spots of what it holds, in a dictionary or list as the value is."""


class Document(NamedTuple):
    """A file that was read: its value, and where each part of it stands."""

    file: str
    """As it is shown."""
    value: Any
    spot: Spot

    def line_of(self, path: Sequence[Any]) -> tuple[int, int]:
        """How far down the path leads here, and on which line that is."""
        line, inner = self.spot
        for depth, key in enumerate(path):
            try:
                line, inner = inner[key]
            except (KeyError, IndexError, TypeError):
                return depth, line
        return len(path), line


class Problem(NamedTuple):
    """One of them; as text as compilers tell theirs."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (f"{self.file}:{self.line}", self.path, self.message)))


class Problems:
    """Those of one job, whose documents may include each other."""

    def __init__(self) -> None:
        self.documents: list[Document] = []
        """What comes later stands over what comes before."""
        self._found: dict[Problem, None] = {}
        self._told: set[tuple[Any, ...]] = set()

    def add(self, path: Sequence[Any], message: str) -> None:
        """There is something wrong at this path of the whole: the first that is told of it counts.

        What is found later follows from that: a value that is no number, because a variable in it is missing.
        """
        way = tuple(path)
        if way not in self._told:
            self._told.add(way)
            self.add_about(way, message)

    def are_at(self, path: Sequence[Any]) -> bool:
        """True where something was told of what stands at this path, or below it."""
        way = tuple(path)
        return any(one[: len(way)] == way for one in self._told)

    def add_about(self, path: Sequence[Any], message: str) -> None:
        """The same for what may be told several times of one path."""
        file, line = self._place(path)
        self.add_at(file, line, shown_path(path), message)

    def add_at(self, file: str, line: int, path: str, message: str) -> None:
        """The same for a known place."""
        self._found[Problem(file, line, path, message)] = None

    def _place(self, path: Sequence[Any]) -> tuple[str, int]:
        """In the last document that has the path, or most of it."""
        best, place = -1, ("", 1)
        for document in reversed(self.documents):
            depth, line = document.line_of(path)
            if depth > best:
                best, place = depth, (document.file, line)
        return place

    def __len__(self) -> int:
        return len(self._found)

    def check(self, what: str) -> None:
        """Raise `JobFileError` where there are any; what variables stand for may be a secret."""
        if not self._found:
            return
        order = {document.file: -number for number, document in enumerate(self.documents)}
        found = sorted(self._found, key=lambda one: (order.get(one.file, 1), one.file, one.line))
        told = [hide(str(one)) for one in found]
        shown = told[:MOST] + ([f"… and {len(told) - MOST} more"] if len(told) > MOST else [])
        raise JobFileError("\n".join([f"{what} cannot be executed:", *shown]), problems=told)


def shown_path(path: Iterable[Any]) -> str:
    """`tasks.fetch.dependencies[0]`."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f"{'.' if text else ''}{key}"
    return text


def near(name: str, known: Iterable[str], what: str = "known") -> str:
    """What is said behind an unknown name: the nearest one, or a few of those that there are."""
    names = list(known)
    listed = ", ".join(sorted(names)[:8]) + (", …" if len(names) > 8 else "")
    return did_you_mean(name, names) or (f"; {what}: {listed}" if names else "")
