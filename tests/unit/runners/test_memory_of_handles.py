"""A handle and its result are freed with the last reference to them: the cyclic collector has no part in it."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from systems import needs_processes
from unit_helpers import PATIENCE, eventually

from woflo import task
from woflo.runners.multiprocess import ForkProcess, ForkServerProcess, MultiprocessTaskRun, SpawnProcess
from woflo.runners.pool import PoolTaskRun
from woflo.runners.thread import ThreadTaskRun

pytestmark = needs_processes


class Result:
    """Stands for a large one."""


def make_result():
    return Result()


@pytest.mark.parametrize("runner", [MultiprocessTaskRun, PoolTaskRun])
@pytest.mark.parametrize("kind", [ForkProcess, SpawnProcess, ForkServerProcess])
def test_a_result_is_freed_with_its_handle(runner, kind):
    with PoolTaskRun.configured(process_type=kind) as pool:
        run = task(make_result, runner=pool if runner is PoolTaskRun else runner.configured(process_type=kind))()
        gc.disable()
        try:
            value = weakref.ref(run.get_result())
            del run
            eventually(lambda: value() is None)
        finally:
            gc.enable()


def test_a_handle_needs_no_dictionary_of_its_own():
    """However many calls wait: what runs set later has its place in the keys that all handles share."""
    gate = threading.Event()
    wait = task(gate.wait, runner=ThreadTaskRun.configured(max_concurrency=4))
    runs = [wait() for _ in range(100)]
    gate.set()
    for run in runs:
        run.get_result(PATIENCE)
    assert not [run for run in runs if any(type(part) is dict and "_lock" in part for part in gc.get_referents(run))]
