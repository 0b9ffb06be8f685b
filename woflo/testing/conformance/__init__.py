"""The conformance suite for runners: one file per subject, one function per promise."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from woflo.testing.conformance.checks import Check, Runner

__all__ = ["SUBJECTS", "runner_checks"]

SUBJECTS = (
    "results",
    "handles",
    "injected",
    "failures",
    "retrying",
    "crashes",
    "shipping",
    "serialization",
    "stopping",
    "timing",
    "context",
    "reporting",
    "classes",
    "graphs",
    "loops",
    "nesting",
    "limits",
    "resources",
    "memory",
    "many",
)


def runner_checks(runner: Runner | None = None) -> list[Check]:
    """The checks that apply to `runner`, or all of them; each is called with a runner class."""
    from woflo.testing.conformance.checks import registered

    for subject in SUBJECTS:
        import_module(f"{__name__}.{subject}")
    return [check for check in registered if runner is None or check.applies_to(runner)]
