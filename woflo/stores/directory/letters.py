"""What people ask for by a file: a new call, or another state for one that is there."""

from __future__ import annotations

import json
import re
from typing import Any

from woflo.kernel.digest import digest
from woflo.kernel.state import RunState
from woflo.stores.directory.model import Restart
from woflo.stores.directory.places import QUEUE, stem_of
from woflo.stores.directory.showing import letter_of, plain_of
from woflo.stores.operations import MANUAL, Operation, RequestStop, Submit, Wake
from woflo.stores.rows import Row

__all__ = ["MOST", "call_of", "is_ours", "parsed", "wish_of"]

MOST = 16 * 1024 * 1024
"""Bytes of a file that is read; what is larger belongs into a file of its own, whose path is passed."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@+=/-]{0,199}")
_KINDS: dict[str, tuple[type, ...]] = {
    "task": (str,),
    "id": (str,),
    "args": (dict,),
    "queue": (str,),
    "priority": (int,),
    "key": (str,),
    "run_after": (int, float),
}


def parsed(data: bytes) -> dict[str, Any]:
    """What stands in the file. Raises `ValueError` with what is wrong with it."""
    try:
        letter = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from error
    if not isinstance(letter, dict):
        raise ValueError('it is no JSON object such as {"task": "double", "args": {"x": 1}}')
    return letter


def is_ours(letter: dict[str, Any]) -> bool:
    """Whether a store has written it."""
    return isinstance(letter.get("fence"), int) and isinstance(letter.get("id"), str)


# -- a new call ----------------------------------------------------------------------------------------


def call_of(name: str, letter: dict[str, Any], now: float) -> Submit:
    """The call that it asks for. Raises `ValueError` with what is wrong with it."""
    if is_ours(letter):  # of another folder: a new call like that one
        letter = {field: letter[field] for field in _KINDS if field in letter}
    _check(letter)
    priority, stem = stem_of(name)
    args = json.dumps(letter.get("args", {}), separators=(",", ":"))
    given = {"id": _made_id(stem, args), "priority": priority, **letter, "args": args, "digest": digest(args)}
    if not _ID.fullmatch(given["id"]):
        raise ValueError(f'its "id" {given["id"]!r} is none; take letters, digits and _ . : @ + = / -, at most 200')
    return Submit(now=now, runs=(Row(**given),))


def _check(letter: dict[str, Any]) -> None:
    if "task" not in letter:
        raise ValueError('it has no "task", the name of what is to be executed')
    for field, value in letter.items():
        kinds = _KINDS.get(field)
        if kinds is None:
            raise ValueError(f'it has a field "{field}", which nobody knows; known are: {", ".join(_KINDS)}')
        if not isinstance(value, kinds) or isinstance(value, bool) or repr(value) == "nan":
            raise ValueError(f'its "{field}" is {value!r}, which is not of the type {kinds[-1].__name__}')


def _made_id(stem: str, args: str) -> str:
    """The file name where it can be one; the same for the same file, for it may be read twice."""
    if _ID.fullmatch(stem):
        return stem
    return f"by-hand-{digest(stem.encode(errors='surrogatepass') + args.encode())}"


# -- another state for a run that is there ---------------------------------------------------------------


def wish_of(folder: str, letter: dict[str, Any], row: Row, now: float) -> Operation[Any] | None:
    """What a person wants who has moved a file of the store there; None where the store itself was slow to remove it.

    The store writes into each folder only what belongs there. So an end in the queue, or a run that has not ended
    among those that failed, was put there by somebody.
    """
    shown = letter.get("state")
    if folder == QUEUE and shown is not None and letter["fence"] == row.fence:
        return _to_queue(letter, row, now)
    if folder == "failed" and shown in (None, RunState.WAITING) and not row.is_terminal:
        return RequestStop(now=now, run_id=row.id)
    return None


def _to_queue(letter: dict[str, Any], row: Row, now: float) -> Operation[Any] | None:
    if row.state is RunState.WAITING and row.reason != MANUAL and letter["state"] == row.state:
        return Wake(now=now, run_id=row.id)
    if row.is_terminal and letter.get("finished_at") == row.finished_at:
        return Restart(now=now, run_id=row.id, fence=row.fence, args=_args_of(letter, row))
    return None


def _args_of(letter: dict[str, Any], row: Row) -> str:
    """As they were, unless the person has changed them."""
    shown = letter_of(row, [])
    if letter.get("args") == shown.get("args"):
        return row.args
    return json.dumps(letter.get("args", plain_of("{}")), separators=(",", ":"))
