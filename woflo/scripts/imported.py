"""The modules that a function imports when it is executed: they are read here, and not imported.

So they count in the same way before and after that: as a whole, because nothing tells what their names will stand for.
There may be many of them, so their lines count as they are, but for those that are comments alone.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.util import resolve_name

from woflo.kernel.digest import digest
from woflo.scripts.sources import Space, lines_of, space_in

__all__ = ["imported_in", "read_modules"]


def imported_in(tree: ast.AST, package: str) -> list[str]:
    """The modules that are imported anywhere in it, in their order; some may be no modules, but names in one."""
    found: dict[str, None] = {}
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            found |= dict.fromkeys(one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            module = resolve_name("." * node.level + (node.module or ""), package)
            found |= dict.fromkeys((module, *(f"{module}.{one.name}" for one in node.names if one.name != "*")))
    return list(found)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All of them, without what is in expressions."""
    yield node
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        inner = getattr(node, block, ())
        for one in inner if isinstance(inner, list) else ():
            yield from _statements(one)


def read_modules(names: list[str], seen: set[str]) -> Iterator[tuple[Space, str]]:
    """Those of the project among these, and all that they import in their turn, with their digests.

    None of the names in `seen` is looked at; they grow.
    """
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        file = _file_of(name)
        space = space_in(file) if file is not None else None
        if space is None or not space.is_own:
            continue
        told, more = _read(space, name if space.file.endswith("__init__.py") else name.rpartition(".")[0])
        yield space, told
        todo += more


_known: dict[tuple[str, str], tuple[list[str], str, list[str]]] = {}
"""By file and package: the lines, their digest, and what they import."""


def _read(space: Space, package: str) -> tuple[str, list[str]]:
    lines = lines_of(space)
    there = _known.get((space.file, package))
    if there is None or there[0] is not lines:
        try:
            imported = imported_in(ast.parse("".join(lines)), package)
        except (SyntaxError, ValueError, ImportError):
            imported = []  # who imports it is told
        code = [one.rstrip() for one in lines if not one.lstrip().startswith("#") and not one.isspace()]
        there = _known[space.file, package] = (lines, digest("\n".join(code)), imported)
    return there[1], there[2]


def _file_of(name: str) -> str | None:
    """Where a module is found, be it loaded or not. Its packages are not imported for that."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        return getattr(loaded, "__file__", None)
    path, spec, whole = None, None, ""
    for part in name.split("."):
        if whole and path is None:
            return None  # what stands before it is no package
        whole = f"{whole}.{part}" if whole else part
        spec = next(filter(None, (finder.find_spec(whole, path) for finder in sys.meta_path)), None)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return spec.origin if spec is not None and spec.has_location else None
