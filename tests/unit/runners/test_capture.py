"""What a captured task writes and logs, and what the processes do that it starts."""

from __future__ import annotations

import logging
import os

import pytest
from systems import needs_fork
from unit_helpers import PATIENCE

from woflo import subscribe, task
from woflo.kernel.events import LogRecorded, OutputWritten, RunEnded
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.testing import wait_until
from woflo.testing.conformance.tools import configured

pytestmark = needs_fork

Plain = MultiprocessTaskRun.configured()


def log(whose):
    logging.getLogger(whose).info("quiet %s", whose)
    logging.getLogger(whose).warning("loud %s", whose)


def nested():
    logging.getLogger().setLevel(logging.INFO)
    task(runner=Plain)(log)("a child").get_result(PATIENCE)
    log("a task")


def forked():
    logging.getLogger().setLevel(logging.INFO)
    pid = os.fork()
    if pid == 0:
        try:
            log("a child")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    log("a task")


@pytest.mark.parametrize("base", [MultiprocessTaskRun, PoolTaskRun])
@pytest.mark.parametrize("starts", [nested, forked])
def test_only_the_task_itself_writes_to_its_caller(base, starts):
    """The records of a process that it started go where warnings go without a handler: to stderr, as output."""
    told = []
    with configured(base, capture_output=True, max_concurrency=1) as runner, subscribe(told.append):
        run = task(runner=runner)(starts)()
        run.get_result(PATIENCE)
        wait_until(lambda: any(isinstance(one, RunEnded) and one.run_id == run.id for one in told))
    records = [one.message for one in told if isinstance(one, LogRecorded) and one.logger in ("a child", "a task")]
    assert records == ["quiet a task", "loud a task"]
    assert "".join(one.text for one in told if isinstance(one, OutputWritten)) == "loud a child\n"
