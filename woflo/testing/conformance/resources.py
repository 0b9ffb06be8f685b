"""Nothing is left: no process, no descriptor, no thread, no shared memory, no object."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from pathlib import Path
from typing import Any

from woflo.testing.conformance.checks import Runner, check
from woflo.testing.conformance.tasks import echo, still_works
from woflo.testing.conformance.tools import configured, on, value_of
from woflo.testing.left_behind import leftovers
from woflo.testing.patience import PATIENCE, wait_until
from woflo.testing.procfs import descriptors

_SHM = Path("/dev/shm")


class Precious:
    """Something whose end can be seen."""


def large(size: int) -> bytes:
    """A result that travels through memory of its own."""
    return bytes(size)


def fail() -> None:
    """Fails."""
    raise LookupError


def ignore(_: object) -> None:
    """Takes anything."""


def nothing_left() -> bool:
    """No run, process or thread of a run is here."""
    return not leftovers()


def wait_until_nothing_is_left() -> None:
    """Wait for the last things of ended runs; tells what stayed."""
    try:
        wait_until(nothing_left, timeout=PATIENCE / 3)
    except AssertionError:
        raise AssertionError(f"something was left: {leftovers()}") from None


@check()
def after_all_kinds_of_ends(runner: Runner) -> None:
    """Success, failure and stop leave no process and no thread of the run."""
    runs = [on(runner, echo)(1), on(runner, fail)(), on(runner, large)(200_000)]
    on(runner, large)(10).stop()
    for run in runs:
        assert run.wait(PATIENCE)
    wait_until_nothing_is_left()


@check()
def finished_handles_keep_no_descriptor(runner: Runner) -> None:
    """Three hundred finished handles, read or not, with large results too, keep no descriptor open."""
    with configured(runner, max_concurrency=4) as some:
        still_works(some)
        wait_until_nothing_is_left()
        before = descriptors()
        runs = [on(some, echo)(n) for n in range(150)] + [on(some, large)(100_000) for _ in range(150)]
        for run in runs:
            assert run.wait(PATIENCE)
        value_of(runs[0])
        # Workers that a pool has started since belong to the runner, not to a handle.
        allowed = len(before) + (3 * 4 if runner.traits.isolated else 0)
        _wait_for_descriptors(allowed)


@check()
def settings_of_its_own_leave_nothing(runner: Runner) -> None:
    """A runner with settings of its own that is done with keeps no descriptor, as often as it is made."""
    _use_once(runner)
    before = descriptors()
    for _ in range(3):
        _use_once(runner)
    _wait_for_descriptors(len(before))


def _wait_for_descriptors(allowed: int) -> None:
    try:
        wait_until(lambda: len(descriptors()) <= allowed, timeout=PATIENCE / 3)
    except AssertionError:
        raise AssertionError(f"more than {allowed} descriptors are open: {descriptors()}") from None


def _use_once(runner: Runner) -> None:
    with configured(runner, max_concurrency=2) as own:
        still_works(own)
    wait_until_nothing_is_left()


def _segments() -> set[str]:
    """Those of shared memory that Python programs may have made: servers of databases come and go."""
    found = os.listdir(_SHM) if _SHM.exists() else []
    return {name for name in found if not name.startswith("PostgreSQL.")}


@check()
def no_shared_memory(runner: Runner) -> None:
    """Large values leave no segment of shared memory, and no mapped descriptor."""
    segments = _segments()
    for _ in range(3):
        assert len(value_of(on(runner, large)(2_000_000))) == 2_000_000
        assert len(value_of(on(runner, echo)(bytes(2_000_000)))) == 2_000_000
    wait_until_nothing_is_left()
    wait_until(lambda: _segments() <= segments, "end of the segments")  # other programs have some for a while


@check()
def threads_do_not_grow(runner: Runner) -> None:
    """The threads of this process do not grow with the calls."""
    with configured(runner, max_concurrency=4) as some:
        for run in [on(some, echo)(n) for n in range(10)]:
            value_of(run)
        before = threading.active_count()
        for n in range(100):
            value_of(on(some, echo)(n))
        # A pool of threads may fill up to its own limit, but not with the number of calls.
        assert threading.active_count() <= before + 50, [thread.name for thread in threading.enumerate()]


@check()
def ended_runs_are_forgotten(runner: Runner) -> None:
    """An ended run lets its arguments go, and a handle that nobody keeps is freed with its result."""
    precious = Precious()
    argument = weakref.ref(precious)
    run = on(runner, ignore)(precious)
    del precious
    value_of(run)
    wait_until(lambda: _is_gone(argument), "end of the argument", timeout=PATIENCE / 6)
    handle = weakref.ref(run)
    del run
    wait_until(lambda: _is_gone(handle), "end of the handle", timeout=PATIENCE / 6)


def _is_gone(reference: weakref.ref[Any]) -> bool:
    gc.collect()
    return reference() is None
