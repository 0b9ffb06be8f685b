"""A check: one promise that a runner has to keep, and which runners it is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from woflo.kernel.run import BaseTaskRun
from woflo.kernel.traits import Traits

__all__ = ["Check", "Runner", "check", "isolated", "isolated_and_killable", "parallel", "registered"]

Runner = type[BaseTaskRun[Any]]
registered: list[Check] = []
"""Every check, in the order in which the modules are imported and the functions stand in them."""


class Check:
    """A function that takes a runner class and fails by an exception; its docstring is the promise."""

    def __init__(self, function: Callable[[Runner], None], only: Callable[[Traits], object] | None) -> None:
        self.function = function
        self.name: str = function.__name__
        self.subject: str = function.__module__.rpartition(".")[2]
        self.promise: str = (function.__doc__ or "").strip()
        self.__doc__ = function.__doc__
        self._only = only

    def applies_to(self, runner: Runner) -> bool:
        """False where the runner's traits say that it does not promise this."""
        return self._only is None or bool(self._only(runner.traits))

    def __call__(self, runner: Runner) -> None:
        """Hold `runner` against the promise. Raises, mostly `AssertionError`, where it is not kept."""
        self.function(runner)

    def __str__(self) -> str:
        return f"{self.subject}-{self.name}"

    def __repr__(self) -> str:
        return f"<check {self}>"


def check(*, only: Callable[[Traits], object] | None = None) -> Callable[[Callable[[Runner], None]], Check]:
    """Register a function as a check, for the runners whose traits `only` accepts."""

    def register(function: Callable[[Runner], None]) -> Check:
        made = Check(function, only)
        registered.append(made)
        return made

    return register


# -- what `only` is given most --------------------------------------------------------------------------


def parallel(traits: Traits) -> bool:
    """Only there is anything open when a call has returned, and only there is anything to limit or to stop."""
    return traits.parallel


def isolated(traits: Traits) -> bool:
    """Only there does an attempt have a process of its own."""
    return traits.isolated


def isolated_and_killable(traits: Traits) -> bool:
    """Only there can code be ended that does not want to."""
    return traits.isolated and traits.killable
