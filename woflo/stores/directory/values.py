"""Large values as files: written before the commit that names them, removed after the commit that says so.

A file is never written again under its name: who removes one late, because it was stopped in between, harms nobody who
kept the same value once more.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

from woflo.kernel import clock
from woflo.stores.blobs import REST, Blob, chunks
from woflo.stores.directory.files import Files
from woflo.stores.refusals import no_blob

__all__ = ["Values"]

FOLDER = ".woflo/values"


class Values:
    """The files of a store. `place_of` tells where a value of this name is, as the last commit says."""

    def __init__(self, files: Files, place_of: Callable[[str], str | None]) -> None:
        self._files = files
        self._place_of = place_of
        self._written: dict[str, str] = {}
        """By name, those that the commit under way needs and that were not there."""

    def write(self, blobs: Iterable[Blob]) -> None:
        """Have them on disk, those that are there excepted; raises `OSError`."""
        for blob in blobs:
            if self._place_of(blob.name) is None:
                self.place(blob)

    def place(self, blob: Blob) -> str:
        """The file of one that no commit knows."""
        if blob.name not in self._written:
            name = f"{blob.name.split(':')[1]}-{secrets.token_hex(4)}.json"
            self._files.make(FOLDER)
            data = (text.encode(errors="surrogatepass") for _, text in chunks(blob.text))
            self._files.write_parts(f"{FOLDER}/{name}", data)
            self._files.sync(FOLDER)
            self._written[blob.name] = name
        return self._written[blob.name]

    def settle(self) -> None:
        """The commit is over, and the last one is known: what it does not name after all goes away."""
        written, self._written = self._written, {}
        self.remove(file for name, file in written.items() if self._place_of(name) != file)

    def read(self, name: str) -> str:
        """Raises `StoreError` where it is missing, and `OSError`."""
        place = self._place_of(name)
        if place is None:
            raise no_blob(name)
        try:
            return self._files.read(f"{FOLDER}/{place}").decode(errors="surrogatepass")
        except FileNotFoundError:
            raise no_blob(name) from None

    def remove(self, places: Iterable[str]) -> None:
        """No commit names them any more."""
        for place in places:
            self._files.remove(f"{FOLDER}/{place}")

    def remove_left_over(self, known: set[str]) -> None:
        """Those of processes that died before their commit."""
        try:
            names = set(self._files.names(FOLDER))
        except FileNotFoundError:
            return
        for name in names - known:
            path = f"{FOLDER}/{name}"
            if self._files.status(path).st_mtime < clock.now() - REST:
                self._files.remove(path)
