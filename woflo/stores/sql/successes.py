"""How targets were made last, in named statements."""

from __future__ import annotations

import json

from woflo.stores.operations import ForgetSuccesses, KeepSuccesses
from woflo.stores.sql.asking import Doing, asked_all

__all__ = ["forget_successes", "keep_successes"]


def keep_successes(op: KeepSuccesses) -> Doing[None]:
    """See `KeepSuccesses`."""
    yield from asked_all([("keep_success", success) for success in op.successes])


def forget_successes(op: ForgetSuccesses) -> Doing[None]:
    """See `ForgetSuccesses`."""
    yield [("forget_successes", {"targets": json.dumps(op.targets)})]
