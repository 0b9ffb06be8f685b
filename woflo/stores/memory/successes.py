"""How targets were made last."""

from __future__ import annotations

from woflo.stores.memory.changing import Changing
from woflo.stores.memory.tables import GONE
from woflo.stores.operations import ForgetSuccesses, KeepSuccesses

__all__ = ["Successes"]


class Successes(Changing):
    """Keeps and forgets."""

    def _keep_successes(self, op: KeepSuccesses) -> None:
        for success in op.successes:
            self._tables.set(self._tables.successes, success.target, success)

    def _forget_successes(self, op: ForgetSuccesses) -> None:
        for target in op.targets:
            self._tables.set(self._tables.successes, target, GONE)
