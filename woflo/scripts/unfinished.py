"""Attempts that make files at this moment, and those that were cut off with their program, as their marks tell.

No store knows of them: a run is kept when it has ended. A file that such an attempt was to make may be a part of it, or
be missing, and who reads it is told before the start:

    input, or what a glob finds  ──►  marks that nobody has  ──►  `PartialInputError`: make it again, or accept it
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from woflo.errors import OptionError, PartialInputError
from woflo.kernel.digest import digest
from woflo.scripts.globs import fits
from woflo.scripts.ledger import ledger
from woflo.scripts.marks import STAYED, Mark, is_left, is_taken, marks_of_others
from woflo.scripts.places import below, project
from woflo.scripts.plan import Plan, target_of
from woflo.scripts.provenance import AS_IT_WAS, makers_of, state_of

__all__ = ["Unfinished", "accept_parts", "check_inputs", "partial_inputs", "unfinished"]


class Unfinished(NamedTuple):
    """An attempt."""

    task: str
    outputs: tuple[str, ...]
    """What it was to make: names, and globs, within the project."""
    began: float
    pid: int
    host: str
    log: str
    """What it has printed, as a path from here; of a function there is nothing in it."""
    is_under_way: bool
    inputs: tuple[str, ...] = ()
    """What it reads: names within the project."""

    @property
    def state(self) -> str:
        """One word for it."""
        return "RUNNING" if self.is_under_way else "CUT_OFF"

    def was_to_make(self, file: str) -> bool:
        """True for a file, a name within the project, among its outputs."""
        return any(file == output or fits(file, output) for output in self.outputs)

    def __str__(self) -> str:
        began = datetime.fromtimestamp(self.began).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        became = "is under way" if self.is_under_way else "did not end"
        return (
            f"an attempt of {self.task} that began at {began} (process {self.pid} on {self.host}) {became}; its output "
            f"is in {self.log}"
        )


def unfinished(file: str | None = None) -> list[Unfinished]:
    """Those of this project, the newest first; of a `file`, a name within the project, those that were to make it."""
    folder = below("making")
    try:
        names = [name for name in os.listdir(folder) if name.endswith(STAYED)]
    except FileNotFoundError:
        return []
    found = [one for name in names if (one := _read(os.path.join(folder, name))) is not None]
    meant = [one for one in found if file is None or one.was_to_make(file)]
    return sorted(meant, key=lambda one: one.began, reverse=True)


def _read(path: str) -> Unfinished | None:
    """None where it has ended meanwhile, or was written by an earlier version."""
    mark = path.removesuffix(STAYED)
    is_under_way = is_taken(mark)
    try:
        with open(path, encoding="ascii") as file:
            told = json.load(file)
        return Unfinished(
            str(told["task"]),
            tuple(map(str, told["outputs"])),
            float(told["began"]),
            int(told["pid"]),
            str(told["host"]),
            os.path.relpath(mark),
            is_under_way,
            tuple(map(str, told.get("inputs", ()))),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


# -- readers of what was cut off -----------------------------------------------------------------------


class _Left(NamedTuple):
    """An attempt that will not end."""

    mark: str
    one: Unfinished | None
    """None where it has ended, and could not take back what it had made; of that its target alone is known."""

    def meets(self, name: str) -> bool:
        """True where it was to make a file, or something in a folder, or what the file is in."""
        if self.one is None:
            return digest(name) == os.path.basename(self.mark)
        return any(name == one or fits(name, one) or _is_in(name, one) or _is_in(one, name) for one in self.one.outputs)

    def was_made_since(self, name: str) -> bool:
        """True where another call has made it meanwhile, and it is as that has left it."""
        began = os.stat(self.mark).st_mtime if self.one is None else self.one.began
        made = makers_of(known.success for known in ledger().every()).get(name)
        return made is not None and made.success.made_at > began and state_of(name, made.outputs[name]) == AS_IT_WAS

    def found_by(self, pattern: str) -> list[str]:
        """What it was to make that a glob finds."""
        return [] if self.one is None else [one for one in self.one.outputs if fits(one, pattern)]

    def __str__(self) -> str:
        if self.one is None:
            return (
                f"the last attempt to make it has failed, and has left it so; its mark is {os.path.relpath(self.mark)}"
            )
        return str(self.one)


def _is_in(name: str, folder: str) -> bool:
    return name.startswith(f"{folder}/") or (folder == "." and not name.startswith(("/", "../")))


def _left() -> Iterator[_Left]:
    """Those of this project."""
    for mark in marks_of_others():
        with is_left(mark) as is_so:
            if is_so:
                one = _read(f"{mark}{STAYED}")
                yield _Left(mark, None if one is None else one._replace(is_under_way=False))


def partial_inputs(plan: Plan, but: Collection[str] = ()) -> list[str]:
    """What of the inputs may be a part of a result, or be missing: a sentence each, `but` for files of these names."""
    return [] if not plan.inputs else [sentence for left in _left() for sentence in _sentences(plan, left, but)]


def _sentences(plan: Plan, left: _Left, but: Collection[str]) -> Iterator[str]:
    """What the inputs have to do with an attempt that will not end."""
    if plan.target is not None and os.path.basename(left.mark) == digest(plan.target):
        return  # it is made again by this call itself
    whats: dict[str, str] = {}
    for path in plan.inputs:
        if path not in plan.globs and left.meets(name := target_of(path, plan.base)):
            whats[name] = f"its input {path!r} may be a part of a result"
    for glob, pattern in zip(plan.globs, plan.patterns(), strict=True):
        for name in left.found_by(pattern):
            whats.setdefault(name, f"{name!r}, which its input {glob!r} stands for, may be missing")
    maker = "what makes it" if left.one is None else left.one.task
    for name, what in whats.items():
        if name not in but and not left.was_made_since(name):
            file = shlex.quote(os.path.relpath(os.path.join(project(), name)))
            yield f"{what}: {left}; make it again by {maker}, or accept it by `woflo touch {file}` where it is whole"


def check_inputs(plan: Plan) -> None:
    """Before the start. Raises `PartialInputError`."""
    for sentence in partial_inputs(plan):
        raise PartialInputError(f"{plan.name} was not started: {sentence}")


def accept_parts(name: str) -> bool:
    """Take a file, a name within the project, for whole; False where no attempt to make it was cut off.

    All that the same attempt was to make is taken for whole. Raises `OptionError` where it is being made.
    """
    targets = [name if left.one is None else left.one.outputs[0] for left in _left() if left.meets(name)]
    for target in targets:
        mark = Mark.take(target, lambda: False)
        if mark is None:
            raise OptionError(f"{name} is being made at this moment; wait for that, or stop it")
        mark.end()
        mark.give()
    return bool(targets)
