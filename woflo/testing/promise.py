"""A check: a plain function with bare asserts, whose docstring is the promise that it checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Promise"]

Subject = TypeVar("Subject")


class Promise(Generic[Subject]):
    """A function that takes what is to be checked and fails by an exception."""

    def __init__(self, function: Callable[[Subject], None]) -> None:
        self.function = function
        self.name: str = function.__name__
        self.subject: str = function.__module__.rpartition(".")[2]
        self.promise: str = (function.__doc__ or "").strip()
        self.__doc__ = function.__doc__

    def __call__(self, subject: Subject) -> None:
        """Hold `subject` against the promise. Raises, mostly `AssertionError`, where it is not kept."""
        self.function(subject)

    def __str__(self) -> str:
        return f"{self.subject}-{self.name}"

    def __repr__(self) -> str:
        return f"<check {self}>"
