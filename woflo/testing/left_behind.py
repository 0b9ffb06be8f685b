"""What runs have left behind in this process, helpers of woflo that wait for further calls apart."""

from __future__ import annotations

import sys
import threading
from typing import Any, NamedTuple

from woflo.kernel import runtime
from woflo.kernel.run import BaseTaskRun
from woflo.testing.procfs import Process, descendants

__all__ = ["Leftovers", "leftovers"]


class Leftovers(NamedTuple):
    """False where nothing was left."""

    runs: list[str]
    """Runs that have not ended."""
    processes: list[str]
    """Processes below this one, zombies included, that are no helper of woflo."""
    threads: list[str]
    """Threads that execute an attempt, or work for an observer, an engine or a store that was not closed."""

    def __bool__(self) -> bool:
        return any(self)


def leftovers() -> Leftovers:
    """What belongs to runs and is here now. The last things of a run may need a moment: see `wait_until`.

    Helpers that stay for the next call are not counted: fork server, idle workers of a pool, idle threads.
    """
    here = runtime.current
    return Leftovers(sorted(map(repr, list(here.live))), _processes(here), _threads(here))


def _processes(here: runtime.Runtime) -> list[str]:
    helpers = _helpers(here)
    return [_told(process) for process in descendants() if process.pid not in helpers]


def _told(process: Process) -> str:
    return f"{process.pid} ({process.state}) {process.command}".rstrip()


def _helpers(here: runtime.Runtime) -> set[int]:
    """The fork servers, and the workers of pools that execute nothing."""
    supervisor = _service(here, "woflo.runners.processes.supervisor", "Supervisor")
    if supervisor is None:
        return set()
    from woflo.runners.processes.slots import CALL

    children = list(supervisor.children)
    words = supervisor.slots.words
    servers = set(supervisor.slots.sessions()) - {child.known_pid() for child in children}
    idle = {child.known_pid() for child in children if _is_worker(child) and not words[child.slot + CALL]}
    return servers | idle


def _is_worker(child: Any) -> bool:
    return not isinstance(child.owner, BaseTaskRun)


def _service(here: runtime.Runtime, module: str, name: str) -> Any:
    """A service of the runtime, where its module is imported and it was started."""
    kind = getattr(sys.modules.get(module), name, None)
    return None if kind is None else here.services.get(kind)


def _threads(here: runtime.Runtime) -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    threads = _service(here, "woflo.runners.thread", "Threads")
    idle = 0 if threads is None else len(threads._idle)
    attempts = [name for name in names if name == "woflo-thread"]
    return attempts[: max(0, len(attempts) - idle)] + [name for name in names if name in _OF_RUNS]


_OF_RUNS = ("woflo-coroutine", "woflo-observer", "woflo-engine", "woflo-store")
