"""Writing the files that a person reads. They follow what is kept, and may lag behind it."""

from __future__ import annotations

import json
import secrets
from typing import Any

from woflo.stores.directory.files import Files
from woflo.stores.directory.places import FOLDERS, QUEUE, folder_of, log_of, place_of
from woflo.stores.directory.texts import as_fields
from woflo.stores.rows import Row

__all__ = ["Showing", "letter_of", "plain_of"]

Place = tuple[str, str]
_VALUES = ("args", "result", "error")
_TOLD_BY_PLACE = ("worker", "stop_requested")


class Showing:
    """Which files there should be, and what writes them."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.expected: dict[str, dict[str, str]] = {}
        """By folder and name the id of the run."""
        self.versions: dict[str, int] = dict.fromkeys(FOLDERS, 0)
        """How often that changed."""
        self.homes: dict[str, tuple[str, str]] = {}
        """By the name of a log the folder where it is to be, and the id of the run."""
        self._places: dict[str, Place] = {}
        self.clear()

    def clear(self) -> None:
        """No run has a file."""
        self.expected = {folder: {} for folder in FOLDERS}
        self.homes = {}
        self._places = {}

    def place(self, run_id: str) -> Place | None:
        """Where the file of this run is to be."""
        return self._places.get(run_id)

    def expect(self, run_id: str, row: Row | None) -> None:
        """From now on the file of the run is to be where this row says."""
        old, new = self._places.pop(run_id, None), place_of(row)
        if old is not None:
            self._change(old[0]).pop(old[1], None)
        if new is None:
            self.homes.pop(log_of(run_id), None)
        else:
            self._places[run_id] = new
            self.homes[log_of(run_id)] = new[0], run_id
            self._change(new[0])[new[1]] = run_id

    def _change(self, folder: str) -> dict[str, str]:
        self.versions[folder] += 1
        return self.expected[folder]

    def move(self, old: Place | None, row: Row | None, steps: list[Row]) -> None:
        """Bring the file to its place. A claim is a rename; all else has more to tell, and is written anew."""
        new = place_of(row)
        if old and new and (old[0], new[0]) == (QUEUE, "running") and self._renamed(old, new):
            return
        if new is not None and row is not None:
            self.write(new, row, steps)
        if old is not None and old != new:
            self._files.remove("/".join(old))

    def _renamed(self, old: Place, new: Place) -> bool:
        try:
            self._files.rename("/".join(old), "/".join(new))
        except FileNotFoundError:
            return False
        return True

    def write(self, place: Place, row: Row, steps: list[Row]) -> None:
        """All of it at once, in place of what is there."""
        aside = f".woflo/aside/{secrets.token_hex(6)}"
        text = json.dumps(letter_of(row, steps), indent=1)
        self._files.write(aside, f"{text}\n".encode(), durable=False)
        self._files.rename(aside, "/".join(place))


def letter_of(row: Row, steps: list[Row]) -> dict[str, Any]:
    """What a file says. `fence` tells that the store has written it, and `state` that a run has ended or waits."""
    told = {"id": row.id, "task": row.task, "fence": row.fence, **_readable(row)}
    if folder_of(row) in (QUEUE, "running"):
        del told["state"]
    own = [{"id": step.id, "task": step.task, **_readable(step)} for step in steps if step.queue is None]
    return {**told, "steps": own} if own and row.is_terminal else told


def _readable(row: Row) -> dict[str, Any]:
    fields = {name: value for name, value in as_fields(row).items() if name not in (*_TOLD_BY_PLACE, "digest")}
    values = {name: plain_of(fields[name]) for name in _VALUES if fields.get(name) is not None}
    return {**fields, "state": row.state, **values}


def plain_of(text: str) -> Any:
    """The value that a JSON text means; what is none is shown as it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
