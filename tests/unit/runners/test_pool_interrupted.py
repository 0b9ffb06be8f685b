"""After Ctrl-C the calls that have not begun never begin."""

from __future__ import annotations

import os
from contextlib import contextmanager
from types import SimpleNamespace
from uuid import uuid4

from systems import needs_processes
from unit_helpers import PATIENCE, settle_down

from woflo import task
from woflo.errors import TaskStoppedError, TaskTimeoutError
from woflo.kernel import runtime
from woflo.runners import PoolTaskRun, ThreadTaskRun
from woflo.testing import wait_until
from woflo.testing.conformance.tasks import linger
from woflo.testing.conformance.tools import configured, folder

pytestmark = needs_processes


def hold(at):
    (at / f"begun {os.getpid()} {uuid4()}").touch()
    wait_until((at / "open").exists)


def begin(at):
    (at / "begun").touch()


@contextmanager
def pool_of_one(**settings):
    """The runner, and a folder; whoever waits for it goes on at the latest when the test is over."""
    with folder() as at, configured(PoolTaskRun, max_concurrency=1, **settings) as runner:
        try:
            yield runner, at
        finally:
            (at / "open").touch()


def wait_until_held(at):
    wait_until(lambda: any(at.glob("begun *")))


def test_the_order_of_stopping(monkeypatch):
    """What executes comes last, and queues are emptied from their beginnings."""
    asked = []
    thread = ThreadTaskRun.configured(max_concurrency=1)
    with pool_of_one() as (pool, place):
        runs = [task(runner=runner)(hold)(place) for runner in (pool, thread) for _ in range(3)]
        wait_until(lambda: len(list(place.glob("begun *"))) == 2)
        with monkeypatch.context() as patch:
            patch.setattr(PoolTaskRun, "_ask_to_stop", lambda run, grace: asked.append(run))
            patch.setattr(ThreadTaskRun, "_ask_to_stop", lambda run, grace: asked.append(run))
            patch.setattr(PoolTaskRun, "_wait_ended", lambda run, timeout: None)
            patch.setattr(ThreadTaskRun, "_wait_ended", lambda run, timeout: None)
            runtime._stop_all(SimpleNamespace(live=set(runs)))
        (place / "open").touch()
        for run in runs:
            run.get_result(PATIENCE)
    assert asked == [*runs[1:3], *runs[4:], runs[0], runs[3]]


def test_a_worker_that_becomes_free(monkeypatch):
    """It is sent nothing, also where the call that it executes ends by itself."""
    with pool_of_one() as (runner, place):
        first = task(runner=runner)(hold)(place)
        wait_until_held(place)
        second = task(runner=runner)(begin)(place)
        with monkeypatch.context() as patch:
            patch.setattr(runtime.current, "in_a_hurry", True)
            (place / "open").touch()
            first.get_result(PATIENCE)
            third = task(runner=runner)(begin)(place)
            settle_down()
            assert list(runtime.current.services[runner].queue) == [second, third]
            for run in (second, third):
                assert run.stop(grace=PATIENCE)
                assert type(run.exception()) is TaskStoppedError
        settle_down()
        assert not (place / "begun").exists()


def test_a_worker_that_is_not_ready(monkeypatch):
    """It would begin the call in the moment in which it is: it ends."""
    with folder() as place, pool_of_one(initializer=hold, initargs=(place,)) as (runner, own):
        run = task(runner=runner)(begin)(own)
        wait_until_held(place)
        with monkeypatch.context() as patch:
            patch.setattr(runtime.current, "in_a_hurry", True)
            assert run.stop(grace=0.5)
        assert type(run.exception()) is TaskStoppedError
        (place / "open").touch()
        assert not (own / "begun").exists()


def test_the_next_attempt_in_the_same_worker_is_ended_as_well():
    """Long before its grace is over: the worker is told of each attempt that is out of time."""
    with pool_of_one() as (runner, at):
        run = task(runner=runner, timeout=0.2, retries=1)(linger)(at / "marker")
        assert isinstance(run.exception(4), TaskTimeoutError)
        assert run.attempt == 2
