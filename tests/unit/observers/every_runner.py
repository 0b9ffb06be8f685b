"""The runners of this system by their names, for what must hold on each of them."""

from __future__ import annotations

from typing import Any

from systems import HAS_FORK, HAS_PIDFD, HAS_PROCESSES

from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.runners.processes.launching import ForkProcess, ForkServerProcess, SpawnProcess

RUNNERS: dict[str, Any] = {"sequential": "sequential", "thread": "thread", "async": "async"}
if HAS_PROCESSES:
    RUNNERS["spawn"] = MultiprocessTaskRun.configured(process_type=SpawnProcess)
    RUNNERS["pool"] = PoolTaskRun.configured(max_concurrency=1)
if HAS_FORK:
    RUNNERS["fork"] = MultiprocessTaskRun.configured(process_type=ForkProcess)
if HAS_PIDFD:
    RUNNERS["forkserver"] = MultiprocessTaskRun.configured(process_type=ForkServerProcess)
