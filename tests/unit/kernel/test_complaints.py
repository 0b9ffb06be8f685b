"""What cannot be raised to anybody is told all the same, once: by the log, or on stderr where there is none."""

from __future__ import annotations

import pytest
from systems import needs_processes
from unit_helpers import run_script

PROGRAM = """
import logging
import threading

from woflo import task
from woflo.runners.multiprocess import ForkServerProcess, MultiprocessTaskRun, SpawnProcess

RUNNERS = {
    "thread": "thread",
    "pool": "pool",
    "spawn": MultiprocessTaskRun.configured(process_type=SpawnProcess),
    "forkserver": MultiprocessTaskRun.configured(process_type=ForkServerProcess),
}


class Report:
    def on_success(self):
        raise OSError("on_success fails")

    def on_destroy(self):
        raise OSError("on_destroy fails")

    def run(self):
        return 5


def callback(run):
    raise OSError("the callback fails")


if __name__ == "__main__":
    if LOGGING:
        logging.basicConfig(format="by the log: %(message)s")
    run = task(runner=RUNNERS[RUNNER])(Report)()
    run.add_done_callback(callback)
    called = threading.Event()
    run.add_done_callback(lambda run: called.set())
    print(run.get_result())
    called.wait(20)
"""


def told(tmp_path, runner, *, logging):
    ended = run_script(tmp_path, f"LOGGING, RUNNER = {logging!r}, {runner!r}\n{PROGRAM}")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "5\n"
    return ended.stderr


@needs_processes
@pytest.mark.parametrize("runner", ["thread", "pool", "spawn", "forkserver"])
def test_hooks_and_callbacks_that_raise_are_told_on_stderr(tmp_path, runner):
    """The outcome stands, and nobody would know otherwise that the report was not written."""
    text = told(tmp_path, runner, logging=False)
    for what in ("OSError: on_success fails", "OSError: on_destroy fails", "OSError: the callback fails"):
        assert text.count(what) == 1
    assert "Report.on_success raised; the outcome of the attempt stands" in text


@needs_processes
@pytest.mark.parametrize("runner", ["thread", "pool"])
def test_where_logging_is_configured_that_alone_tells_them(tmp_path, runner):
    """Nothing is doubled."""
    text = told(tmp_path, runner, logging=True)
    for what in ("OSError: on_success fails", "OSError: on_destroy fails", "OSError: the callback fails"):
        assert text.count(what) == 1
    assert text.count("by the log: ") == 3
