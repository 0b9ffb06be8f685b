"""Workers that give signs of life, go or die, and what they held then, in named statements."""

from __future__ import annotations

import json
from typing import Any

from woflo.stores.operations import LOST, SUSPECT, SUSPECT_DEATHS, Beat, Leave, Recover
from woflo.stores.refusals import taken_for_dead
from woflo.stores.sql.asking import Doing, asked
from woflo.stores.sql.telling import tell_of_stopped

__all__ = ["beat", "leave", "recover"]


def beat(op: Beat) -> Doing[None]:
    """See `Beat`."""
    one = op.worker
    values = {"id": one.id, "host": one.host, "pid": one.pid, "lease_until": one.lease_until}
    (answer,) = yield [("worker_there" if op.is_first else "worker_lives", values)]
    if not answer.changed:
        raise taken_for_dead(one.id)


def leave(op: Leave) -> Doing[None]:
    """See `Leave`."""
    _, given_back = yield [
        ("worker_gone", {"id": op.worker}),
        ("give_back_all", {"worker": op.worker, "now": op.now}),
    ]
    yield from tell_of_stopped(given_back.rows)


def recover(op: Recover) -> Doing[list[str]]:
    """See `Recover`."""
    _, lost = yield [("workers_dead", {"now": op.now, "dead": json.dumps(op.dead)}), ("lost", {})]
    if not lost.rows:
        return []
    values = {"now": op.now, "suspect": SUSPECT, "suspect_deaths": SUSPECT_DEATHS, "lost": LOST}
    ids: dict[int, list[str]] = {1: [], 0: []}
    for claim in lost.rows:
        ids[0 if claim[1] in op.told and claim not in op.begun else 1].append(claim[0])
    freed: list[tuple[Any, ...]] = []
    for death, those in ids.items():
        if those:
            freed += yield from asked("free_lost", values | {"death": death, "ids": json.dumps(those)})
    yield from tell_of_stopped(freed)
    return sorted(run_id for run_id, _, _ in freed)
