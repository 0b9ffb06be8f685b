"""The code that a function stands on: what it reaches by name in the user's own project.

functions    their syntax tree with its decorators: comments, line breaks and docstrings do not count; what is wrapped
             around them; what they, their decorators, defaults and annotations name
classes      the same, with the classes that they are derived from
plain values as they are: numbers, texts, and tuples and sets that cannot change of these
imports      within a function: the module as a whole, with those that it imports in its turn
other values by the statements that make them, at the top of their module, with all that these name

The last are lists, dictionaries, objects of all kinds. Many of them change while a program executes: a cache is
filled, a registry appended to. Their live contents would make a target stale in the middle of a program, and again when
the next one begins; what is written in the source changes only where somebody edits it, is as long as that, and leads
to the functions of a table as well. The same holds for a global that a function assigns (`global count`). At a prompt
there is no source of all that was typed: there such values count as they are at the moment.

What lies elsewhere, as installed packages, does not count.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from woflo.kernel.digest import digest
from woflo.scripts.imported import imported_in, read_modules
from woflo.scripts.layers import as_kept, bound_to, flat, is_plain, layers_of, told
from woflo.scripts.places import project
from woflo.scripts.sources import (
    GENERATED,
    Space,
    decorated,
    header_names,
    imports,
    makers,
    named_in,
    normal,
    source_of,
    space_of,
)

__all__ = ["Code", "code_of", "full_name"]

MOST_CONTENTS = 10_000
"""Of a value that was typed, so many things within count."""
_MISSING = object()
_FOLLOWED = FunctionType | type
_OF_MODULES = frozenset({"__builtins__", "__doc__", "__file__", "__loader__", "__name__", "__package__", "__spec__"})
"""What every module has, and what is another value where it is loaded in another way or from another place."""


def code_of(fn: Any) -> dict[str, str]:
    """The digests of all that `fn` reaches, itself included, by their names."""
    return _Look(fn).digests


def full_name(fn: Any) -> str:
    """The name of the function behind decorators, the same whichever way its file was loaded."""
    inner = list(layers_of(fn))
    if inner:
        return f"{space_of(inner[-1]).module}.{inner[-1].__qualname__}"
    return f"{getattr(fn, '__module__', '')}.{getattr(fn, '__qualname__', '')}"


class Code:
    """The code of one function, looked at again only where a name has come to stand for something else."""

    def __init__(self, fn: Any) -> None:
        self._fn = fn
        self._look: _Look | None = None

    def digests(self) -> dict[str, str]:
        """As `code_of`; to be changed by nobody."""
        look = self._look
        if look is None or not look.is_current():
            look = self._look = _Look(self._fn)
        return look.digests


class _Read(NamedTuple):
    """What is written of one function or class."""

    code: CodeType | None
    digest: str
    names: frozenset[str]
    """What it names where it is defined."""
    imports: tuple[str, ...] = ()
    """The modules that it imports when it is executed."""


_read: WeakKeyDictionary[Any, _Read] = WeakKeyDictionary()
"""By function or class: they stay what they are, whatever becomes of their files."""


class _Look:
    """All that a function reaches at one moment, and what tells that this is so still."""

    def __init__(self, fn: Any) -> None:
        self._project = project()
        self._same: dict[tuple[int, str], tuple[Any, str, Any]] = {}
        """Where a name was looked up, the name, and what it stood for."""
        self._kinds: dict[tuple[int, str], tuple[Any, str, type]] = {}
        """The same for what may change inside: its type."""
        self._codes: list[tuple[FunctionType, CodeType]] = []
        self._cells: list[tuple[CellType, Any]] = []
        self._sizes: list[tuple[type, int]] = []
        self._is_moving: bool = False
        """True where contents count that may change at any moment."""
        self._found: dict[str, list[str]] = {}
        self._seen: dict[Any, Any] = {}
        self._imported: set[str] = set()
        self._todo: list[FunctionType | type] = []
        layers = list(layers_of(fn))
        self._take([one for one in layers if one is layers[-1] or space_of(one).is_own])
        for one in bound_to(fn):
            self._count_bound(f"{full_name(fn)} (bound)", one)
        while self._todo:
            self._look_at(self._todo.pop())
        if not layers:
            self._tell(full_name(fn), repr(fn))
        self.digests: dict[str, str] = {
            name: found[0] if len(found) == 1 else digest(" ".join(found))
            for name, found in sorted(self._found.items())
        }
        self._seen.clear()

    def is_current(self) -> bool:
        """False where something is not what it was."""
        return (
            not self._is_moving
            and self._project == project()
            and all(where.get(name, _MISSING) is value for where, name, value in self._same.values())
            and all(type(where.get(name, _MISSING)) is kind for where, name, kind in self._kinds.values())
            and all(function.__code__ is code for function, code in self._codes)
            and all(_content(cell) is value for cell, value in self._cells)
            and all(len(vars(cls)) == size for cls, size in self._sizes)
        )

    def _tell(self, name: str, text: str) -> None:
        self._found.setdefault(name, []).append(digest(text))

    def _take(self, values: Iterable[FunctionType | type]) -> None:
        for one in values:
            if id(one) not in self._seen:
                self._seen[id(one)] = one  # kept as well, for its identity is its name here
                self._todo.append(one)

    # -- functions and classes -------------------------------------------------------------------------

    def _look_at(self, value: FunctionType | type) -> None:
        space = space_of(value)
        read = _read_of(value, space)
        self._found.setdefault(_name(value, space), []).append(read.digest)
        self._follow_read(space, read)
        if isinstance(value, FunctionType):
            self._follow_function(value, space)
            return
        self._take(one for one in (*value.__mro__[1:], type(value)) if space_of(one).is_own)
        self._sizes.append((value, len(vars(value))))
        for name, member in list(vars(value).items()):
            self._follow_member(value, space, name, member)

    def _follow_member(self, cls: type, space: Space, name: str, member: Any) -> None:
        parts = (member.fget, member.fset, member.fdel) if isinstance(member, property) else (member,)
        layers = [one for part in parts for one in layers_of(part)]
        if layers:
            self._same[id(cls), name] = (vars(cls), name, member)
        for one in layers:
            where = space_of(one)
            if isinstance(one, FunctionType) and where.file == space.file and _is_within(one, cls):
                if id(one) not in self._seen:  # its text is in that of the class
                    self._seen[id(one)] = one
                    self._follow_read(where, _read_of(one, where))
                    self._follow_function(one, where)
            elif where.is_own and (isinstance(one, type) or one.__code__.co_filename != GENERATED):
                self._take([one])

    def _follow_read(self, space: Space, read: _Read) -> None:
        self._follow(space, read.names)
        for where, text in read_modules([*read.imports], self._imported):
            if where.file not in self._seen:
                self._seen[where.file] = where
                self._found.setdefault(where.module, []).append(text)

    def _follow_function(self, function: FunctionType, space: Space) -> None:
        self._codes.append((function, function.__code__))
        self._follow(space, set(_names(function.__code__)))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            value = _content(cell)
            whole = f"{_name(function, space)}.{name}"
            is_state = _is_state(space, name)
            if not is_state:
                self._cells.append((cell, value))
            if value is not _MISSING and (is_state or not self._count(whole, value)):
                self._by_source(space, name, whole, function.__code__.co_qualname)

    # -- what is named ---------------------------------------------------------------------------------

    def _follow(self, space: Space, names: Iterable[str]) -> None:
        known = set(names) - _OF_MODULES
        for name in sorted(known):
            value = space.names.get(name, _MISSING)
            if isinstance(value, ModuleType):
                self._same[id(space.names), name] = (space.names, name, value)
                self._follow_module(value, known, set())
            else:
                self._follow_global(space, name, value)

    def _follow_module(self, module: ModuleType, names: set[str], done: set[int]) -> None:
        space = space_of(module)
        done.add(id(module))
        for name in sorted(names & vars(module).keys()) if space.is_own else ():
            value = vars(module)[name]
            if not isinstance(value, ModuleType):
                self._follow_global(space, name, value)
            elif id(value) not in done:
                self._follow_module(value, names, done)

    def _follow_global(self, space: Space, name: str, value: Any) -> None:
        key, whole = (id(space.names), name), f"{space.module}.{name}"
        if key in self._same or key in self._kinds:
            return
        if value is _MISSING or isinstance(value, partial | _FOLLOWED):
            self._same[key] = (space.names, name, value)
        else:
            self._kinds[key] = (space.names, name, type(value))
        if value is _MISSING:
            return
        if _is_state(space, name):
            self._by_source(space, name, whole)
        elif self._count(whole, value):
            self._same[key] = (space.names, name, value)
        elif not self._by_source(space, name, whole) and space.is_typed:
            self._by_contents(whole, value)

    def _count(self, whole: str, value: Any) -> bool:
        """Take what tells by itself what it is. False for anything else."""
        if is_plain(value):
            self._tell(whole, told(value))
            return True
        layers = list(layers_of(value))
        self._take(one for one in layers if space_of(one).is_own)
        if not layers and space_of(type(value)).is_own:
            self._take([type(value)])
        return bool(layers) and not isinstance(value, partial)

    def _count_bound(self, whole: str, value: Any) -> None:
        """Count what a task was made with, as it is at the moment."""
        if not self._count(whole, value):
            self._is_moving = True
            self._tell(whole, as_kept(value))

    def _by_contents(self, whole: str, value: Any) -> None:
        """Count what is in a list or a dictionary that was typed, up to a bound."""
        self._is_moving = True
        for number, one in enumerate(flat(value)):
            if number == MOST_CONTENTS:
                break
            self._count(whole, one)

    def _by_source(self, space: Space, name: str, whole: str, within: str = "") -> bool:
        """Count the statements that make it: those of a module, or of the functions around `within`. False for none."""
        source = source_of(space) if space.is_own else None
        if source is None:
            return False
        made = _made_around(source.named, within, name) if within else source.makers.get(name, [])
        if made:
            self._tell(whole, "".join(normal(one, source, space.names) for one in made))
            self._follow(space, named_in(*made))
        if not within:
            self._follow(space, {one for one, by in decorated(source.tree) if by == name or _fills(space, by, name)})
            self._follow_imports(imports(source.tree, space.names.get("__package__") or ""), name)
        return bool(made)

    def _follow_imports(self, every: Iterable[tuple[str, str, str]], name: str) -> None:
        for here, module, there in every:
            found = sys.modules.get(module) if here in (name, "*") else None
            wanted = name if there == "*" else there
            if found is not None and wanted in vars(found):
                self._follow(space_of(found), {wanted})


def _is_state(space: Space, name: str) -> bool:
    source = source_of(space) if space.is_own else None
    return source is not None and name in source.state


def _fills(space: Space, decorator: str, name: str) -> bool:
    """True for a decorator that names it, as one does that puts functions into a table."""
    return any(
        isinstance(one, FunctionType) and one.__globals__ is space.names and name in _names(one.__code__)
        for one in layers_of(space.names.get(decorator))
    )


def _made_around(named: dict[str, Any], qualname: str, name: str) -> list[ast.stmt]:
    """The statements that make a name, of the innermost function around that has any."""
    while "." in qualname:
        qualname = qualname.rpartition(".")[0].removesuffix(".<locals>")
        made = [statement for one in named.get(qualname, ()) for statement in makers(one.body).get(name, ())]
        if made:
            return made
    return []


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


# -- one function, one class ---------------------------------------------------------------------------


def _name(value: FunctionType | type, space: Space) -> str:
    """What wraps another one has that one's `__qualname__`."""
    own = value.__code__.co_qualname if hasattr(value, "__wrapped__") and isinstance(value, FunctionType) else ""
    return f"{space.module}.{own or value.__qualname__}"


def _is_within(function: FunctionType, cls: type) -> bool:
    return function.__code__.co_qualname.startswith(f"{cls.__qualname__}.")


def _read_of(value: FunctionType | type, space: Space) -> _Read:
    code = value.__code__ if isinstance(value, FunctionType) else None
    there = _read.get(value)
    if there is None or there.code is not code:
        there = _read[value] = _read_anew(value, code, space)
    return there


def _read_anew(value: FunctionType | type, code: CodeType | None, space: Space) -> _Read:
    """Its syntax tree without positions and docstrings; where there is no source, the code that is executed."""
    source = source_of(space)
    nodes: list[Any] = []
    if source is not None and code is not None:
        nodes = source.functions.get((code.co_name, code.co_firstlineno), [])
    elif source is not None:
        nodes = list(source.named.get(value.__qualname__, []))
    if source is None or not nodes:
        codes = [code] if code is not None else [one.__code__ for one in vars(value).values() if _is_function(one)]
        return _Read(code, digest("".join(map(_executed, codes)) or repr(value)), frozenset())
    text = "".join(normal(one, source, space.names) for one in nodes)
    package = space.names.get("__package__") or ""
    imports = [] if code is None else [name for one in nodes for name in imported_in(one, package)]
    return _Read(code, digest(text), frozenset().union(*map(header_names, nodes)), tuple(imports))


def _is_function(value: Any) -> bool:
    return isinstance(value, FunctionType)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _executed(code: CodeType) -> str:
    constants = [_executed(one) if isinstance(one, CodeType) else told(one) for one in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"
