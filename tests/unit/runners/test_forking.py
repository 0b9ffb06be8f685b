"""What the caller does around the forks of its children."""

from __future__ import annotations

import os
import signal

import pytest
from systems import needs_fork, needs_proc
from unit_helpers import PATIENCE

from woflo import task
from woflo.errors import TaskCrashedError
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.runners.processes import children, wire
from woflo.runners.processes.attempts import rehearse
from woflo.runners.processes.slots import Slots
from woflo.testing import wait_until
from woflo.testing.conformance.tools import configured
from woflo.testing.procfs import descriptors

pytestmark = needs_fork


@needs_proc
def test_a_rehearsal_performs_attempts_and_leaves_nothing_open():
    """Often enough for the interpreter to adapt the code; each of them sends its outcome to nobody."""
    slots, told = Slots(), []
    before = descriptors()

    def perform(role, link, caller):
        role.run(link)
        told.extend(frame[0] for frame in wire.Decoder().feed(caller.recv(4096), []))

    rehearse(slots, perform)
    assert descriptors() == before
    assert set(told) == {wire.VALUE}
    assert len(told) >= 10
    slots.close()


@pytest.mark.parametrize("end", [lambda: os._exit(0), lambda: os.kill(os.getpid(), signal.SIGKILL)])
def test_the_memory_of_a_process_that_ends_without_an_outcome_is_told(end):
    """However it ended; only what has told its outcome is not asked."""
    error = task(runner=MultiprocessTaskRun)(end)().exception(PATIENCE)
    assert type(error) is TaskCrashedError
    assert error.peak_memory > 1_000_000


def overlook_the_first_signal(folder):
    seen = []
    signal.signal(signal.SIGTERM, lambda *_: seen.append(1))
    (folder / "begun").touch()
    wait_until(lambda: len(seen) > 1)
    (folder / "seen").touch()


@pytest.mark.parametrize("base", [MultiprocessTaskRun, PoolTaskRun])
def test_a_signal_that_was_not_seen_comes_again(tmp_path, monkeypatch, base):
    """Python 3.13 may overlook one in a forked child: the attempt ends all the same, long before its grace does."""
    monkeypatch.setattr(children, "SEES_SIGNALS", False)
    with configured(base, max_concurrency=1) as runner:
        run = task(runner=runner)(overlook_the_first_signal)(tmp_path)
        wait_until((tmp_path / "begun").exists)
        assert run.stop(grace=1000)
    assert (tmp_path / "seen").exists()
