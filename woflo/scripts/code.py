"""The code that a function stands on: the functions and classes of the user's own project that it reaches by name.

Of each, the digest of its syntax tree: comments, line breaks and docstrings do not count. Plain values that are reached
by name (numbers, texts, and tuples of them) count as they are. What lies elsewhere, as installed packages, does not.
"""

from __future__ import annotations

import ast
import inspect
import os
import sys
import textwrap
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from woflo.kernel.body import Body
from woflo.kernel.digest import digest
from woflo.scripts.places import project

__all__ = ["code_of"]

_PLAIN = (int, float, complex, str, bytes, bool, type(None))
_ELSEWHERE = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def code_of(fn: Any) -> dict[str, str]:
    """The digests of all that `fn` reaches, itself included, by their names."""
    found: dict[str, str] = {}
    todo: list[tuple[str, Any]] = [(_name(_plain(fn)), _plain(fn))]
    seen: set[int] = set()
    while todo:
        name, value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        found[name] = digest(_normal(value))
        for other_name, other in _reached(value):
            if isinstance(other, FunctionType | type):
                todo.append((other_name, other))
            else:
                found[other_name] = digest(repr(other))
    return dict(sorted(found.items()))


def _plain(value: Any) -> Any:
    """The function behind a task, a method or a decorator that tells of it."""
    while not isinstance(value, FunctionType | type):
        body = getattr(value, "body", None)
        inner = body.fn if isinstance(body, Body) else None
        inner = inner or getattr(value, "__wrapped__", None) or getattr(value, "__func__", None)
        if inner is None:
            return value
        value = inner
    return inspect.unwrap(value) if isinstance(value, FunctionType) else value


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', repr(value))}"


def _reached(value: Any) -> Iterator[tuple[str, Any]]:
    """What a function or a class names, as far as it counts."""
    for function in _functions_of(value):
        names = set(_names(function.__code__))
        for name in sorted(names & function.__globals__.keys()):
            yield from _counted(f"{function.__module__}.{name}", function.__globals__[name], names)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                yield from _counted(f"{_name(function)}.{name}", cell.cell_contents, names)
            except ValueError:
                continue  # it is empty yet


def _functions_of(value: Any) -> Iterator[FunctionType]:
    if isinstance(value, FunctionType):
        yield value
        return
    for one in vars(value).values() if isinstance(value, type) else ():
        plain = _plain(one.fget if isinstance(one, property) else one)
        if isinstance(plain, FunctionType):
            yield plain


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _counted(name: str, value: Any, names: set[str]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, ModuleType):
        if _is_own(value):
            for attribute in sorted(names & vars(value).keys()):
                inner = vars(value)[attribute]
                if not isinstance(inner, ModuleType):
                    yield from _counted(f"{value.__name__}.{attribute}", inner, set())
        return
    if _is_plain(value):
        yield name, value
        return
    plain = _plain(value)
    if isinstance(plain, FunctionType | type) and _is_own(sys.modules.get(plain.__module__ or "")):
        yield _name(plain), plain


def _is_plain(value: Any) -> bool:
    return isinstance(value, _PLAIN) or (isinstance(value, tuple | frozenset) and all(map(_is_plain, value)))


def _is_own(module: Any) -> bool:
    """True for modules of the user's project, and for what was typed at a prompt."""
    if module is None:
        return False
    file = getattr(module, "__file__", None)
    if file is None:
        return bool(module.__name__ == "__main__")
    whole = os.path.abspath(file)
    return whole.startswith(project() + os.sep) and not any(part in whole for part in _ELSEWHERE)


def _normal(value: Any) -> str:
    """Its syntax tree without positions and docstrings; where there is no source, the code that is executed."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(value)))
    except (OSError, TypeError, SyntaxError):
        return "".join(_executed(function.__code__) for function in _functions_of(value)) or repr(value)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.decorator_list = []
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _executed(code: CodeType) -> str:
    constants = [_executed(one) if isinstance(one, CodeType) else repr(one) for one in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"
