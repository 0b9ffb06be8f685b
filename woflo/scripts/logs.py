"""The files in `.woflo/logs` that have the output of commands: which one is whose.

RUN.1.log            of the first attempt of a run
STEP_RUN.1.log       of a run that executes in the place of a step
"""

from __future__ import annotations

import os
import re

from woflo.kernel import bus
from woflo.scripts.places import below

__all__ = ["log_name", "log_of", "of_step"]

MOST_OF_A_STEP = 120
"""Characters of a step's id in the name of a file."""


def log_name(run_id: str) -> str:
    """What the log of a run is named by: of one that executes in the place of a step, first by the id of that."""
    step = bus.stands_for.get(run_id)
    return run_id if step is None else f"{of_step(step)}{run_id}"


def of_step(step: str) -> str:
    """How the names of what executes in the place of a step begin."""
    return f"{step[:MOST_OF_A_STEP]}_"


def log_of(run_id: str, attempt: int) -> str | None:
    """The path of the log of an attempt of a run, or of a step; None where there is none."""
    folder = below("logs")
    whole = os.path.join(folder, f"{run_id.replace('/', '_')}.{attempt}.log")
    if os.path.exists(whole):
        return whole
    begin = of_step(run_id).replace("/", "_")
    name = re.compile(re.escape(begin) + r"[0-9a-f]+\.\d+\.log")
    try:
        with os.scandir(folder) as entries:
            found = [(one.stat().st_mtime_ns, one.path) for one in entries if name.fullmatch(one.name)]
    except OSError:
        return None
    return max(found)[1] if found else None
