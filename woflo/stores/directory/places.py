"""In which folder, and under which name, a run is shown.

    queue/      p5-order-17.json         it waits for a worker; with its priority, unless that is 0
    waiting/    order-17.json            for a time, a signal, a step, a person
    running/    order-17.WORKER.3.json   that worker has it, by its third claim
    done/       order-17.json            it succeeded
    failed/     order-17.json            it failed, or was stopped

Steps that a run executes itself have no file of their own. What a file name cannot have is written as in URLs.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from woflo.kernel.digest import digest
from woflo.kernel.state import SUCCESSES, RunState
from woflo.stores.rows import Row

__all__ = ["FOLDERS", "QUEUE", "folder_of", "is_name", "log_of", "place_of", "stem_of"]

QUEUE = "queue"
FOLDERS = (QUEUE, "waiting", "running", "done", "failed")
LONGEST = 120
"""Characters of an id in a file name; what is longer is cut, and told apart by a digest."""

_BY_STATE = {
    RunState.PENDING: QUEUE,
    RunState.RETRYING: QUEUE,
    RunState.WAITING: "waiting",
    RunState.RUNNING: "running",
    **dict.fromkeys(SUCCESSES, "done"),
}
_STEM = re.compile(r"(?:p(-?\d{1,9})-)?(.+)\.json", re.DOTALL)


def folder_of(row: Row) -> str:
    """By its state."""
    return _BY_STATE.get(row.state, "failed")


def place_of(row: Row | None) -> tuple[str, str] | None:
    """Folder and file name, or None where it has no file."""
    if row is None or (row.parent_id is not None and row.queue is None):
        return None
    folder, name = folder_of(row), _safe(row.id)
    if folder == QUEUE and row.priority:
        name = f"p{row.priority}-{name}"
    if row.worker is not None:
        name = f"{name}.{_safe(row.worker)}.{row.fence}"
    return folder, f"{name}.json"


def log_of(run_id: str) -> str:
    """The name of the log beside the file, in whatever folder that is."""
    return f"{_safe(run_id)}.log"


def _safe(name: str) -> str:
    plain = quote(name, safe="@+=", errors="surrogatepass").replace("~", "%7E")
    if plain.startswith("."):
        plain = f"%2E{plain[1:]}"
    if len(plain) > LONGEST:
        plain = f"{plain[:LONGEST]}~{digest(name.encode(errors='surrogatepass'))}"
    return plain


def is_name(name: str) -> bool:
    """Whether an entry is meant: not what editors and copying programs put there for a while."""
    return name.endswith(".json") and not name.startswith(".")


def stem_of(name: str) -> tuple[int, str]:
    """The priority and the rest of a file name that a person gave."""
    found = _STEM.fullmatch(name)
    assert found is not None
    return int(found[1] or 0), found[2]
