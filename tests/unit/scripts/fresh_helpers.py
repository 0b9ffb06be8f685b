"""What several tests of freshness need."""

import os
import time
from pathlib import Path


def ended(run):
    """The state in which it ends."""
    run.wait()
    return run.state


def settled(path, text=None, *, ago=100.0):
    """Write a file, and let it be of some time ago."""
    if text is not None:
        Path(path).write_text(text)
    then = time.time() - ago
    os.utime(path, (then, then))
