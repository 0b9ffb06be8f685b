"""A class with a `run` method is a task; its other methods are called around it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from woflo import current_run
from woflo.kernel.run import BaseTaskRun
from woflo.testing.conformance.checks import Runner, check
from woflo.testing.conformance.tools import error_of, folder, on, value_of
from woflo.testing.patience import PATIENCE, wait_until


@dataclass
class Noted:
    """Writes down what is called; fails in its first `failing` attempts."""

    log: Path
    failing: int = 0

    def note(self, what: str) -> None:
        with self.log.open("a") as lines:
            lines.write(what + "\n")

    def on_create(self) -> None:
        self.note("create")

    def on_restart(self) -> None:
        self.note("restart")

    def run(self) -> int:
        self.note("run")
        if current_run().attempt <= self.failing:
            raise ValueError("failing")
        return current_run().attempt

    def on_success(self) -> None:
        self.note("success")

    def on_failure(self) -> None:
        self.note("failure")

    def on_destroy(self) -> None:
        self.note("destroy")

    def on_abort(self) -> None:
        self.note("abort")


class NotedAsync(Noted):
    """The same as coroutines."""

    async def on_create(self) -> None:  # type: ignore[override]  # any method may be a coroutine function
        await asyncio.sleep(0)
        self.note("create")

    async def run(self) -> int:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().run()


class Waiting(Noted):
    """Waits until it is ended."""

    async def run(self) -> int:  # type: ignore[override]
        self.note("run")
        await asyncio.sleep(PATIENCE)
        return 0


class Unready(Noted):
    """Fails before `run`."""

    def on_create(self) -> None:
        raise LookupError("not ready")


def _noted(log: Path) -> str:
    return " ".join(log.read_text().split()) if log.exists() else ""


@check()
def the_order_of_a_success(runner: Runner) -> None:
    """`on_create`, `run`, `on_success`, `on_destroy`; the fields are the parameters."""
    for kind in (Noted, NotedAsync):
        with folder() as where:
            run: BaseTaskRun[int] = on(runner, kind)(log=where / "log")
            assert value_of(run) == 1
            assert _noted(where / "log") == "create run success destroy"


@check()
def the_order_of_a_failure(runner: Runner) -> None:
    """`on_failure` and `on_destroy` follow a failing `run`; a further attempt makes a new object."""
    with folder() as where:
        assert value_of(on(runner, Noted, retries=1)(where / "log", failing=1)) == 2
        assert _noted(where / "log") == "create run failure destroy create restart run success destroy"


@check()
def a_hook_that_fails_before_the_run(runner: Runner) -> None:
    """A method that fails before `run` fails the attempt, and `run` is not called."""
    with folder() as where:
        error_of(on(runner, Unready)(where / "log"), LookupError)
        assert _noted(where / "log") == "failure destroy"


@check(only=lambda traits: traits.killable)
def the_order_of_a_stop(runner: Runner) -> None:
    """`on_destroy` and `on_abort` are called where the attempt is ended from outside."""
    with folder() as where:
        run = on(runner, Waiting)(where / "log")
        wait_until(lambda: _noted(where / "log") == "create run", "start of the task")
        assert run.stop(grace=PATIENCE)
        assert _noted(where / "log") == "create run destroy abort"
