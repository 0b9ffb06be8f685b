"""What the unit tests share: waiting for effects, and a runner that executes nothing by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import woflo
from woflo.kernel import runtime
from woflo.kernel.outcome import Outcome
from woflo.kernel.run import BaseTaskRun
from woflo.kernel.traits import Traits

PATIENCE = 20.0
"""Seconds after which something that should have happened is taken never to happen."""


def eventually(condition: Any, timeout: float = PATIENCE) -> Any:
    """Return what `condition()` returns once that is true; fail where it stays false."""
    end = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"{condition} stayed false for {timeout} s"
        time.sleep(0.001)


def settle_down() -> None:
    """Return when the reactor and the deliverer have done all that is due."""
    here = runtime.current
    for _ in range(2):
        # The reactor empties its inbox before it fires its timers: the second turn begins after them.
        for post in (here.reactor.call, here.reactor.call, here.deliverer.post):
            done = threading.Event()
            post(done.set)
            assert done.wait(PATIENCE)


class MemoryRun(BaseTaskRun[Any]):
    """Keeps its attempts; the test ends them."""

    traits = Traits(killable=True)
    attempts: tuple[Any, ...] = ()
    interrupts = 0

    def _launch(self, attempt: Any) -> None:
        self.attempts = (*self.attempts, attempt)

    def _interrupt(self) -> None:
        self.interrupts += 1

    def succeed(self, value: Any = None) -> None:
        self._finish(Outcome(value))

    def fail(self, error: BaseException | None = None) -> None:
        self._finish(Outcome.failed(error or ValueError("as the test wants")))


class CooperativeRun(MemoryRun):
    """The same, where an attempt cannot be ended from outside."""

    traits = Traits()


def in_thread(function: Any, *args: Any) -> Any:
    """Start `function(*args)` in a thread; the returned call waits for it and gives its result or raises."""
    box: list[Any] = []

    def body() -> None:
        try:
            box.append((function(*args), None))
        except BaseException as error:
            box.append((None, error))

    thread = threading.Thread(target=body, daemon=True)
    thread.start()

    def result(timeout: float = PATIENCE) -> Any:
        thread.join(timeout)
        assert not thread.is_alive(), f"{function} did not return within {timeout} s"
        value, error = box[0]
        if error is not None:
            raise error
        return value

    return result


def run_script(folder: Path, text: str, *, timeout: float = 30.0, **options: Any) -> subprocess.CompletedProcess[str]:
    """Execute a program in a Python of its own, in `folder`."""
    path = folder / "program.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", str(path)],
        cwd=folder,
        env=script_environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )


def script_environment() -> dict[str, str]:
    """The environment in which a program finds the package under test."""
    root = str(Path(woflo.__file__).parent.parent)
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
    }
