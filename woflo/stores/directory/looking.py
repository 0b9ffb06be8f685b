"""Seeing what people did to the files, and what was left over where a process died.

Files lag behind what is kept: another process may be about to write or remove one. So what is odd counts when it was
so in two looks, and only what nobody but a person does counts at once.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from typing import Any

from woflo.kernel import clock
from woflo.stores.directory import letters
from woflo.stores.directory.files import Files
from woflo.stores.directory.places import FOLDERS, QUEUE, is_name
from woflo.stores.directory.showing import Showing
from woflo.stores.operations import Operation
from woflo.stores.rows import Row

__all__ = ["REJECTED", "Looking"]

REJECTED = "rejected"
Odd = tuple[str, str, Any]
"""A folder, a name, and what tells one file from another of this name."""


class Looking:
    """Looks at the folders, one look at a time.

    `row_of` finds a run as it is now, `commit` does an operation, and `show` writes the file of a run.
    """

    def __init__(
        self,
        files: Files,
        showing: Showing,
        row_of: Callable[[str], Row | None],
        commit: Callable[[Operation[Any]], Any],
        show: Callable[[str], None],
        move_log: Callable[[str, str, str], None],
    ) -> None:
        self._files = files
        self._showing = showing
        self._row_of = row_of
        self._commit = commit
        self._show = show
        self._move_log = move_log
        self._calm: dict[str, tuple[int, int]] = {}
        """How those folders were in which nothing was odd: when they were changed, and what was expected."""
        self._seen: dict[str, tuple[int, int]] = {}
        """The same of each folder at the last look."""
        self._odd: set[Odd] = set()
        self._odd_before: set[Odd] = set()

    def look(self) -> None:
        """Do what people want, and put right what is not where it belongs."""
        self._odd_before, self._odd = self._odd, set()
        for folder in FOLDERS:
            self._look_into(folder)

    def _look_into(self, folder: str) -> None:
        self._row_of("")  # what is expected is never older than what is listed
        state = (self._files.status(folder).st_mtime_ns, self._showing.versions[folder])
        if self._calm.get(folder) == state:
            return
        every = self._files.names(folder)
        names = {name for name in every if is_name(name)}
        expected = self._showing.expected[folder]
        for name in sorted(expected.keys() - names):
            self._missing(folder, name, expected[name])
        for name in sorted(names - expected.keys()):
            self._judge(folder, name)
        for name in sorted(every):
            if name.endswith(".log"):
                self._judge_log(folder, name)
        if self._seen.get(folder) == state and not any(odd[0] == folder for odd in self._odd):
            self._calm[folder] = state  # two looks apart: a clock of coarse steps cannot hide a change
        self._seen[folder] = state

    def _is_still_odd(self, folder: str, name: str, what: Any) -> bool:
        odd = (folder, name, what)
        self._odd.add(odd)
        return odd in self._odd_before

    def _missing(self, folder: str, name: str, run_id: str) -> None:
        if self._is_still_odd(folder, name, run_id):
            self._show(run_id)

    def _judge_log(self, folder: str, name: str) -> None:
        """One that a process left behind which died, or was slow, goes to the file of its run."""
        home, run_id = self._showing.homes.get(name, (folder, ""))
        if home != folder and self._is_still_odd(folder, name, home):
            self._move_log(run_id, folder, home)

    # -- what should not be there ------------------------------------------------------------------------

    def _judge(self, folder: str, name: str) -> None:
        try:
            status = self._files.status(f"{folder}/{name}")
            self._judge_it(folder, name, status)
        except FileNotFoundError:
            pass  # it was there for a moment

    def _judge_it(self, folder: str, name: str, status: os.stat_result) -> None:
        path = f"{folder}/{name}"
        try:
            letter = letters.parsed(self._files.read_strange(path, letters.MOST))
        except FileNotFoundError:
            raise
        except (ValueError, OSError) as error:
            if folder == QUEUE and self._is_final(folder, name, status):
                self._reject(path, str(error))
        else:
            self._answer(folder, name, letter, _identity(status))

    def _is_final(self, folder: str, name: str, status: os.stat_result) -> bool:
        """Not a file that is still being written."""
        if not stat.S_ISREG(status.st_mode) or status.st_size > letters.MOST:
            return True
        return self._is_still_odd(folder, name, _identity(status))

    def _answer(self, folder: str, name: str, letter: dict[str, Any], identity: Any) -> None:
        row = self._row_of(letter["id"]) if letters.is_ours(letter) else None
        if row is None:
            if folder == QUEUE:
                self._take(name, letter, identity)
        elif self._was_wished(folder, letter, row) or self._is_still_odd(folder, name, identity):
            self._put_right(folder, name, row.id)

    def _was_wished(self, folder: str, letter: dict[str, Any], row: Row) -> bool:
        wish = letters.wish_of(folder, letter, row, clock.now())
        if wish is not None:
            self._commit(wish)
        return wish is not None

    def _put_right(self, folder: str, name: str, run_id: str) -> None:
        self._show(run_id)
        if name not in self._showing.expected[folder]:
            self._files.remove(f"{folder}/{name}")

    def _take(self, name: str, letter: dict[str, Any], identity: Any) -> None:
        """A person has asked for a new call."""
        try:
            call = letters.call_of(name, letter, clock.now())
            new = call.runs[0]
            there = self._row_of(new.id)
            if there is None:
                (accepted,) = self._commit(call)
                there = accepted.row
                if there.id != new.id:
                    raise ValueError(f"the run {there.id} has its key already, and is {there.state}")
            elif not self._is_still_odd(QUEUE, name, identity):
                return  # another process may have taken it, and be about to remove the file
            else:
                raise ValueError(f"there is a run {new.id} already, which is {there.state}; take another name")
        except ValueError as error:
            self._reject(f"{QUEUE}/{name}", str(error))
        else:
            self._put_right(QUEUE, name, new.id)

    def _reject(self, path: str, reason: str) -> None:
        """Put it aside with an explanation beside it; neither takes the place of an older one."""
        name = f"{path.rpartition('/')[2].removesuffix('.json')}-{secrets.token_hex(3)}"
        text = f"{path} was not taken: {reason}.\nPut it into {QUEUE}/ again when that is mended.\n"
        self._files.rename(path, f"{REJECTED}/{name}.json")
        self._files.write(f"{REJECTED}/{name}.txt", text.encode(errors="surrogateescape"))
        self._files.sync(REJECTED)


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mtime_ns, status.st_size, status.st_ino
