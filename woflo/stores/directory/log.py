"""What is kept, and who may write next.

    FOLDER/.woflo/
        format                          the version of all this
        head/000000000041-5f2c…         one empty file. Its NAME says which commit is the last
        log/000000000040-a91e….json     commits: what rows are from then on, and the commit before
            000000000041-5f2c….json
        whole/000000000032-77b0….json   all rows as the commit of this name left them
        aside/                          what is being written

A commit is one rename, whose source is the name of the commit that its writer has seen last:

    writer A                                   head/                   writer B
    ────────                                   ─────                   ────────
    reads head 40-a91e                         40-a91e                 reads head 40-a91e
    decides on what stands there                                       decides on what stands there
    writes log/41-5f2c, fsync, fsync log/                              writes log/41-0c3d, fsync, fsync log/
    renames head/40-a91e to head/41-5f2c  ──▸  41-5f2c
    fsync head/, returns                                          ✗ ── renames head/40-a91e to head/41-0c3d: ENOENT
                                                                       reads commit 41-5f2c, decides again

Why that is sound. At every moment there is one name in head/, because nothing but that rename ever changes it. A
name has a random part and comes once, so a rename succeeds only if no other commit came since its writer looked; one
that comes late, after a pause of any length or sent twice by a network, finds its source gone and changes nothing.
So commits form one chain, and each was decided on exactly what the one before it left. A lease that was taken over is
an earlier commit of that chain: whoever lost it sees so before it writes, or is too late to write. Nothing has to be
cleaned up for others to go on: who dies before the rename leaves a file that nobody reads, who dies after it has
committed all of it, however many runs it was about.

What is renamed to is on disk before the rename. What an answer rests on is on disk before the answer: the writer's own
commit, or the one of somebody else that it found (`ensure`).

From time to time all rows are written as a whole. The commits up to the whole before that one are then removed, the
oldest first; nobody needs them, and wherever they are removed late, or twice, they are of the past.

After a rename that failed the writer looks for its own commit in the chain before it believes that: a server may have
done it and lost the answer. Where the chain does not reach back so far any more, its own file tells: only commits of
the chain are removed, so what is still there is none. (Who is killed before its rename leaves such a file for ever.)
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import sleep
from typing import Any, NamedTuple

from woflo.errors import StoreError
from woflo.stores.directory.files import Files, telling

__all__ = ["LOOKS", "Commit", "Log", "OutdatedError", "Position", "damaged"]

FORMAT = 1
_NAME = re.compile(r"(\d{12,})-([0-9a-f]+)(?:\.json)?")
_FOLDERS = ("head", "log", "whole", "aside")
LOOKS = 50
"""A listing made during a rename may show neither name; so often it is made again."""

OLD = 3600.0
"""Seconds, by the clock of the disk, after which nobody is still writing a file."""


class Position(NamedTuple):
    """A commit: its number, and what no other commit of this number has."""

    number: int
    token: str

    def __str__(self) -> str:
        return f"{self.number:012}-{self.token}"


class Commit(NamedTuple):
    """What a commit says."""

    position: Position
    before: Position
    changes: list[Any]
    size: int
    """Of its file, in bytes."""


class OutdatedError(Exception):
    """What led from there to here is gone: all has to be read as a whole."""


class Log:
    """The chain of commits in a folder. Used by one thread at a time, but for `head`, `since` and `last_whole`."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._durable: Position | None = None
        """The last head that is known to be on disk."""

    # -- the folder ------------------------------------------------------------------------------------

    def make(self) -> None:
        """All that a new store needs, in one rename: of several that make it at once, one does."""
        if not os.path.isdir(self._files.path(".woflo")):
            self._make()
        self._check_format()

    def _make(self) -> None:
        new = f".woflo-{secrets.token_hex(6)}"
        for folder in _FOLDERS:
            self._files.make(f"{new}/{folder}")
        first = Position(0, secrets.token_hex(6))
        self._files.write(f"{new}/format", f"{FORMAT}\n".encode())
        self._files.write(f"{new}/whole/{first}.json", b"[]")
        self._files.write(f"{new}/head/{first}", b"")
        for folder in (*_FOLDERS, ""):
            self._files.sync(f"{new}/{folder}")
        try:
            self._files.rename(new, ".woflo")
        except OSError:
            shutil.rmtree(self._files.path(new))
            if not os.path.isdir(self._files.path(".woflo")):
                raise
        self._files.sync("")

    def _check_format(self) -> None:
        text = self._files.read(".woflo/format").decode(errors="replace").strip()
        if text != str(FORMAT):
            raise StoreError(
                f"{self._files.root}: it is kept in the format {text!r}, and this woflo knows {FORMAT}; "
                f"install a newer woflo, or name another folder"
            )

    # -- reading ---------------------------------------------------------------------------------------

    def head(self) -> Position:
        """The last commit."""
        for turn in range(LOOKS):
            found = _positions(self._files.names(".woflo/head"))
            if found:
                return max(found)
            sleep(0.001 * turn)
        raise StoreError(
            f"{self._files.root}/.woflo/head is empty, and tells no longer what is kept; put a copy of the folder back"
        )

    def since(self, seen: Position) -> list[Commit]:
        """The commits after `seen`, in their order. Raises `OutdatedError` where some are gone already."""
        found: list[Commit] = []
        at = self.head()
        while at.number > seen.number:
            found.append(self._read(at))
            at = found[-1].before
        if at != seen:
            raise OutdatedError
        return found[::-1]

    def _read(self, position: Position) -> Commit:
        name = f".woflo/log/{position}.json"
        try:
            data = self._files.read(name)
        except FileNotFoundError as error:
            raise OutdatedError from error
        with damaged(self._files.path(name)):
            before, changes = json.loads(data)
            return Commit(position, _position(before), changes, len(data))

    def last_whole(self) -> Position:
        """The last commit that was written as a whole."""
        found = _positions(self._files.names(".woflo/whole"))
        if not found:
            raise StoreError(f"{self._files.root}/.woflo/whole is empty; put a copy of the folder back")
        return max(found)

    def whole(self) -> tuple[Position, list[Any], int]:
        """That commit, all rows as it left them, and the bytes that these take."""
        for _ in range(LOOKS):
            position = self.last_whole()
            name = f".woflo/whole/{position}.json"
            with suppress(FileNotFoundError):  # there is a later one
                data = self._files.read(name)
                with damaged(self._files.path(name)):
                    return position, json.loads(data), len(data)
        raise StoreError(f"{self._files.root}/.woflo/whole: what is there cannot be read")

    # -- writing ---------------------------------------------------------------------------------------

    def publish(self, before: Position, changes: str) -> tuple[Position, int] | None:
        """Commit what was decided on `before`; the commit and its bytes, or None where another one came first.

        Raises `StoreError` where it is not known whether it is kept, `OSError` where it is known that it is not.
        """
        new = Position(before.number + 1, secrets.token_hex(6))
        name = f".woflo/log/{new}.json"
        data = f'["{before}",{changes}]\n'.encode()
        self._files.write(name, data)
        self._files.sync(".woflo/log")
        if not self._rename(before, new):
            self._files.remove(name)
            return None
        self.ensure(new)
        return new, len(data)

    def _rename(self, before: Position, new: Position) -> bool:
        try:
            self._files.rename(f".woflo/head/{before}", f".woflo/head/{new}")
        except OSError as error:
            with telling(f"{self._files.root}: it is not known whether this was kept"):
                if self._is_in_chain(new):
                    return True
                if not isinstance(error, FileNotFoundError):
                    raise
            return False
        return True

    def _is_in_chain(self, new: Position) -> bool:
        at = self._head_from(new.number)
        try:
            while at.number > new.number:
                at = self._read(at).before
        except OutdatedError:
            return not self._is_there(new)
        return at == new

    def _is_there(self, position: Position) -> bool:
        try:
            self._read(position)
        except OutdatedError:
            return False
        return True

    def _head_from(self, number: int) -> Position:
        """The head, which has this number or a higher one: a share may show an old listing for a while."""
        for turn in range(LOOKS):
            head = self.head()
            if head.number >= number:
                return head
            sleep(0.001 * turn)
        raise StoreError(f"{self._files.root}: it is not known whether the commit {number} was kept")

    def ensure(self, position: Position) -> None:
        """That commit, which was the head, is on disk."""
        if self._durable != position:
            with telling(f"{self._files.root}: it is not known whether this was kept"):
                self._files.sync(".woflo/head")
            self._durable = position

    def write_whole(self, position: Position, text: str) -> None:
        """Keep all rows as that commit left them, and remove what is no longer needed."""
        aside, name = f".woflo/aside/{secrets.token_hex(6)}", f".woflo/whole/{position}.json"
        before = self.last_whole()
        self._files.write(aside, text.encode())
        self._files.rename(aside, name)
        self._files.sync(".woflo/whole")
        self._remove_commits(before)
        self._remove_leftovers(self._files.status(name).st_mtime)
        for old in _positions(self._files.names(".woflo/whole")):
            if old < before:
                self._files.remove(f".woflo/whole/{old}.json")

    def _remove_leftovers(self, now: float) -> None:
        """Of those who were killed while they wrote; who is only slow finds it gone, and writes another one later."""
        for name in self._files.names(".woflo/aside"):
            with suppress(FileNotFoundError):
                if self._files.status(f".woflo/aside/{name}").st_mtime < now - OLD:
                    self._files.remove(f".woflo/aside/{name}")

    def _remove_commits(self, last: Position) -> None:
        """Those of the chain up to this one, the oldest first."""
        chain = [last]
        with suppress(OutdatedError):
            while True:
                chain.append(self._read(chain[-1]).before)
        for position in reversed(chain):
            self._files.remove(f".woflo/log/{position}.json")


@contextmanager
def damaged(path: str) -> Iterator[None]:
    """Raises `StoreError` in place of what parsing raises."""
    try:
        yield
    except (ValueError, TypeError, RecursionError) as error:
        raise StoreError(f"{path}: the file is damaged; put a copy of the folder back") from error


def _position(name: str) -> Position:
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(name)
    return Position(int(found[1]), found[2])


def _positions(names: list[str]) -> list[Position]:
    return [_position(name) for name in names if _NAME.fullmatch(name)]
