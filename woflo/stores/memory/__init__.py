"""A store in memory: the readable model that the others are held against, and a store for tests.

`store` keeps the contract; `tables` has what it holds, and looks it up. What operations do stands in classes that
inherit from each other where one needs the other: `changing` is below all of them, then come `workers` and `calls`,
`large` and `keeping`, and above these `holding` (by the one that holds the run) and `outside`; `queues` and `successes`
are beside.
"""

from __future__ import annotations

from woflo.stores.memory.store import MemoryStore

__all__ = ["MemoryStore"]
