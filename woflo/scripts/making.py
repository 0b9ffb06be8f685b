"""What happens to files around an attempt: a partial file is never taken for a result, and nothing else is removed.

    begin   folders of outputs are made; outputs that woflo has made, and nobody has changed since, are moved aside
    keep    after a success: every output must be there; what was moved aside goes
    revert  after a failure: what the attempt has made goes, and what was moved aside comes back

Never moved or removed: inputs, folders, files that woflo did not make, and whatever lies outside of the project.
"""

from __future__ import annotations

import os
import stat
from fnmatch import fnmatchcase
from glob import has_magic

from woflo.errors import MissingOutputError
from woflo.kernel.bus import logger
from woflo.kernel.digest import digest
from woflo.scripts.files import Output, Protected
from woflo.scripts.ledger import Known
from woflo.scripts.marks import Mark
from woflo.scripts.places import is_inside, project
from woflo.scripts.plan import Plan, target_of
from woflo.scripts.prints import ABSENT, Found, Print, found_at, look

__all__ = ["Making"]

MOST_BYTES = 240
"""Of a file's name that can still be lengthened: file systems have names of 255."""


class Making:
    """The files of one attempt."""

    def __init__(self, plan: Plan, known: Known | None, mark: Mark) -> None:
        self._plan = plan
        self._own: dict[str, Print] = {} if known is None else known.own()
        """What woflo has made, as it has left it."""
        self._known = known
        self._top = project()
        self._mark = mark
        self._aside: dict[str, str] = {}
        """Where each output of before is meanwhile."""
        self._parts: dict[str, str] = {}
        """Where that is meanwhile which was found in place of an output after an attempt that was cut off."""
        self._there: dict[str, Found] = {}
        """What was there at the beginning, and was not moved aside."""
        self.stayed: list[str] = []
        """After a success, the outputs that the attempt has not made: they were there, and are as they were."""
        self._inputs = {os.path.realpath(plan.path(path)) for path in plan.inputs} if plan.outputs else set()

    # -- the beginning ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """Make room. Raises `OSError` where a folder cannot be made."""
        stayed = self._mark.stayed() if self._mark.was_cut_off else None
        paths: dict[str, None] = {}
        for output in self._plan.outputs:
            above = os.path.dirname(self._plan.path(output.path if output.pattern is None else _fixed_part(output)))
            if above:
                os.makedirs(above, exist_ok=True)
            if stayed is not None:
                self._return_parts(output)
            paths |= dict.fromkeys(self._plan.files_of(output))
        if stayed is not None and self._known is not None:
            paths |= dict.fromkeys(self._known.outputs)  # a glob does not find what is aside
        for path in paths:
            self._set_aside(path, stayed)
        self._mark.note_stayed(
            [self._name(path) for path in self._there],
            task=self._plan.name,
            outputs=[self._name(output.path) for output in self._plan.outputs],
            inputs=[self._name(path) for path in self._plan.inputs],
        )

    def _return_parts(self, output: Output) -> None:
        """What an attempt has moved away that was then cut off itself comes back, to be looked at once more."""
        whole = self._plan.path(output.pattern or output.path)
        if output.pattern is None:
            found = [whole]
        else:
            folder, pattern = os.path.split(whole)
            names = (
                [] if has_magic(folder) else [one[1 : -len(PART)] for one in os.listdir(folder or ".") if _is_part(one)]
            )
            found = [os.path.join(folder, name) for name in names if fnmatchcase(name, pattern)]
        for one in found:
            part = _aside(one, "part")
            if os.path.lexists(part) and not os.path.lexists(one):
                os.rename(part, one)

    def _set_aside(self, path: str, stayed: list[str] | None) -> None:
        whole = self._plan.path(path)
        there = look(whole)
        aside = _aside(whole, "aside")
        if self._is_own(path, whole, there):
            os.replace(whole, aside)
            self._aside[path] = aside
            return
        if stayed is not None and self._name(path) not in stayed and there.size >= 0 and self._may_remove(whole):
            self._parts[path] = _aside(whole, "part")
            os.replace(whole, self._parts[path])
            there = ABSENT
        if self._is_left_over(path, whole, aside, there):
            self._aside[path] = aside
        elif there is not ABSENT or os.path.lexists(whole):
            self._there[path] = found_at(whole)

    def _name(self, path: str) -> str:
        """What a file is known by to another call with the same target, which may write it in another way."""
        return target_of(path, self._plan.base)

    def _is_own(self, path: str, whole: str, there: Print) -> bool:
        """True for a file as woflo has left it there."""
        made = self._own.get(path)
        return made is not None and there.size >= 0 and _is_at(there, made) and self._may_remove(whole)

    def _is_left_over(self, path: str, whole: str, aside: str, there: Print) -> bool:
        """True where an attempt that was cut off has left it aside, and nothing in its place."""
        made = self._own.get(path)
        if made is None or there is not ABSENT or os.path.lexists(whole):
            return False
        return os.path.isfile(aside) and _is_at(look(aside), made) and self._may_remove(whole)

    def _may_remove(self, whole: str) -> bool:
        """Files and links alone, of the project, and no inputs."""
        try:
            mode = os.lstat(whole).st_mode
        except FileNotFoundError:
            mode = stat.S_IFREG
        is_file = stat.S_ISREG(mode) or stat.S_ISLNK(mode)
        return is_file and is_inside(whole, self._top) and os.path.realpath(whole) not in self._inputs

    # -- after a success -------------------------------------------------------------------------------

    def keep(self, log: str = "") -> list[str]:
        """The outputs, all of them there. Raises `MissingOutputError`."""
        files: list[str] = []
        missing: list[str] = []
        protected: list[str] = []
        for output in self._plan.outputs:
            made = [path for path in self._plan.files_of(output) if self._is_made(output, path)]
            files += made
            if not made:
                missing.append(output.path)
            if output.kind is Protected:
                protected += made
        if missing:
            told = ", ".join(missing) + self._left()
            where = f"\nits output is in {log}" if log else ""
            raise MissingOutputError(
                f"{self._plan.name} ended well, and has not made: {told}{where}", missing=tuple(missing), log=log
            )
        for aside in self._aside.values():
            _remove(aside)
        for path, part in self._parts.items():
            self._drop(path, part, files)
        self.stayed = [path for path in files if self._has_stayed(path)]
        for path in protected:
            if path not in self.stayed:
                _protect(self._plan.path(path))
        return files

    def _left(self) -> str:
        """Where the code is now, if it has left the folder in which it began."""
        here = os.getcwd()
        return f" in {self._plan.root}, which it has left for {here}" if self._plan.root not in ("", here) else ""

    def _drop(self, path: str, part: str, files: list[str]) -> None:
        """What was found in place of an output after a crash: it may be somebody's, unless it was made again."""
        if path in files:
            _remove(part)
        else:
            logger().warning(
                f"{self._plan.name}: {path} was found after an attempt that was cut off, and was not made again; it is "
                f"kept as {part}: remove it, or move it back where it is yours"
            )

    def _has_stayed(self, path: str) -> bool:
        """True for a file that was there before, and that the attempt has left as it was."""
        before = self._there.get(path)
        return before is not None and before.has_stayed(self._plan.path(path))

    def _is_made(self, output: Output, path: str) -> bool:
        if output.pattern is None:
            return os.path.exists(self._plan.path(path))
        before = self._there.get(path)
        return before is None or look(self._plan.path(path)) != before.there

    # -- after a failure -------------------------------------------------------------------------------

    def revert(self) -> bool:
        """Take back what the attempt has made; False where something was left that may be a part of a result."""
        is_clean = True
        for output in self._plan.outputs:
            for path in self._plan.files_of(output):
                is_clean &= self._revert(path)
        for path, aside in self._aside.items():
            whole = self._plan.path(path)
            if path not in self._parts and not os.path.lexists(whole) and os.path.lexists(aside):
                os.rename(aside, whole)
        for path, part in self._parts.items():
            is_clean &= self._put_back(path, part)
        return is_clean

    def _put_back(self, path: str, part: str) -> bool:
        """What was left of the attempt before may be somebody's by now; a good one from before stays aside."""
        whole = self._plan.path(path)
        if not os.path.lexists(whole):
            os.rename(part, whole)
        return False

    def _revert(self, path: str) -> bool:
        whole = self._plan.path(path)
        if not os.path.lexists(whole):
            return True
        if path in self._there:
            return look(whole) == self._there[path].there
        if not self._may_remove(whole):
            return False
        _remove(whole)
        return True


def _is_at(there: Print, made: Print) -> bool:
    """True where size and time are the same."""
    return (there[0], there[1]) == (made[0], made[1])


PART = ".woflo-part"


def _is_part(name: str) -> bool:
    return name.startswith(".") and name.endswith(PART)


def _aside(whole: str, what: str) -> str:
    """Beside the file itself: what is there can be exchanged with it in one step."""
    folder, name = os.path.split(whole)
    if len(os.fsencode(name)) > MOST_BYTES:
        name = digest(name)
    return os.path.join(folder, f".{name}.woflo-{what}")


def _protect(whole: str) -> None:
    """Make it read-only; what a link leads to is somebody else's."""
    mode = os.lstat(whole).st_mode
    if stat.S_ISREG(mode):
        os.chmod(whole, stat.S_IMODE(mode) & ~0o222)


def _fixed_part(output: Output) -> str:
    """Of a glob, what comes before its magic."""
    folder = os.path.dirname(output.path)
    while any(magic in folder for magic in "*?["):
        folder = os.path.dirname(folder)
    return os.path.join(folder, "_") if folder else "_"


def _remove(whole: str) -> None:
    try:
        os.unlink(whole)
    except FileNotFoundError:
        pass
