"""Workers that give signs of life, go or die, and what they held then."""

from __future__ import annotations

from typing import Any

from woflo.kernel.state import RunState
from woflo.stores.memory.changing import Changing
from woflo.stores.memory.tables import GONE
from woflo.stores.operations import LOST, SUSPECT, SUSPECT_DEATHS, Beat, Leave, Recover
from woflo.stores.refusals import taken_for_dead
from woflo.stores.rows import Row

__all__ = ["Workers"]

_PENDING = RunState.PENDING
_WAITING = RunState.WAITING
_STOPPED = RunState.STOPPED


class Workers(Changing):
    """Knows workers, and gives back."""

    def _beat(self, op: Beat) -> None:
        if not op.is_first and op.worker.id not in self._tables.workers:
            raise taken_for_dead(op.worker.id)
        self._tables.set(self._tables.workers, op.worker.id, op.worker)

    def _leave(self, op: Leave) -> None:
        self._tables.set(self._tables.workers, op.worker, GONE)
        for row in self._held_by(op.worker):
            self._give_back(row, op.now, state=_PENDING, attempt=row.attempt - 1)

    def _recover(self, op: Recover) -> list[str]:
        workers = self._tables.workers
        for one in list(workers.values()):
            if one.lease_until < op.now or one.id in op.dead:
                self._tables.set(workers, one.id, GONE)
        lost = [row for row in self._held() if row.worker not in workers]
        for row in lost:
            had_begun = row.worker not in op.told or row.claim in op.begun
            self._free(row, op.now, 1 if had_begun else 0)
        return [row.id for row in lost]

    def _free(self, row: Row, now: float, death: int) -> None:
        deaths = row.deaths + death
        suspect = deaths >= SUSPECT_DEATHS
        self._give_back(
            row,
            now,
            state=_WAITING if suspect else _PENDING,
            reason=SUSPECT if suspect else LOST,
            deaths=deaths,
            attempt=row.attempt - 1,
        )

    def _held(self) -> list[Row]:
        return [row for row in self._ordered() if row.worker is not None]

    def _held_by(self, worker: str) -> list[Row]:
        return [row for row in self._held() if row.worker == worker]

    def _give_back(self, row: Row, now: float, **changes: Any) -> None:
        """Nobody executes it any more; who asked it to stop has got what he asked for."""
        if row.stop_requested:
            self._end(row.changed(**changes), now, state=_STOPPED)
        else:
            self._put(row, worker=None, **changes)
