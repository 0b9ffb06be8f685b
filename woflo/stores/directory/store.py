"""The contract, kept in a folder: what is kept is the chain of commits (`log`), and files for people follow it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import unquote

from woflo.errors import StoreError
from woflo.kernel import clock
from woflo.stores.blobs import lightened
from woflo.stores.contract import Inherited, Listener, Search, Snapshot, Store, Transaction, unwrap
from woflo.stores.directory.files import Files, failed, telling
from woflo.stores.directory.keeping import Keeper
from woflo.stores.directory.looking import REJECTED, Looking
from woflo.stores.directory.places import FOLDERS
from woflo.stores.directory.watching import PAUSE, Watcher
from woflo.stores.operations import ClaimReady, Operation
from woflo.stores.refusals import closed, inherited
from woflo.stores.rows import QueueRow, Row, Signal, Success, WorkerRow

__all__ = ["DirectoryStore"]

T = TypeVar("T")
SHARE = 20
"""Looking at the folders takes at most one part of so many of the time."""


class DirectoryStore(Store):
    """Keeps runs in a folder, for all processes of all machines that share it.

    `where` is a path, or a URL as `dir:///absolute/folder` and `dir:relative/folder`. The folder is made where it
    is missing.

    Raises `StoreError` where the folder cannot be used, with the reason: it is no folder, cannot be read, is damaged,
    or of a newer woflo.
    """

    has_transactions: ClassVar[bool] = False
    has_limits: ClassVar[bool] = False
    keeps_logs: ClassVar[bool] = True

    def __init__(self, where: str | os.PathLike[str]) -> None:
        self.path: str = _path_of(where)
        self._files = Files(self.path)
        self._keeper = Keeper(self._files)
        with telling(self.path):
            self._make()
            self._keeper.open()
        keeper = self._keeper
        self._looking = Looking(
            self._files, keeper.showing, self._now_row, self._do_now, keeper.show, keeper.history.move
        )
        self._next_look = 0.0
        self._watcher = Watcher(self._keeper.head, self._watch, super()._changed)
        self._is_closed = False
        self._why_closed = closed
        super().__init__()

    @classmethod
    def from_url(cls, url: str) -> Self:
        """See the class."""
        return cls(url)

    def reopened(self) -> Self:
        """See `Store.reopened`."""
        return type(self)(self.path)

    def _make(self) -> None:
        os.makedirs(self.path, exist_ok=True)
        self._keeper.log.make()
        for folder in (*FOLDERS, REJECTED):
            if not os.path.isdir(self._files.path(folder)):
                self._files.make(folder)

    # -- writing ---------------------------------------------------------------------------------------

    def apply(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        if any(isinstance(one, ClaimReady) for one in operations):
            self._look_in_time()
        return self._kept(operations)

    def _kept(self, operations: Sequence[Operation[Any]]) -> list[Any]:
        try:
            return self._keeper.apply(operations)
        except OSError as error:
            if len(operations) > 1:  # a small one may find room where a large one does not
                return [result for one in operations for result in self._kept([one])]
            return [failed(self.path, error)]

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Not here: rows of the user would be in no commit of this store."""
        self._check_open()
        raise StoreError(
            f"{self.path}: a folder has no transactions; use an SQL store, or keep your rows before the step ends and "
            f"make them harmless when they are written twice"
        )

    # -- what people do by hand ------------------------------------------------------------------------

    def look(self) -> None:
        """Take in what people have put into the folders, or moved there.

        Workers do this by themselves while they claim or listen. What is odd only for a moment, as a file that is
        being written, is dealt with where it is the same at the next look.
        """
        with self._committer.alone(), telling(self.path):
            self._looking.look()
        self._changed()

    def _look_in_time(self) -> None:
        """As often as is good; in the thread that commits."""
        begun = clock.monotonic()
        if begun < self._next_look:
            return
        try:
            self._looking.look()
        except (OSError, StoreError) as error:
            self._complain(error)
        now = clock.monotonic()
        self._next_look = now + max(PAUSE / 2, SHARE * (now - begun))

    def _complain(self, error: Exception) -> None:
        from woflo.kernel.bus import complain

        complain(f"{self.path}: what people put there was not looked at: {error}")

    def _now_row(self, run_id: str) -> Row | None:
        self._keeper.refresh()
        return self._keeper.model.get(run_id)

    def _do_now(self, operation: Operation[T]) -> T:
        return unwrap(self._kept([lightened(operation)])[0])  # type: ignore[no-any-return]  # what the operation says

    def _watch(self) -> None:
        with self._committer.alone():
            self._look_in_time()

    # -- reading ---------------------------------------------------------------------------------------

    def _read(self, read: Callable[[Store], T]) -> T:
        self._check_open()
        with telling(self.path), self._keeper.lock:
            self._keeper.refresh()
            return read(self._keeper.model)

    def _check_open(self) -> None:
        if self._is_closed:
            raise self._why_closed()

    def get(self, run_id: str) -> Row | None:
        return self._read(lambda model: model.get(run_id))

    def find(self, task: str, key: str) -> Row | None:
        return self._read(lambda model: model.find(task, key))

    def steps(self, parent_id: str) -> list[Row]:
        return self._read(lambda model: model.steps(parent_id))

    def _select(self, search: Search, after: str, limit: int) -> list[Row]:
        return self._read(lambda model: model._select(search, after, limit))

    def tags(self, run_id: str) -> dict[str, str]:
        return self._read(lambda model: model.tags(run_id))

    def signals(self, run_id: str) -> list[Signal]:
        return self._read(lambda model: model.signals(run_id))

    def next_time(self, queues: Iterable[str] = (), after: float = 0.0) -> float | None:
        return self._read(lambda model: model.next_time(queues, after))

    def queues(self) -> list[QueueRow]:
        """None: see `has_limits`."""
        self._check_open()
        return []

    def paused_schedules(self) -> list[str]:
        """None: see `has_limits`."""
        self._check_open()
        return []

    def workers(self) -> list[WorkerRow]:
        return self._read(lambda model: model.workers())

    def asked_to_stop(self, worker: str) -> list[str]:
        return self._read(lambda model: model.asked_to_stop(worker))

    def published(self, run_id: str) -> dict[str, str]:
        return self._read(lambda model: model.published(run_id))

    def successes(self, targets: Iterable[str] | None = None) -> list[Success]:
        return self._read(lambda model: model.successes(targets))

    def _blob(self, name: str) -> Iterable[str]:
        self._check_open()
        with telling(self.path), self._keeper.lock:
            self._keeper.refresh()
            return (self._keeper.values.read(name),)

    def log(self, run_id: str, lines: Sequence[str]) -> None:
        """To the end of the log beside the run."""
        self._check_open()
        with telling(self.path), self._keeper.lock:
            self._keeper.refresh()
            self._keeper.history.append(run_id, list(lines))

    def snapshot(self) -> Snapshot:
        return self._read(lambda model: model.snapshot())

    # -- hearing of changes, and the end ---------------------------------------------------------------

    def listen(self, listener: Listener) -> Callable[[], None]:
        """See `Store.listen`. What other processes write is heard of within a fifth of a second."""
        end = super().listen(listener)
        self._watcher.begin()
        return end

    def close(self) -> None:
        if self._is_closed:
            return
        self._watcher.close()
        self._committer.close()
        self._is_closed = True

    def _inherit(self) -> None:
        super()._inherit()
        for name in ("_keeper", "_looking", "_watcher"):
            setattr(self, name, Inherited())
        self._is_closed, self._why_closed = True, inherited


_URL = re.compile(r"dir:(?:///*(?=/))?((?!//).*[^/].*)")
"""As the URLs of files are written: three slashes begin an absolute path, more are taken for three."""


def _path_of(where: str | os.PathLike[str]) -> str:
    path = os.fspath(where)
    if path.startswith("dir:"):
        found = _URL.fullmatch(path)
        if found is None:
            raise StoreError(f"{path} names no folder: write dir:///an/absolute/folder or dir:a/relative/one")
        path = unquote(found[1])
    if not path:
        raise StoreError(f"{os.fspath(where)!r} names no folder")
    return os.path.abspath(path)
