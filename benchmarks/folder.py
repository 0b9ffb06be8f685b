"""The directory store: lone writes, and the queue, beside files that are written by hand as safely.

The floor is what Maildir does for each message: write a file aside, sync it, rename it. A folder that is synced after
the rename, as the store does for every answer, stands beside it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.model import Body, Figure, Opener, at_most, beside, floor, ours
from benchmarks.store import begun, folder, recorded, row

TEXT = b"x" * 300


@contextmanager
def store() -> Iterator[Any]:
    """A new one."""
    from woflo.stores.directory import DirectoryStore

    with folder() as where:
        made = DirectoryStore(where / "store")
        yield made
        made.close()


def queue(batch: int) -> Opener:
    """Submitted, claimed and finished, so many at a time."""

    @contextmanager
    def opened() -> Iterator[Body]:
        from woflo.kernel.state import RunState
        from woflo.stores.operations import ClaimReady, Finish, Submit

        with store() as made:
            begun(made)
            claim = ClaimReady(now=2.0, worker="w", limit=batch, tasks=("task",), queues=("default",))

            def body(n: int) -> int:
                ended = 0
                for _ in range(0, n, batch):
                    made.apply([Submit(now=1.0, runs=(row(),)) for _ in range(batch)])
                    rows = made.write(claim)
                    made.apply([Finish(now=3.0, claim=one.claim, state=RunState.SUCCEEDED) for one in rows])
                    ended += len(rows)
                return ended

            yield body

    return opened


def write(path: Path) -> None:
    """A file, on disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(descriptor, TEXT)
    os.fsync(descriptor)
    os.close(descriptor)


def by_hand(files: int, *, synced: bool) -> Opener:
    """So many files for each unit, written aside and renamed; the folder `synced` as well."""

    @contextmanager
    def opened() -> Iterator[Body]:
        with folder() as where:

            def body(n: int) -> int:
                for number in range(n * files):
                    write(where / "aside")
                    os.rename(where / "aside", where / f"{number}")
                    if synced:
                        sync(where)
                return n

            yield body

    return opened


def sync(where: Path) -> None:
    """The names in the folder, on disk."""
    descriptor = os.open(where, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


FIGURES = [
    Figure(
        name="folder-step",
        title="Directory store, a step recorded",
        unit="write",
        n=300,
        quick=50,
        expected=lambda n: n,
        rivals=[
            ours(recorded(store)),
            floor("write, sync, rename", by_hand(1, synced=False)),
            beside("and the folder synced", by_hand(1, synced=True)),
        ],
        targets=[at_most(3.3, "write, sync, rename")],
    ),
    Figure(
        name="folder-queue",
        title="Directory store, submitted, claimed and finished one by one",
        unit="run",
        n=200,
        quick=50,
        expected=lambda n: n,
        rivals=[
            ours(queue(1)),
            floor("three files: write, sync, rename", by_hand(3, synced=False)),
            beside("and the folder synced", by_hand(3, synced=True)),
        ],
        targets=[at_most(3.3, "three files: write, sync, rename")],
    ),
    Figure(
        name="folder-batches",
        title="Directory store, submitted, claimed and finished, 100 at a time",
        unit="run",
        n=1_000,
        quick=100,
        expected=lambda n: n,
        rivals=[ours(queue(100)), floor("one file: write, sync, rename", by_hand(1, synced=False))],
        targets=[at_most(3.3, "one file: write, sync, rename")],
    ),
]
