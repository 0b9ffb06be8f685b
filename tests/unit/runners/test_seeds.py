"""Children of one program have random numbers of their own, also where numpy was there before they were."""

from __future__ import annotations

import random

import pytest
from systems import needs_fork
from unit_helpers import PATIENCE

from woflo import gather, task
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.runners.multiprocess import ForkProcess, ForkServerProcess
from woflo.testing.conformance.tools import configured

numpy_random = pytest.importorskip("numpy.random")
pytestmark = needs_fork


def draw(_):
    return random.random(), float(numpy_random.rand())


def draw_below(_):
    return [draw(0)[1], *gather(*task(draw).map(range(2))).get_result(PATIENCE)]


def draw_seeded(seed):
    numpy_random.seed(seed)
    return float(numpy_random.rand())


class WarmServerProcess(ForkServerProcess):
    preload = ("numpy.random",)


@pytest.mark.parametrize("kind", [ForkProcess, WarmServerProcess])
def test_no_two_attempts_have_the_same_numbers(kind):
    """Those of Python and those of numpy's functions, whatever the caller has drawn and seeded."""
    numpy_random.seed(1)
    settings = {"process_type": kind}
    with configured(MultiprocessTaskRun, **settings) as runner:
        drawn = gather(*task(runner=runner)(draw).map(range(6))).get_result(PATIENCE)
    assert [len(set(column)) for column in zip(*drawn, strict=True)] == [6, 6]


def test_no_two_workers_have_the_same_numbers():
    """Each begins with its own, and goes on."""
    with configured(PoolTaskRun, max_concurrency=2) as runner:
        drawn = gather(*task(runner=runner)(draw).map(range(20))).get_result(PATIENCE)
    assert [len(set(column)) for column in zip(*drawn, strict=True)] == [20, 20]


def test_children_of_children_have_their_own():
    """They are no later children of the first caller."""
    drawn = gather(*task(draw_below).map(range(3))).get_result(PATIENCE)
    numbers = [own for own, *_ in drawn] + [number for _, *below in drawn for _, number in below]
    assert len(set(numbers)) == 9


def test_who_seeds_gets_what_was_asked_for():
    """A seed that the task sets is the task's."""
    assert draw_seeded(7) == task(draw_seeded)(7).get_result(PATIENCE)


def test_a_generator_that_a_thread_uses_at_the_fork_holds_up_no_child():
    """Its lock will not be released there; a task that draws nothing does not wait for it."""
    with numpy_random.mtrand._rand._bit_generator.lock:
        assert task(abs)(1).get_result(PATIENCE) == 1
