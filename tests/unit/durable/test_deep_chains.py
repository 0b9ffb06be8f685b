"""Workflows that call workflows, one below the other: what waits costs nothing, however deep it is."""

import time

from durable_helpers import PATIENCE

from woflo import send, workflow
from woflo.durable.inside import wait_signal
from woflo.kernel.state import RunState
from woflo.testing import wait_until

DEEP = 30


@workflow
def nested(depth: int) -> int:
    return wait_signal("go", timeout=3600) if depth == 0 else 1 + nested(depth - 1).get_result()


def all_parked(world):
    rows = [row for row in world.store.snapshot().runs if row.task == "nested"]
    return len(rows) == DEEP + 1 and all(row.state is RunState.WAITING for row in rows)


def test_parked_runs_that_wait_for_parked_runs_are_left_alone(world, process, monkeypatch):
    """Nobody looks at them again and again, and a look asks for each of them once."""
    looks = []
    look = process.engine._look
    monkeypatch.setattr(process.engine, "_look", lambda: (looks.append(time.monotonic()), look()))
    run = process.call(nested, DEEP)
    wait_until(lambda: all_parked(world))
    known = len(looks)
    wait_until(lambda: len(looks) > known + 4, "further looks")
    assert looks[known + 4] - looks[known + 2] > 0.5

    asked = []
    get = world.store.get
    monkeypatch.setattr(world.store, "get", lambda run_id: (asked.append(run_id), get(run_id))[1])
    process.engine.following.look()
    assert len(asked) <= 2 * DEEP
    (leaf,) = [row.id for row in world.store.snapshot().runs if "signal:go" in row.waits_for]
    send(leaf, "go", 5, store=world.store)
    assert run.get_result(PATIENCE) == DEEP + 5
