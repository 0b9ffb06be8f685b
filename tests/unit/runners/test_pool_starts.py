"""Workers that cannot be started: those that there are serve on, and without any the calls fail by name."""

from __future__ import annotations

import pytest
from systems import needs_processes

from woflo import gather, task
from woflo.errors import LaunchError
from woflo.runners import PoolTaskRun
from woflo.runners.processes import pooled, pooling
from woflo.testing import wait_until
from woflo.testing.conformance.tools import configured, folder

pytestmark = needs_processes


def wait_for(path):
    (path.parent / f"{path.name} begun").touch()
    wait_until(path.exists)
    return path.name


@pytest.fixture
def starts(monkeypatch):
    """Counts them; those beyond `starts["most"]` fail as where the system has no room for another process."""
    counted = {"tried": 0, "most": 1}
    found = pooled.supervisor

    class Supervisor:
        def __init__(self, here):
            self._real = found(here)

        def start(self, *args):
            counted["tried"] += 1
            if counted["tried"] > counted["most"]:
                raise BlockingIOError("no room for a process")
            return self._real.start(*args)

    monkeypatch.setattr(pooled, "supervisor", Supervisor)
    return counted


def test_the_worker_that_there_is_serves_them_all(starts, monkeypatch):
    """Also while its first call is under way; another is not tried again and again meanwhile."""
    monkeypatch.setattr(pooling, "PAUSE", 1000.0)
    with folder() as at, configured(PoolTaskRun, max_concurrency=4) as runner:
        wait = task(runner=runner)(wait_for)
        runs = [wait(at / "0")]
        wait_until((at / "0 begun").exists)
        runs += [wait(at / str(number)) for number in range(1, 8)]
        wait_until(lambda: starts["tried"] >= 2)
        for number in range(8):
            (at / str(number)).touch()
        assert gather(*runs).get_result(20) == [str(number) for number in range(8)]
    assert starts["tried"] <= 1 + 4  # the three that were asked for before the first of them had failed


def test_another_is_started_when_there_is_room_again(starts, monkeypatch):
    """After a pause."""
    monkeypatch.setattr(pooling, "PAUSE", 0.01)
    with folder() as at, configured(PoolTaskRun, max_concurrency=2) as runner:
        wait = task(runner=runner)(wait_for)
        first = wait(at / "first")
        wait_until((at / "first begun").exists)
        second = wait(at / "second")
        wait_until(lambda: starts["tried"] >= 2)
        starts["most"] = 10**6
        wait_until((at / "second begun").exists)
        for name in ("first", "second"):
            (at / name).touch()
        assert gather(first, second).get_result(20) == ["first", "second"]


def test_without_any_worker_the_calls_fail(starts):
    """At once, with what prevented it."""
    starts["most"] = 0
    with configured(PoolTaskRun, max_concurrency=2) as runner:
        error = task(runner=runner)(abs)(-1).exception(20)
    assert isinstance(error, LaunchError)
    assert "no room for a process" in str(error)
