"""A check: one promise that a runner has to keep, and which runners it is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from woflo.kernel.run import BaseTaskRun
from woflo.kernel.traits import Traits
from woflo.testing.promise import Promise

__all__ = ["Check", "Runner", "check", "isolated", "isolated_and_killable", "parallel", "registered"]

Runner = type[BaseTaskRun[Any]]
registered: list[Check] = []
"""Every check, in the order in which the modules are imported and the functions stand in them."""


class Check(Promise[Runner]):
    """A promise of runners. What a runner cannot do, told by its traits, is not asked of it."""

    def __init__(self, function: Callable[[Runner], None], only: Callable[[Traits], object] | None) -> None:
        super().__init__(function)
        self._only = only

    def applies_to(self, runner: Runner) -> bool:
        """False where the runner's traits say that it does not promise this."""
        return self._only is None or bool(self._only(runner.traits))


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
