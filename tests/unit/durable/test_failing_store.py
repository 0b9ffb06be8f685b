"""A store that fails for a while costs time, and no run."""

import pytest
from durable_helpers import PATIENCE

from woflo import task, workflow
from woflo.errors import StoreError
from woflo.stores.operations import Finish, Record
from woflo.testing import wait_until


@task
def step(x: int) -> int:
    return x


@workflow
def plain(x: int) -> int:
    return step(x).get_result()


@workflow
async def coroutine(x: int) -> int:
    return await step(x)


@pytest.mark.parametrize("kind", [plain, coroutine], ids=["plain", "async"])
@pytest.mark.parametrize("write", [Record, Finish])
def test_a_write_that_was_not_kept_is_made_up_for(world, process, clock, monkeypatch, kind, write):
    """The run is given back, and goes on after a pause."""
    failures = [StoreError("no space left")]
    apply = world.store._apply_one

    def failing(operation):
        return failures.pop() if isinstance(operation, write) and failures else apply(operation)

    monkeypatch.setattr(world.store, "_apply_one", failing)
    run = process.call(kind, 4)
    wait_until(lambda: world.row(run).reason == "the store failed", timeout=PATIENCE)
    clock.advance(6)
    assert run.get_result(PATIENCE) == 4
