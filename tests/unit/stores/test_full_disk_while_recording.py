"""The disk becomes full under a workflow, and has room again later."""

from __future__ import annotations

import os

import pytest

from woflo import task, use_store, workflow
from woflo.durable.engine import engine_of
from woflo.errors import StoreError
from woflo.kernel.state import RunState
from woflo.stores.directory import DirectoryStore
from woflo.stores.sqlite import SQLiteStore
from woflo.testing import wait_until

STEPS, SIZE = 30, 4000
PATIENCE = 60
executed: list[int] = []


@task
def page(number: int) -> str:
    executed.append(number)
    return str(number) * SIZE


@workflow
def book() -> int:
    return sum(len(page(number).get_result()) for number in range(STEPS))


def fill(folder, left):
    """A file that leaves so many bytes of the disk."""
    system = os.statvfs(folder)
    ballast = folder / "ballast"
    ballast.write_bytes(b"x" * max(0, system.f_bavail * system.f_frsize - left))
    return ballast


@pytest.mark.parametrize(("opened", "name"), [(SQLiteStore, "runs.db"), (DirectoryStore, "store")])
def test_it_goes_on_when_there_is_room(small_disk, opened, name):
    """The workflow stops where it cannot be recorded, and goes on; what was recorded is not executed again."""
    executed.clear()
    store = opened(small_disk / name)
    before = use_store(store)
    try:
        ballast = fill(small_disk, left=120_000)
        run = book()
        wait_until(lambda: engine_of(store).failing_since is not None or is_refused(store), timeout=PATIENCE)
        recorded = {row.position for row in store.steps(run.id) if row.state is RunState.SUCCEEDED}
        assert len(recorded) < STEPS
        ballast.unlink()
        assert run.get_result(PATIENCE) == sum(len(str(number)) * SIZE for number in range(STEPS))
        assert set(executed) == set(range(STEPS))
        assert all(executed.count(number) == 1 for number in recorded)
        assert len(store.steps(run.id)) == STEPS
    finally:
        use_store(before)
        engine_of(store).close()
        store.close()


def is_refused(store):
    """Whether what the workflow records is refused by now: nothing of that size has room."""
    from woflo.stores.operations import Submit
    from woflo.stores.rows import Row

    try:
        store.write(Submit(now=1.0, runs=(Row(id="probe", task="t", queue=None, args="x" * 2 * SIZE),)))
    except StoreError:
        return True
    return False
