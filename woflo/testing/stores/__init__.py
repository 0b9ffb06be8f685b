"""The conformance suite for stores: one file per subject, one function per promise."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from woflo.testing.stores.checks import StoreCheck

__all__ = ["SUBJECTS", "store_checks"]

SUBJECTS = (
    "calls",
    "claiming",
    "limiting",
    "workers",
    "holding",
    "ending",
    "continuing",
    "parking",
    "signals",
    "steering",
    "reading",
    "finding",
    "removing",
    "large",
    "making",
    "transactions",
    "listening",
    "sharing",
)


def store_checks() -> list[StoreCheck]:
    """All checks; each is called with what makes a new, empty store."""
    from woflo.testing.stores.checks import registered

    for subject in SUBJECTS:
        import_module(f"{__name__}.{subject}")
    return list(registered)
