"""A job file with those that it includes: one value, in which later files stand over earlier ones.

    include: [a.yaml, b.yaml]      a, then b over it, then the file itself over both

Mappings are merged, key by key; everything else is replaced.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from woflo.jobs.problems import Document, Problems
from woflo.jobs.reading import read, shown

__all__ = ["Including"]

INCLUDE = "include"
Expand = Callable[[str], str]


class Including:
    """Reads one job. `expand` fills variables into the names of files, and may add to `problems` by itself."""

    def __init__(self, root: Path, problems: Problems, expand: Callable[[str, Document, tuple[Any, ...]], str]) -> None:
        self._root = root
        self._problems = problems
        self._expand = expand
        self._under_way: list[Path] = []
        self._done: dict[Path, Any] = {}

    def read(self, path: Path) -> dict[str, Any]:
        """The value of a file with all that it includes."""
        path = Path(os.path.realpath(path))  # `resolve` raises where links lead in a circle
        document = read(path, self._problems)
        value: dict[str, Any] = {}
        self._under_way.append(path)
        for number, name in enumerate(self._names(document)):
            where = (INCLUDE, number) if type(document.value[INCLUDE]) is list else (INCLUDE,)
            value = _merged(value, self._included(name, path, document, where))
        self._under_way.pop()
        if document not in self._problems.documents:
            self._problems.documents.append(document)
        own = {key: item for key, item in document.value.items() if key != INCLUDE}
        return _merged(value, own)

    def _names(self, document: Document) -> list[Any]:
        given = document.value.get(INCLUDE)
        return given if type(given) is list else [] if given is None else [given]

    def _included(self, name: Any, path: Path, document: Document, where: tuple[Any, ...]) -> dict[str, Any]:
        if not isinstance(name, str) or not name:
            self._tell(document, where, f"must be the path of a file, and is {name!r:.80}")
            return {}
        found = self._found(self._expand(name, document, where), path)
        if found is None:
            self._tell(document, where, f"there is no file {name!r}, neither beside this one nor in {self._root}")
            return {}
        if found in self._under_way:
            ring = " → ".join(shown(one) for one in [*self._under_way[self._under_way.index(found) :], found])
            self._tell(document, where, f"the files include each other: {ring}")
            return {}
        if found not in self._done:
            self._done[found] = self.read(found)
        return self._done[found]  # type: ignore[no-any-return]  # as `read` has returned it

    def _found(self, name: str, path: Path) -> Path | None:
        for folder in (path.parent, self._root):
            there = folder / name
            if os.path.isfile(there):  # False for what cannot be a path, too
                return Path(os.path.realpath(there))
        return None

    def _tell(self, document: Document, where: tuple[Any, ...], message: str) -> None:
        from woflo.jobs.problems import shown_path

        self._problems.add_at(document.file, document.line_of(where)[1], shown_path(where), message)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """A new mapping; neither of the two is changed."""
    if not below:
        return dict(above)
    value = dict(below)
    for key, item in above.items():
        there = value.get(key)
        value[key] = _merged(there, item) if type(there) is dict and type(item) is dict else item
    return value
