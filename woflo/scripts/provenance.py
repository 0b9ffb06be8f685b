"""How files were made, from the records of a store alone: no task is looked for, and nothing is imported.

record of final.txt ──► its inputs ──► the records of those ──► … ──► files that nothing made
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from woflo.kernel.masking import mask_text
from woflo.scripts.folders import ALL, files_below
from woflo.scripts.ledger import STAYED, Known
from woflo.scripts.places import project
from woflo.scripts.plan import target_of
from woflo.scripts.prints import ABSENT, Print, is_same, look
from woflo.stores.rows import Success

__all__ = ["Made", "Traced", "makers_of", "name_of", "state_of", "traced", "why_known"]

MOST_TOLD = 3
"""New files of a folder that are named."""
AS_IT_WAS, CHANGED, GONE, REMOVED = "as it was", "changed since", "not there", "temporary, and gone"


class Made:
    """The last success that made some files. Names are those within the project, as `target_of` has them."""

    def __init__(self, success: Success) -> None:
        self.success = success
        self.known: Known = Known(success)
        self.record: dict[str, Any] = self.known.record
        folder = self.record.get("folder", "")
        self.inputs: dict[str, Print | None] = {
            _in_project(folder, path): made for path, made in self.known.inputs.items()
        }
        """As they were read; of a folder the files below it instead, and None for itself."""
        self._below: dict[str, dict[str, Any]] = {
            _in_project(folder, path): below for path, below in self.record.get("below", {}).items()
        }
        for path, below in self.record.get("below", {}).items():
            self.inputs[_in_project(folder, path)] = None
            for name, made in below.items():
                if name:
                    self.inputs[_in_project(folder, os.path.join(path, name))] = made
        self.outputs: dict[str, Print] = {_in_project(folder, path): made for path, made in self.known.outputs.items()}
        self.gone: frozenset[str] = frozenset(_in_project(folder, path) for path in self.record.get("gone", ()))

    def changed_below(self, name: str) -> str:
        """What has come to be in this folder since it was read; empty for none, and for what is no folder."""
        before = self._below.get(name)
        if before is None:
            return ""
        now = files_below(os.path.join(project(), name), {os.path.join(project(), one) for one in self.outputs})
        if ALL in now or ALL in before:
            is_other = [list(one) for one in now.values()] != [list(one) for one in before.values()]
            return CHANGED if is_other else ""
        new = [os.path.join(name, one) for one in sorted(now.keys() - before.keys())]
        if len(new) > MOST_TOLD:
            return f"{', '.join(new[:MOST_TOLD])} and {len(new) - MOST_TOLD} more are new inputs"
        return f"{', '.join(new)} {'is a new input' if len(new) == 1 else 'are new inputs'}" if new else ""

    @property
    def stayed(self) -> frozenset[str]:
        """Outputs that were there before, and that the attempt has left as they were."""
        folder = self.record.get("folder", "")
        return frozenset(_in_project(folder, path) for path in self.record.get(STAYED, ()))

    @property
    def is_accepted(self) -> bool:
        """True where a person has accepted what was there; nothing was executed."""
        return not self.success.run_id

    @property
    def command(self) -> list[str]:
        """Its words, secrets hidden; empty for a function."""
        return [mask_text(word) for word in self.record.get("command", [])]

    @property
    def code(self) -> list[str]:
        """Of a function: the names of what counts."""
        return sorted(self.record.get("code", {}))

    @property
    def took(self) -> float | None:
        """Seconds; None where that is not known."""
        begun, ended = self.record.get("started_at"), self.record.get("finished_at")
        return None if begun is None or ended is None else max(0.0, ended - begun)


class Traced(NamedTuple):
    """A file, and how it was made."""

    name: str
    state: str
    """Whether it still is as it was made; without a maker as it was read."""
    made: Made | None
    inputs: tuple[str, ...] = ()


def name_of(path: str) -> str:
    """What a file is known by, of a path as a person writes it here."""
    return target_of(os.path.expanduser(path))


def _in_project(folder: str, path: str) -> str:
    name = os.path.normpath(os.path.join(folder, path))
    top = project() + os.sep
    return name.removeprefix(top) if os.path.isabs(name) else name


def makers_of(successes: Iterable[Success]) -> dict[str, Made]:
    """By the names of files, what made each of them last."""
    found: dict[str, Made] = {}
    for made in map(Made, successes):
        for name in made.outputs:
            before = found.get(name)
            if before is None or before.success.made_at <= made.success.made_at:
                found[name] = made
    return found


def traced(name: str, makers: dict[str, Made]) -> dict[str, Traced]:
    """The file and all that it was made of, all the way up, each once, by name; what is asked for comes first."""
    found: dict[str, Traced] = {}
    todo: deque[tuple[str, Print | None, str]] = deque([(name, None, "")])
    while todo:
        one, read, news = todo.popleft()
        if one in found:
            continue
        made = makers.get(one)
        if made is None:
            found[one] = Traced(one, news or state_of(one, read), None)
            continue
        state = REMOVED if one in made.gone else state_of(one, made.outputs[one])
        found[one] = Traced(one, state, made, tuple(made.inputs))
        todo += ((other, read, made.changed_below(other)) for other, read in made.inputs.items())
    return found


def state_of(name: str, before: Print | None) -> str:
    """Whether a file is what it was."""
    path = os.path.join(project(), name)
    if look(path) is ABSENT:
        return GONE
    return AS_IT_WAS if before is None or is_same(path, before)[0] else CHANGED


def why_known(name: str, makers: dict[str, Made]) -> list[tuple[str, str]]:
    """What of this file, and of all that it was made of, is not as it was: names, and what is the matter.

    Only files are looked at: whether commands and code are the same, only who has them can tell.
    """
    found = []
    for one in traced(name, makers).values():
        if one.state not in (AS_IT_WAS, REMOVED):
            found.append((one.name, one.state))
        if one.made is not None:
            found += [
                (one.name, f"{other} is another one than it was made of")
                for other, read in one.made.inputs.items()
                if other in makers and state_of(other, read) == CHANGED
            ]
    return found
