"""What a captured task writes and logs, and what the processes do that it starts."""

from __future__ import annotations

import logging
import os
from queue import Queue

import pytest
from systems import needs_fork
from unit_helpers import PATIENCE

from woflo import subscribe, task
from woflo.kernel import runtime
from woflo.kernel.events import LogRecorded, OutputWritten, RunEnded
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.runners.processes import wire
from woflo.runners.processes.capture import Capture
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


class Whose:
    """An attempt, as far as output goes."""

    def __init__(self):
        self.told = Queue()

    def tell(self, kind, data):
        self.told.put(data)


def test_output_that_is_seen_before_it_is_known_whose_it_is():
    """All that the child has said is taken first, however many pieces it came in."""
    whose, said = Whose(), ["here is another pipe", "a call has begun"]

    def take_one():
        if said and said.pop(0) == "a call has begun":
            capture.attempt = whose
            return True
        return bool(said)

    reader, writer = os.pipe()
    reactor = runtime.current.reactor
    capture = Capture(reactor, None, take_one)
    try:
        os.write(writer, b"text")
        reactor.call(capture.add, (wire.CAPTURE, 1, b"", reader))
        assert whose.told.get(timeout=PATIENCE) == ("stdout", "text")
    finally:
        reactor.call(capture.close)
        os.close(writer)
