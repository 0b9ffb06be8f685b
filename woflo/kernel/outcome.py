"""What an attempt left: a value, or an error."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Outcome", "PackedOutcome"]


class Outcome:
    """A value or an error, never both.

    `error` is None for a value. `interrupted` is True where the code ended because it was asked to
    (a cancelled coroutine, a process that was told to stop), not by a failure of its own.
    """

    __slots__ = ("error", "interrupted", "value")

    def __init__(self, value: Any = None, error: BaseException | None = None, interrupted: bool = False) -> None:
        self.value: Any = value
        self.error: BaseException | None = error
        self.interrupted: bool = interrupted

    @classmethod
    def failed(cls, error: BaseException) -> Outcome:
        """The outcome of an attempt that ended with `error`."""
        return cls(None, error)

    def __repr__(self) -> str:
        return f"Outcome(error={self.error!r})" if self.error is not None else f"Outcome({self.value!r})"


class PackedOutcome(Protocol):
    """An outcome still in its bytes. Loading it may run code of the user: never on the reactor's thread."""

    def unpack(self) -> Outcome:
        """Load it, once. Never raises: what cannot be loaded becomes a `SerializationError`."""
        ...
