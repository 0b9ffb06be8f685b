"""What a runner can do, told in code: callers and the conformance suite branch on this, never on names."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Traits"]


class Traits(NamedTuple):
    """The abilities of a runner."""

    isolated: bool = False
    """Attempts execute in another process: a crash harms nobody else."""
    killable: bool = False
    """An attempt ends when it is interrupted, whether its code cooperates or not."""
    pickles: bool = False
    """Arguments are serialised at launch (results always are where `isolated`)."""
    parallel: bool = True
    """The call returns before the code has run."""
    durable: bool = False
    """A run survives the process that made it."""
    queues: bool = False
    """The runner keeps its own queue: it is given every call at once and tells when one starts."""
