"""Which files steps read and make, by their names, as far as those can be told before anything begins.

    outputs: data.csv   of one step  ──►  inputs: data.csv   of another one   the first is executed before

A name with a value in it that another step leaves is known later, and orders nothing that is not ordered by that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from woflo.errors import WofloError
from woflo.jobs.plan import reached
from woflo.scripts.globs import fits, has_magic

if TYPE_CHECKING:
    from woflo.jobs.plan import Step
    from woflo.scripts.files import Declared

__all__ = ["Edge", "Files", "Named", "check_outputs", "edges", "makers_of", "named_by", "order_by_files", "texts_in"]


class Named(NamedTuple):
    """A file, or what a glob stands for."""

    path: str
    """Within the project."""
    is_glob: bool


class Files(NamedTuple):
    """Those of a step."""

    reads: tuple[Named, ...] = ()
    makes: tuple[Named, ...] = ()


class Edge(NamedTuple):
    """One step reads what another one makes."""

    reader: str
    maker: str
    path: str


def named_by(step: Step) -> Files:
    """The files that a step names."""
    if not step.has_files:
        return Files()
    from woflo.scripts.body import Script

    fn: Any = step.task.body.fn
    given = {name: value for name, value in step.arguments.items() if name not in step.templates}
    if isinstance(fn, Script):
        base = _base_of(fn, given)
        if base is None:
            return Files()
        reads = tuple(_named(fn.declared_inputs, given, base)) + tuple(_written(step.templates.get("inputs"), base))
        return Files(reads, tuple(_named(fn.declared_outputs, given, base)))
    bound = fn.signature.bind_partial(**given)
    bound.apply_defaults()
    values = {name: value for name, value in bound.arguments.items() if name not in step.templates}
    return Files(tuple(_named(fn.inputs, values, "")), tuple(_named(fn.outputs, values, "")))


def _base_of(fn: Any, values: Mapping[str, Any]) -> str | None:
    """The folder of a command; None where that is known later."""
    from woflo.scripts.body import Lookup

    lookup = Lookup("cwd", dict(values))
    if any(not isinstance(part, str) and part.name not in values for part in fn.cwd):
        return None
    try:
        return "".join(part if isinstance(part, str) else str(lookup(part)) for part in fn.cwd)
    except WofloError:
        return None  # it is told when the step is called


def _named(declared: Declared, values: Mapping[str, Any], base: str) -> Iterator[Named]:
    from woflo.scripts.plan import target_of

    for one in _filled(declared, values):
        if one.pattern is None:
            yield Named(target_of(one.path, base), False)
        else:
            yield Named(target_of(one.pattern, base), True)


def _filled(declared: Declared, values: Mapping[str, Any]) -> Iterator[Any]:
    """Those whose values are known."""
    from woflo.scripts.body import Lookup
    from woflo.scripts.words import fields_of

    lookup = Lookup(declared.option, dict(values))
    for pattern in declared.patterns:
        if any(field.name not in values for field in fields_of([pattern.template])):
            continue
        try:
            yield pattern.fill(lookup)
        except WofloError:
            continue  # it is told when the step is called


def _written(given: Any, base: str) -> Iterator[Named]:
    """Files that stand beside what other steps have made."""
    from woflo.jobs.references import has_references
    from woflo.scripts.plan import target_of

    for text in texts_in(given):
        if isinstance(text, str) and text and not has_references(text):
            yield Named(target_of(text, base), has_magic(text))


def texts_in(given: Any) -> list[Any]:
    """What is written for files of a step, as a path, a list or groups: all that stands in it."""
    groups = given.values() if isinstance(given, dict) else [given or ()]
    return [text for group in groups for text in ([group] if isinstance(group, str) else group)]


def edges(files: Mapping[str, Files]) -> Iterator[Edge]:
    """Which of the steps, by their names, read what others make."""
    makers = _Makers(files)
    for reader, own in files.items():
        for one in own.reads:
            yield from (Edge(reader, maker, path) for maker, path in makers.of(one) if maker != reader)


Tell = Callable[[Sequence[Any], str], None]
"""What is wrong at a path of the job."""


def order_by_files(steps: Mapping[str, Step], files: Mapping[str, Files], tell: Tell) -> None:
    """Who reads what another one makes needs that one, as with make."""
    found: dict[tuple[str, str], list[str]] = {}
    for edge in edges(files):
        found.setdefault((edge.reader, edge.path), []).append(edge.maker)
    for (name, path), makers in found.items():
        step = steps[name]
        if any(maker in step.needs for maker in makers):
            continue
        if len(makers) > 1:
            told = f"{path} is made by the steps {' and '.join(map(repr, makers))}; name one in `dependencies`"
            tell(("tasks", name, "inputs"), told)
            continue
        step.needs += (makers[0],)
        step.reads_from = {**step.reads_from, makers[0]: path}


def check_outputs(order: Sequence[Step], files: Mapping[str, Files], tell: Tell) -> None:
    """Two steps that make one file in different ways have to stand in an order: else the last to end would win."""
    makers: dict[str, Step] = {}
    needs = {step.name: step.needs for step in order}
    for step in order:
        for path in (one.path for one in files.get(step.name, Files()).makes if not one.is_glob):
            before = makers.get(path)
            makers[path] = step
            if before is None or _is_same(before, step) or before.name in reached(step.name, needs):
                continue
            told = f"{path} is made by the step {before.name!r}, too, and both may be executed at the same time"
            tell(("tasks", step.name, "outputs"), f"{told}; name another file, or that step in `dependencies`")


def _is_same(one: Step, other: Step) -> bool:
    """True where both do the same, so that one of them makes the file, and the other finds it made."""
    names = {"" if step.task.name == step.name else step.task.name for step in (one, other)}  # commands have none
    return one.written == other.written and len(names) == 1


def makers_of(path: str, files: Mapping[str, Files]) -> list[str]:
    """The steps that make a file, or something in a folder."""
    from woflo.scripts.plan import target_of

    return list(dict.fromkeys(name for name, _ in _Makers(files).of(Named(target_of(path), False))))


class _Makers:
    """Finds who makes a file."""

    def __init__(self, files: Mapping[str, Files]) -> None:
        self._by_path: dict[str, list[str]] = {}
        self._below: dict[str, list[tuple[str, str]]] = {}
        """By folders in which others lie, however deep."""
        self._globs: list[tuple[str, str]] = []
        for name, own in files.items():
            for one in own.makes:
                self._add(name, one)

    def _add(self, name: str, one: Named) -> None:
        if one.is_glob:
            self._globs.append((name, one.path))
            return
        self._by_path.setdefault(one.path, []).append(name)
        folder = os.path.dirname(one.path)
        while folder and folder not in ("/", "."):
            self._below.setdefault(folder, []).append((name, one.path))
            folder = os.path.dirname(folder)

    def of(self, one: Named) -> Iterable[tuple[str, str]]:
        """Who makes what is read, and which file that is."""
        if one.is_glob:
            named = [(name, path) for path in self._by_path if fits(path, one.path) for name in self._by_path[path]]
            meet = ((name, glob) for name, glob in self._globs if fits(glob, one.path) or fits(one.path, glob))
            return [*named, *meet]
        found = [(name, one.path) for name in self._by_path.get(one.path, ())]
        found += self._below.get(one.path, ())
        return found + [(name, one.path) for name, pattern in self._globs if fits(one.path, pattern)]
