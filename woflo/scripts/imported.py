"""The modules that a function imports when it is executed: they are read here, and not imported.

So they count in the same way before and after that: as a whole, because nothing tells what their names will stand for.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.util import resolve_name

from woflo.scripts.sources import Source, Space, normal, source_of, space_in

__all__ = ["imported_in", "read_modules"]


def imported_in(tree: ast.AST, package: str) -> list[str]:
    """The modules that are imported anywhere in it, in their order; some may be no modules, but names in one."""
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= dict.fromkeys(one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            module = resolve_name("." * node.level + (node.module or ""), package)
            found |= dict.fromkeys((module, *(f"{module}.{one.name}" for one in node.names if one.name != "*")))
    return list(found)


def read_modules(names: list[str]) -> Iterator[tuple[Space, str]]:
    """Those of the project among these, and all that they import in their turn: with their trees as texts."""
    todo, seen = list(names), set(names)
    while todo:
        name = todo.pop()
        file = _file_of(name)
        space = space_in(file) if file is not None else None
        source = source_of(space) if space is not None and space.is_own else None
        if space is None or source is None:
            continue
        yield space, _whole(source)
        package = name if file is not None and file.endswith("__init__.py") else name.rpartition(".")[0]
        more = [one for one in imported_in(source.tree, package) if one not in seen]
        todo += more
        seen.update(more)


def _whole(source: Source) -> str:
    return "".join(normal(one, source, {}) for one in source.tree.body)


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
