"""How targets were made last."""

from __future__ import annotations

from dataclasses import dataclass

from woflo.stores.operations.operation import Operation
from woflo.stores.rows import Success

__all__ = ["ForgetSuccesses", "KeepSuccesses"]


@dataclass(slots=True, kw_only=True)
class KeepSuccesses(Operation[None]):
    """Keep how targets were made last, each in place of what was kept of it before."""

    successes: tuple[Success, ...]

    def is_news(self, result: None) -> bool:
        return False


@dataclass(slots=True, kw_only=True)
class ForgetSuccesses(Operation[None]):
    """Know no longer how these targets were made; what is not known is passed over."""

    targets: tuple[str, ...]

    def is_news(self, result: None) -> bool:
        return False
