"""Large values: kept beside what names them, and swept away."""

from __future__ import annotations

from woflo.stores.blobs import REST, Blob, is_reference
from woflo.stores.memory.changing import Changing
from woflo.stores.memory.tables import GONE
from woflo.stores.operations import Sweep

__all__ = ["Large"]


class Large(Changing):
    """Keeps and sweeps."""

    def _keep_blob(self, blob: Blob, now: float) -> None:
        there = self._tables.blobs.get(blob.name)
        kept = (max(now, there[0]), there[1]) if there else (now, self._place_blob(blob))
        self._tables.set(self._tables.blobs, blob.name, kept)

    def _place_blob(self, blob: Blob) -> str:
        """What the table has of it: here itself."""
        return blob.text

    def _sweep(self, op: Sweep) -> int:
        return self._swept(op.now)

    def _swept(self, now: float) -> int:
        """How many were removed. Called by all that takes runs away."""
        old = [name for name, (kept_at, _) in self._tables.blobs.items() if kept_at < now - REST]
        named = self._named_blobs() if old else set()
        gone = [name for name in old if name not in named]
        for name in gone:
            self._tables.set(self._tables.blobs, name, GONE)
        return len(gone)

    def _named_blobs(self) -> set[str]:
        tables = self._tables
        texts = {text for row in tables.runs.values() for text in (row.args, row.result, row.error)}
        texts |= {signal.value for signal in tables.signals.values()} | set(tables.published.values())
        return {text for text in texts if text is not None and is_reference(text)}
