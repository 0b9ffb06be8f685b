"""What must stay cheap where there is much: long workflows, going on with them, many calls accepted at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.durable import opened_store, summed, tasks
from benchmarks.model import Body, Figure, Opener, at_most, floor, ours, within
from benchmarks.store import one_commit, row, store

LONG, SHORT = 10_000, 100
MANY = 1_000


def in_workflows_of(steps: int) -> Opener:
    """n steps, so many in each workflow, one workflow after another."""

    @contextmanager
    def opened() -> Iterator[Body]:
        found = tasks()
        with opened_store():

            def body(n: int) -> int:
                results = [found.steps(steps).get_result() for _ in range(n // steps)]
                return len(results) * steps if set(results) == {summed(steps)} else 0

            yield body

    return opened


@contextmanager
def resumed() -> Iterator[Body]:
    """A workflow that has recorded n steps is parked; a signal comes, and its code comes back to where it was."""
    from woflo import send
    from woflo.durable.engine import engine_of

    passed = threading.Event()
    with opened_store() as made:
        engine_of(made).hold = 0.001  # it is parked at once
        run = waiting_after_steps(passed)(LONG)
        wait_until_parked(made, run.id)

        def body(n: int) -> int:
            for _ in range(n // LONG):
                passed.clear()
                send(run.id, "again", store=made)
                passed.wait()
                wait_until_parked(made, run.id)
            return n

        yield body


def waiting_after_steps(passed: threading.Event) -> Any:
    """The workflow; it tells when its steps are behind it."""
    from woflo import wait_signal, workflow

    double = tasks().double

    @workflow
    def steps_and_signals(n: int) -> int:
        total = sum(double(number).get_result() for number in range(n))
        passed.set()
        while wait_signal("again") is None:
            pass
        return total

    return steps_and_signals


def wait_until_parked(made: Any, run_id: str) -> None:
    """Return when nothing of the run is in this process."""
    from woflo.kernel.state import RunState

    while made.get(run_id).state is not RunState.WAITING:
        time.sleep(0.001)


@contextmanager
def accepted() -> Iterator[Body]:
    """Calls are submitted, a thousand in one write."""
    from woflo.stores.operations import Submit

    with store() as made:

        def body(n: int) -> int:
            return sum(
                len(made.write(Submit(now=1.0, runs=tuple(row() for _ in range(MANY))))) for _ in range(n // MANY)
            )

        yield body


FIGURES: list[Figure] = [
    Figure(
        name="durable-long",
        title="a step of a workflow of 10,000 steps",
        unit="step",
        n=LONG,
        quick=LONG,
        expected=lambda n: n,
        rivals=[ours(in_workflows_of(LONG)), floor("workflows of 100", in_workflows_of(SHORT))],
        targets=[at_most(1.3, "workflows of 100")],
    ),
    Figure(
        name="durable-resume",
        title="going on with a workflow that has recorded 10,000 steps",
        unit="step",
        n=LONG,
        quick=LONG,
        expected=lambda n: n,
        rivals=[ours(resumed)],
        targets=[within(15e-6)],
    ),
    Figure(
        name="durable-accepted",
        title="1,000 calls accepted at once",
        unit="call",
        n=20 * MANY,
        quick=MANY,
        expected=lambda n: n,
        rivals=[ours(accepted), floor("by hand", one_commit)],
        targets=[within(1 / 60_000)],
    ),
]
