"""An `Executor` that has a pool of its own ends the workers of it, and nobody else's."""

from __future__ import annotations

import os

import pytest
from systems import needs_processes

from woflo import Executor, task
from woflo.runners import PoolTaskRun
from woflo.testing import wait_until
from woflo.testing.conformance.tools import configured, folder
from woflo.testing.procfs import is_alive

pytestmark = needs_processes


def when_open(path):
    wait_until(path.exists)
    return os.getpid()


def test_the_end_of_the_block_ends_the_workers():
    """A program with an executor for each batch has no more processes in the end than in the beginning."""
    with Executor("pool", max_workers=2) as executor:
        workers = {executor.submit(os.getpid).result(20) for _ in range(4)}
    assert workers
    wait_until(lambda: not any(map(is_alive, workers)), "end of the workers")


def test_without_waiting_they_end_after_their_last_call():
    """`shutdown(wait=False)` returns at once, what was submitted is executed, and then the workers go."""
    executor = Executor("pool", max_workers=1)
    with folder() as where:
        futures = [executor.submit(when_open, where / name) for name in ("first", "second")]
        executor.shutdown(wait=False)
        assert not any(future.done() for future in futures)
        (where / "first").touch()
        worker = futures[0].result(20)
        (where / "second").touch()
        assert futures[1].result(20) == worker
    wait_until(lambda: not is_alive(worker), "end of the worker")


def test_without_waiting_and_without_calls_they_end_at_once():
    """There is no last call whose end would end them."""
    executor = Executor("pool", max_workers=1)
    worker = executor.submit(os.getpid).result(20)
    wait_until(lambda: not executor._open, "end of the call")
    executor.shutdown(wait=False)
    wait_until(lambda: not is_alive(worker), "end of the worker")


@pytest.mark.parametrize("is_waited_for", [True, False])
def test_a_runner_that_was_given_keeps_its_workers(is_waited_for):
    """Others use them too."""
    with configured(PoolTaskRun, max_concurrency=1) as shared:
        executor = Executor(shared)
        worker = executor.submit(os.getpid).result(20)
        executor.shutdown(wait=is_waited_for)
        assert task(runner=shared)(os.getpid)().get_result(20) == worker
