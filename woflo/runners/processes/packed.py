"""Outcomes as they arrive from a child: still in their bytes, to be loaded by the thread that wants them."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from woflo.errors import SerializationError
from woflo.kernel.outcome import Outcome
from woflo.runners.processes import shipping, travelling, wire
from woflo.runners.processes.imports import MODULE_LOCKS, callers_of, passing_by

if TYPE_CHECKING:
    from woflo.kernel.body import Body

__all__ = ["Packed", "packing_error"]


class Packed:
    """The outcome in a frame of kind VALUE or ERROR. `skip` is the length of what stands before it in the payload."""

    __slots__ = ("_frame", "_skip", "_what")

    def __init__(self, frame: wire.Frame, what: str, skip: int = 0) -> None:
        self._frame = frame
        self._what = what
        self._skip = skip

    def unpack(self) -> Outcome:
        """Load it; what cannot be loaded becomes a `SerializationError` that says which value it was."""
        if not MODULE_LOCKS:
            return self._unpacked()
        with passing_by(callers_of(MODULE_LOCKS)):  # which may wait for this outcome
            return self._unpacked()

    def _unpacked(self) -> Outcome:
        kind, _, payload, fd = self._frame
        parcel = shipping.Parcel(payload[self._skip :], fd)
        which = "result" if kind == wire.VALUE else "exception"
        try:
            content = shipping.open_parcel(parcel, which, self._what)
            if kind == wire.VALUE:
                return Outcome(content)
            interrupted, told, packed = content
            return Outcome(None, self._restored(packed, told), interrupted)
        except SerializationError as error:
            return Outcome.failed(error)

    def _restored(self, packed: bytes, told: str) -> BaseException:
        try:
            return travelling.restore(pickle.loads(packed))
        except BaseException as error:  # loading executes code of the user, which may raise anything
            refusal = shipping.refusal(error, "exception", self._what, "loaded")
            refusal.add_note(told)
            return refusal


def packing_error(
    error: BaseException, what: str, body: Body, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> SerializationError:
    """The error for a call that could not be packed; names the value where one alone is to blame."""
    named = [(f"argument {at + 1}", value) for at, value in enumerate(args)]
    named += [(f"argument {name!r}", value) for name, value in kwargs.items()]
    for name, value in named:
        try:
            shipping.dump(value).close()
        except Exception as why:
            return shipping.refusal(why, "argument", f"{what} ({name}, of type {type(value).__name__})", "packed")
    from woflo.runners.processes.blame import blamed

    found = blamed(body.fn)
    if found is None:
        return shipping.refusal(error, "call", what, "packed")
    which, name, user, cause = found
    held = f"the {which} {name!r} that {user} uses" if which == "global" else f"{name!r} in the closure of {user}"
    told = SerializationError(
        f"{held} could not be packed: {type(cause).__name__}: {cause}; make it inside the task, or put the code into a "
        f"module that workers import",
        which=which,
    )
    told.__cause__ = cause
    return told
