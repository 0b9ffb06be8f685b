"""Ten thousand calls at once."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator

from woflo import RunState, wait
from woflo.kernel.run import BaseTaskRun
from woflo.testing.conformance.checks import Runner, check, parallel
from woflo.testing.conformance.tasks import echo, still_works
from woflo.testing.conformance.tools import configured, on, value_of
from woflo.testing.procfs import descendants, peak_memory, reset_peak_memory

COUNT = 10_000
LIMIT = 8
HELPERS = 2
"""Processes that a runner may keep beside those that execute: a fork server, one that has just ended."""
MEMORY = 200_000_000
LONGEST = 4.0
"""Seconds after which a runner that starts a process for each call need not show the rest of them."""


@check(only=parallel)
def ten_thousand_at_once(runner: Runner) -> None:
    """They all are taken in; no more execute than the limit; memory stays small; results are right.

    After a few seconds what has not begun is stopped, unless WOFLO_ALL_CALLS is set.
    """
    with configured(runner, max_concurrency=LIMIT) as some:
        still_works(some)
        before = reset_peak_memory()
        others = len(descendants())
        made = on(some, echo)
        runs = [made(n) for n in range(COUNT)]
        most = _watch(runs, everything="WOFLO_ALL_CALLS" in os.environ)
        assert most <= others + LIMIT + HELPERS, f"{most} processes at once, {others} before"
        assert before is None or (peak_memory() or 0) - before < MEMORY
        _check_results(runs)
        still_works(some)


def _watch(runs: list[BaseTaskRun[int]], everything: bool) -> int:
    """Wait for the runs, and count the processes meanwhile: the most that lived at once."""
    end = time.monotonic() + LONGEST
    most = 0
    while any(run.is_running() for run in runs):
        wait(runs[-1:], timeout=0.05)
        most = max(most, sum(process.state not in ("Z", "X") for process in descendants()))
        if not everything and time.monotonic() > end:
            for run in reversed(runs):  # else each stop would let the next one begin
                run.stop()
    return most


def _check_results(runs: list[BaseTaskRun[int]]) -> None:
    for n, run in enumerate(runs):
        if run.state is not RunState.STOPPED:
            assert value_of(run) == n
    assert sum(run.state is RunState.SUCCEEDED for run in runs) >= LIMIT


@check(only=parallel)
def an_endless_input(runner: Runner) -> None:
    """`map` over an endless input launches ahead of its reader, and no further than the runner says."""
    taken: list[int] = []

    def counted() -> Iterator[int]:
        for n in itertools.count():
            taken.append(n)
            yield n

    with configured(runner, max_concurrency=2) as pair:
        runs = on(pair, echo).map(counted())
        assert [value_of(next(runs)) for _ in range(10)] == list(range(10))
        assert len(taken) <= 10 + pair.map_ahead()
