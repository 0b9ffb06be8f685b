"""The sources of the project: what is written in which file, and one name for a file whichever way it was loaded.

`python flow.py`, `python -m flow`, `woflo run flow.py` and `import flow` all give the functions of one file, whose
module has then the name `__main__` or another one. Here it is that of the file within the project: `sub.flow` for
`sub/flow.py`, and `pkg.flow` for `src/pkg/flow.py`.

Trees are read again where `linecache` finds that their file has changed.
"""

from __future__ import annotations

import ast
import linecache
import os
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import resolve_name
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from woflo.scripts.places import project

__all__ = [
    "GENERATED",
    "Source",
    "Space",
    "decorated",
    "header_names",
    "imports",
    "lines_of",
    "makers",
    "named_in",
    "normal",
    "source_of",
    "space_in",
    "space_of",
]

_ELSEWHERE = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_NOT_OURS = tuple(
    os.path.dirname(os.path.abspath(file)) + os.sep for file in (os.__file__, os.path.join(__file__, os.pardir))
)
"""The standard library and woflo, wherever they are installed."""
GENERATED = "<string>"
"""The file of code that a library has made, as dataclasses do."""
MOST_LINES = 50_000
"""Of all files whose trees are kept: a line takes some 1.2 kB."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Defined = _Function | ast.ClassDef


class Space(NamedTuple):
    """Where names are looked up."""

    names: dict[str, Any]
    """The globals of a module."""
    file: str
    """Where they are written; what stands for it where there is none, as at a prompt."""
    module: str
    """Its one name."""
    is_own: bool
    """True for the user's project, and for what was typed at a prompt."""

    @property
    def is_typed(self) -> bool:
        """True for a prompt or a notebook, whose globals stand in no file together."""
        return self.is_own and "__file__" not in self.names and self.names.get("__name__") == "__main__"


def space_of(value: FunctionType | type | ModuleType) -> Space:
    """Where a function, a class or a module was written."""
    if isinstance(value, FunctionType):
        return _space(value.__globals__, value.__code__.co_filename)
    if not isinstance(value, type):
        return _space(vars(value), "")
    module = sys.modules.get(value.__module__ or "")
    names = {} if module is None else vars(module)
    return _space(names, _file_of_class(value) if names.get("__name__") == "__main__" else "")


def space_in(file: str) -> Space:
    """Of a module that may not be loaded: nothing has a name there yet."""
    return _space({"__file__": file}, "")


def _file_of_class(cls: type) -> str:
    files = (one.__code__.co_filename for one in vars(cls).values() if isinstance(one, FunctionType))
    return next((file for file in files if file != GENERATED), "")


def _space(names: dict[str, Any], code_file: str) -> Space:
    """Of a function the file of its code counts first: in a worker its globals may be those of another program."""
    of_module = names.get("__file__")
    given = str(names.get("__name__", ""))
    for file in filter(os.path.isabs, (code_file, of_module or "")):
        name = _name_in_project(file, project())
        if name:
            return Space(names, file, name, is_own=True)
    file = code_file or of_module or ""
    if given != "__main__":
        return Space(names, file, given, is_own=False)
    spec = getattr(names.get("__spec__"), "name", None)
    return Space(names, file, spec or _stem(of_module or given), is_own=of_module is None)


def _stem(file: str) -> str:
    return os.path.splitext(os.path.basename(file))[0]


@lru_cache(maxsize=4096)
def _name_in_project(file: str, top: str) -> str:
    """As it would be imported from the project's folder, or from `src` in it; empty where it is not the project's."""
    whole = os.path.abspath(file)
    if whole.startswith(_NOT_OURS) or any(part in whole for part in _ELSEWHERE):
        return ""
    if not whole.startswith(top + os.sep):
        real = os.path.realpath(whole)
        return _name_in_project(real, top) if real != whole else ""
    parts = os.path.splitext(whole[len(top) + 1 :])[0].split(os.sep)
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    return ".".join(parts[1:] if parts[0] == "src" and len(parts) > 1 else parts)


# -- trees ---------------------------------------------------------------------------------------------


class Source:
    """The syntax tree of a file, without docstrings, and what is found in it."""

    def __init__(self, lines: list[str]) -> None:
        self.lines: list[str] = lines
        self.tree: ast.Module = ast.parse("".join(lines))
        self.functions: dict[tuple[str, int], list[ast.AST]] = {}
        """By name and first line, that of decorators included, as in their code."""
        self.named: dict[str, list[_Defined]] = {}
        """Functions and classes by their qualified names: several where one is defined in two branches."""
        self.state: set[str] = set()
        """The names that functions assign by `global` or `nonlocal`: they change while the program executes."""
        self.of_woflo: set[str] = set()
        """What is imported from woflo, whatever it is called."""
        self._look(self.tree, "")
        self.makers: dict[str, list[ast.stmt]] = makers(self.tree.body)
        """The statements that make its globals."""

    def _look(self, node: ast.AST, within: str) -> None:
        for one in ast.iter_child_nodes(node):
            inner = within
            if isinstance(one, _Defined):
                first = one.decorator_list[0].lineno if one.decorator_list else one.lineno
                self.named.setdefault(within + one.name, []).append(one)
                inner = f"{within}{one.name}."
                if isinstance(one, _Function):
                    self.functions.setdefault((one.name, first), []).append(one)
                    inner += "<locals>."
                if ast.get_docstring(one, clean=False) is not None:
                    one.body = one.body[1:] or [ast.Pass()]
            elif isinstance(one, ast.Lambda):
                self.functions.setdefault(("<lambda>", one.lineno), []).append(one)
                inner += "<lambda>.<locals>."
            else:
                self._note(one)
            self._look(one, inner)

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Global | ast.Nonlocal):
            self.state.update(node.names)
        elif isinstance(node, ast.ImportFrom) and _is_woflos(node.module or "") and not node.level:
            self.of_woflo.update(one.asname or one.name for one in node.names)
        elif isinstance(node, ast.Import):
            self.of_woflo.update(one.asname or one.name.partition(".")[0] for one in node.names if _is_woflos(one.name))


def lines_of(space: Space) -> list[str]:
    """The lines of a file; none where there is no source."""
    if not space.file:
        return []
    linecache.checkcache(space.file)
    return linecache.getlines(space.file, space.names)


_sources: dict[str, Source] = {}


def source_of(space: Space) -> Source | None:
    """The tree of a file; None where there is no source."""
    lines = lines_of(space)
    there = _sources.get(space.file)
    if there is not None and there.lines is lines:
        return there
    try:
        found = Source(lines) if lines else None
    except (SyntaxError, ValueError, RecursionError):
        return None
    if found is not None:
        _sources[space.file] = found
        while len(_sources) > 1 and sum(len(one.lines) for one in _sources.values()) > MOST_LINES:
            del _sources[next(iter(_sources))]
    return found


def _is_woflos(module: str) -> bool:
    return module == "woflo" or module.startswith("woflo.")


def normal(node: ast.AST, source: Source, names: Mapping[str, Any]) -> str:
    """A tree as text, without woflo's own decorators: what matters of their options counts by itself."""
    for one in ast.walk(node):
        if isinstance(one, _Defined):
            one.decorator_list = [it for it in one.decorator_list if not _is_of_woflo(it, source, names)]
    return ast.dump(ast.Module([node], []) if isinstance(node, ast.stmt) else node)


def _is_of_woflo(decorator: ast.expr, source: Source, names: Mapping[str, Any]) -> bool:
    """`@task`, `@woflo.task(…)`, and a name for one of these: `cached = task(cache=True)`."""
    name = _root(decorator)
    if name is None or name in source.of_woflo:
        return name is not None
    value = names.get(name)
    own = getattr(value, "__name__" if isinstance(value, ModuleType) else "__module__", None)
    return isinstance(own, str) and _is_woflos(own)


def _root(node: ast.AST) -> str | None:
    """The name in front of attributes, indices and calls."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


# -- names ---------------------------------------------------------------------------------------------


def named_in(*nodes: ast.AST) -> set[str]:
    """The names that a tree reads, also those behind a dot, and none that it binds itself."""
    read: set[str] = set()
    bound: set[str] = set()
    for node in (inner for one in nodes for inner in ast.walk(one)):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.Attribute):
            read.add(node.attr)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    return read - bound


def header_names(node: ast.AST) -> set[str]:
    """What a function or a class reads where it is defined: decorators, defaults, annotations, bases, fields."""
    return named_in(*_headers(node))


def _headers(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef):
        given = node.args
        yield from (*given.defaults, *filter(None, given.kw_defaults))
        every = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
        yield from (one.annotation for one in every if one is not None and one.annotation is not None)
        if isinstance(node, _Function):
            yield from node.decorator_list
            yield from filter(None, (node.returns,))
    elif isinstance(node, ast.ClassDef):
        yield from (*node.decorator_list, *node.bases, *(one.value for one in node.keywords))
        for one in node.body:
            if isinstance(one, _Defined):
                yield from _headers(one)
            else:
                yield one


# -- what a name is made by ----------------------------------------------------------------------------


def makers(body: list[ast.stmt]) -> dict[str, list[ast.stmt]]:
    """By name, the statements that give it a value, or put something into that: `n = …`, `n["a"] = …`, `n.append(…)`.

    What only programs execute (`if __name__ == "__main__"`) is left out.
    """
    found: dict[str, list[ast.stmt]] = {}
    for statement in body:
        if not _is_of_program(statement):
            for name in {made for made in map(_made, _executed(statement)) if made is not None}:
                found.setdefault(name, []).append(statement)
    return found


def decorated(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The functions and classes at the top of a module, and the names of their decorators."""
    for one in tree.body:
        if isinstance(one, _Defined):
            yield from ((one.name, name) for name in map(_root, one.decorator_list) if name is not None)


def imports(tree: ast.Module, package: str) -> Iterator[tuple[str, str, str]]:
    """The names that a module imports: here, from which module, and there; `*` for all."""
    for node in _executed(tree):
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            whole = resolve_name(module, package) if package or not node.level else module
            yield from ((one.asname or one.name, whole, one.name) for one in node.names)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All but what waits in functions and classes until somebody calls it."""
    if isinstance(node, _Defined | ast.Lambda):
        return
    yield node
    for one in ast.iter_child_nodes(node):
        yield from _executed(one)


def _made(node: ast.AST) -> str | None:
    """The name that it makes, or whose value it changes."""
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return _root(node)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return _root(node.value.func)
    return None


def _is_of_program(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in named_in(node.test)
