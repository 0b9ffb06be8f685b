"""This process among the workers of a store: it gives signs of life, and takes over from those that died."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from woflo.durable.presence import Presence, begun_of, dead_among, forget
from woflo.kernel import clock
from woflo.stores.operations import Beat, Leave, Recover
from woflo.stores.rows import Claim, WorkerRow

if TYPE_CHECKING:
    from woflo.durable.begun import Mark
    from woflo.stores.contract import Store

__all__ = ["IDLE_LOOK", "LEASE", "LOOK", "Membership", "free_of_dead"]

LEASE = 10.0
"""Seconds that a process keeps its runs without a sign of life."""
LOOK = 0.5
"""Seconds after which the store is looked at though nothing was heard: what was heard may be lost."""
IDLE_LOOK = LEASE / 4
"""The same for a worker that executes nothing: it looks when it gives its sign of life."""


class Membership:
    """One worker. It is known by an id of its own, and by a lock while it lives."""

    def __init__(self, store: Store) -> None:
        self.is_lost: bool = False
        """True where it was taken for dead, and others have not been told yet that it lives."""
        self._store = store
        self._host = socket.gethostname()
        self.id: str = self._new_id()
        self._presence: Presence | None = None
        self._others: tuple[WorkerRow, ...] = ()
        """The workers of the store when it was last looked for dead ones. Who comes later is heard of."""
        self._owes_a_look = True
        """True where something was heard so soon after that, that it was not looked for them again."""
        self._ends_on_signal = False
        self._beaten = self._looked_for_dead = self._lease_until = 0.0
        self._offset = clock.now() - clock.monotonic()
        """Between the time of day and the one that never goes back: it changes where the time of day is set."""
        self._trusts_leases_from = 0.0
        """Monotonic: before that, those that live may not yet have given a sign of life by the new time."""

    def _new_id(self) -> str:
        return f"{self._host}:{os.getpid()}:{os.urandom(4).hex()}"

    def enter(self) -> None:
        """Become known, before anything is claimed."""
        self._presence = Presence(self.id)
        self._say_how_to_end()
        self._write_beat(is_first=True)

    def ends_on_signal(self) -> None:
        """Tell others that this process drains when it gets SIGTERM."""
        self._ends_on_signal = True
        self._say_how_to_end()

    def _say_how_to_end(self) -> None:
        if self._ends_on_signal and self._presence is not None:
            self._presence.drains()

    def begins(self, claim: Claim) -> Mark:
        """Leave word that this claim begins, before anything of it is read or executed. The mark ends with it."""
        assert self._presence is not None  # nobody claims before it is known
        return self._presence.begun.mark(claim.run_id, claim.fence)

    def is_beat_due(self) -> bool:
        """True where a sign of life has to be given."""
        return clock.monotonic() - self._beaten > LEASE / 4

    def seconds_to_beat(self) -> float:
        """Until then."""
        return self._beaten + LEASE / 4 - clock.monotonic()

    def beat(self) -> None:
        """Give a sign of life. Raises `LeaseLostError` where this worker was taken for dead."""
        self._write_beat(is_first=False)

    def begin_anew(self) -> None:
        """It was taken for dead: become known under another id."""
        self.is_lost = True
        self.vanish()
        self.id = self._new_id()
        self.enter()
        self.is_lost = False

    def _write_beat(self, *, is_first: bool) -> None:
        self._beaten = clock.monotonic()
        now = clock.now()
        self._lease_until = now + LEASE
        worker = WorkerRow(id=self.id, host=self._host, pid=os.getpid(), lease_until=self._lease_until)
        self._store.write(Beat(now=now, worker=worker, is_first=is_first))

    def take_over(self, *, again: bool = False) -> None:
        """Free what dead workers held: at once where they died on this machine, else when their lease has ended.

        It is looked for them twice a second; `again`, however long ago that was.
        """
        if not again and time.monotonic() - self._looked_for_dead <= LOOK:
            self._owes_a_look = True
            return
        self._notice_a_step()
        now = clock.now()
        if self._lease_until < now:
            return  # whose own lease has ended, because time passed or the machine slept, beats first
        self._looked_for_dead, self._owes_a_look = time.monotonic(), False
        workers = self._store.workers()
        self._others = tuple(one for one in workers if one.id != self.id)
        dead = dead_among(workers, self._host)
        if clock.monotonic() < self._trusts_leases_from:
            now = min([now, *(one.lease_until for one in workers if one.id not in dead)])
        if dead or any(one.lease_until < now for one in workers):
            _recover(self._store, dead, now)

    def watch(self) -> None:
        """Take over where a worker that was known has died. Where none has, the store is not asked."""
        now = clock.now()
        if self._owes_a_look or any(one.lease_until < now for one in self._others) or self._a_known_one_has_died():
            self.take_over(again=True)

    def _a_known_one_has_died(self) -> bool:
        return bool(dead_among(self._others, self._host))

    @property
    def is_alone(self) -> bool:
        """True where there is no other worker that could die."""
        return not (self._others or self._owes_a_look)

    def _notice_a_step(self) -> None:
        """Where the time of day was set, all leases mean something else: nobody is dead because of that."""
        offset = clock.now() - clock.monotonic()
        if abs(offset - self._offset) > LEASE / 4:
            self._offset = offset
            self._trusts_leases_from = clock.monotonic() + LEASE
            self.beat()

    def leave(self) -> None:
        """Go in order: what is still held is given back. Raises `StoreError` where that could not be written."""
        try:
            self._store.write(Leave(now=clock.now(), worker=self.id))
        finally:
            self.vanish()

    def vanish(self) -> None:
        """No longer show that it lives."""
        if self._presence is not None:
            self._presence.end()


def free_of_dead(store: Store) -> None:
    """Free what those held that have died on this machine for certain; for who is no worker, and looks once."""
    workers = store.workers()
    dead = dead_among(workers, socket.gethostname())
    if dead:
        _recover(store, dead, min([clock.now(), *(one.lease_until for one in workers)]))


def _recover(store: Store, dead: list[str], now: float) -> None:
    words = {worker_id: begun_of(worker_id) for worker_id in dead}
    told = {worker_id: word for worker_id, word in words.items() if word is not None}
    begun = tuple(claim for word in told.values() for claim in word)
    store.write(Recover(now=now, dead=tuple(dead), told=tuple(told), begun=begun))
    for worker_id in dead:
        forget(worker_id)
