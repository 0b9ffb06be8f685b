"""A check of stores: one promise that a store has to keep."""

from __future__ import annotations

from collections.abc import Callable

from woflo.stores.contract import Store
from woflo.testing.promise import Promise

__all__ = ["Factory", "StoreCheck", "check", "registered"]

Factory = Callable[[], Store]
"""Makes a new store that holds nothing."""
registered: list[StoreCheck] = []
"""Every check, in the order in which the modules are imported and the functions stand in them."""


class StoreCheck(Promise[Factory]):
    """A promise of stores."""


def check(function: Callable[[Store], None]) -> StoreCheck:
    """Register a function as a check. It gets a store of its own, which is closed after it."""

    def checked(factory: Factory) -> None:
        store = factory()
        try:
            function(store)
        finally:
            store.close()

    checked.__name__, checked.__module__, checked.__doc__ = function.__name__, function.__module__, function.__doc__
    made = StoreCheck(checked)
    registered.append(made)
    return made
