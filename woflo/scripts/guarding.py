"""Commands whose session stands in a slot, where the guardian finds it should this process be killed."""

from __future__ import annotations

import threading
from typing import Any

from woflo.kernel import runtime
from woflo.runners.processes.slots import SESSION, STARTING
from woflo.runners.processes.supervisor import Supervisor, supervisor
from woflo.scripts import spawning

__all__ = ["start"]


def start(
    argv: list[str], env: dict[Any, Any], cwd: str, output: int | str, kept: tuple[int, ...] = ()
) -> spawning.Command:
    """As `spawning.start`."""
    slots = _supervisor(runtime.current).slots
    slot = slots.take()
    slots.words[slot + SESSION] = STARTING
    try:
        command = spawning.start(argv, env, cwd, output, kept)
    except Exception:
        slots.give(slot)
        raise  # after Ctrl-C nobody knows whether it was started: the slot goes on to say so, for the guardian
    slots.words[slot + SESSION] = command.pid
    command.when_ended = lambda: slots.give(slot)
    return command


def _supervisor(here: runtime.Runtime) -> Supervisor:
    """It is made in the reactor's thread, once."""
    found: Supervisor | None = here.services.get(Supervisor)
    if found is not None:
        return found
    made = threading.Lock()
    made.acquire()

    def make() -> None:
        try:
            supervisor(here)
        finally:
            made.release()

    here.reactor.call(make)
    here.reactor.wait_for(made)
    return supervisor(here)
