"""Runs whose process died, and with which nobody has gone on yet: the store has them as they were then."""

from __future__ import annotations

import json
import shlex
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from woflo.kernel import clock
from woflo.kernel.state import RunState
from woflo.kernel.texts import seconds

if TYPE_CHECKING:
    from woflo.stores.contract import Store
    from woflo.stores.rows import Row

__all__ = ["crashed", "is_of_job", "job_file_of"]

_OF_JOB = '{"job_file":'
"""How the arguments of a job begin."""
OVERDUE = 5.0
"""Seconds beyond the end of its lease after which the silence of a process is worth a word."""


def is_of_job(row: Row) -> bool:
    """True for the run of a job file."""
    return row.args.startswith(_OF_JOB)


def crashed(store: Store, rows: Iterable[Row]) -> dict[str, str]:
    """By their ids, the runs whose process is dead, or has given no sign of life for long, and what to say of that."""
    told = {row.id: _pending(row) for row in rows if row.state is RunState.PENDING and row.deaths and not row.worker}
    held = [row for row in rows if row.state is RunState.RUNNING and row.worker is not None]
    return told | (_of_dead(store, held) if held else {})


def _pending(row: Row) -> str:
    """Somebody has noticed that its process died."""
    times = "" if row.deaths == 1 else f" {row.deaths} times"
    return f"crashed{times}; {_way_on(row)}"


def _of_dead(store: Store, rows: list[Row]) -> dict[str, str]:
    """Nobody has: no process looks at this store."""
    from woflo.durable.presence import dead_among

    workers = {one.id: one for one in store.workers()}
    dead = set(dead_among(workers.values(), socket.gethostname()))
    now, told = clock.now(), {}
    for row in rows:
        worker = workers.get(row.worker or "")
        if worker is None:
            continue
        if worker.id in dead:
            told[row.id] = f"crashed: its process {worker.pid} is dead; {_way_on(row)}"
        elif worker.lease_until + OVERDUE < now:
            silence = seconds(now - worker.lease_until)
            told[row.id] = f"no sign of life from process {worker.pid} on {worker.host} for {silence}; {_way_on(row)}"
    return told


def _way_on(row: Row) -> str:
    job = job_file_of(row)
    return "a worker, or whoever calls it again, goes on" if job is None else f"`woflo run {job} -r` goes on"


def job_file_of(row: Row) -> str | None:
    """The file of a run of a job, as it is named here; None of any other run."""
    if not is_of_job(row):
        return None
    path, here = Path(json.loads(row.args)["job_file"]), Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
