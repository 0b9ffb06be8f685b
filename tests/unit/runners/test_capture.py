"""What a captured task writes and logs, and what the processes do that it starts."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from systems import needs_fork
from unit_helpers import PATIENCE, script_environment

from woflo import subscribe, task
from woflo.kernel import hiding
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


class Told:
    """An attempt that notes what it is told."""

    def __init__(self):
        self.text = ""

    def tell(self, kind, data):
        assert kind == "output"
        self.text += data[1]


@pytest.fixture
def captured():
    """A capture whose frames come when a test says so: a function sets what the next look for them does."""
    frames = []
    reader, writer = os.pipe()
    reactor = SimpleNamespace(register=lambda fd, mode, ready: None, unregister=lambda fd: None)
    capture = Capture(reactor, None, lambda: frames.pop(0)() if frames else None)
    capture.add((wire.CAPTURE, 1, b"", reader))
    yield SimpleNamespace(
        on=capture, then=frames.append, write=lambda text: os.write(writer, text), ready=lambda: capture._ready(reader)
    )
    capture.close()
    os.close(writer)


def test_who_writes_faster_than_it_is_read_is_not_waited_for(captured):
    """A process that a call has left behind holds up no end."""

    class Fast(Told):
        def tell(self, kind, data):
            super().tell(kind, data)
            assert len(self.text) < 10_000
            captured.write(b"more")

    call = Fast()
    captured.on.begin(call)
    captured.write(b"one")
    captured.on.end(call)
    assert call.text.startswith("onemore")


def test_output_may_be_there_before_it_is_known_whose_it_is(captured):
    """It goes to the call whose start is found then."""
    call = Told()
    captured.write(b"one")
    captured.then(lambda: captured.on.begin(call))
    captured.ready()
    assert call.text == "one"


def test_other_frames_may_stand_before_the_one_that_says_whose_it_is(captured):
    """They come one by one where each brings a descriptor: that of the other pipe, when a worker is new."""
    call = Told()
    captured.write(b"one")
    captured.then(lambda: True)
    captured.then(lambda: captured.on.begin(call))
    captured.ready()
    assert call.text == "one"


def test_the_next_call_may_write_while_the_end_of_one_is_taken(captured):
    """Its output is not lost, though its start is only found at the next look."""
    one, two = Told(), Told()

    def start_and_end():
        captured.on.begin(one)
        captured.on.end(one)
        captured.write(b"two")

    captured.write(b"one")
    captured.then(start_and_end)
    captured.ready()
    captured.then(lambda: captured.on.begin(two))
    captured.ready()
    assert (one.text, two.text) == ("one", "two")


def test_what_no_call_has_written_is_nobodys(captured):
    """A thread that a call has left behind: the next call does not get it."""
    call = Told()
    captured.write(b"left behind")
    captured.ready()
    captured.on.begin(call)
    assert call.text == ""


def test_what_is_secret_may_be_known_after_it_was_read(captured):
    """The frames that tell it stand before the output, also behind the one that says whose it is."""
    call = Told()
    captured.write(b"it is sesame-4711, and sesame-")
    captured.then(lambda: captured.on.begin(call) or True)
    captured.then(lambda: hiding.know("sesame-4711") or True)
    captured.ready()
    assert call.text == "it is ***, and "
    captured.write(b"4711 as well")
    captured.on.end(call)
    assert call.text == "it is ***, and *** as well"
    assert captured.on.close() == call.text


def test_of_an_attempt_under_way_as_well(captured):
    """Where it was known whose output it is, the frames before it are taken first all the same."""
    call = Told()
    captured.on.begin(call)
    captured.write(b"it is sesame-4711")
    captured.then(lambda: hiding.know("sesame-4711") or True)
    captured.ready()
    assert call.text == "it is ***"


IMPORTS = """
import importlib, sys, threading
from woflo import task
from woflo.runners import MultiprocessTaskRun

NAME = "woflo.runners.processes.capture"
begun = threading.Event()

class Slow:
    def find_spec(self, name, path, target=None):
        if name == NAME:
            begun.set()
            threading.Event().wait(1)  # for the child to be forked meanwhile, if it is

@task(runner=type("Caught", (MultiprocessTaskRun,), {"capture_output": True}))
def said():
    return "said"

if __name__ == "__main__":
    task(runner="multiprocess")(lambda: 1)().get_result(30)
    sys.modules.pop(NAME, None)
    sys.meta_path.insert(0, Slow())
    threading.Thread(target=importlib.import_module, args=(NAME,)).start()
    begun.wait()
    print(said().get_result(10))
"""


def test_a_child_waits_for_no_import_of_its_caller(tmp_path):
    """Another thread may be importing what captures while a child is forked: that thread does not exist there."""
    (tmp_path / "imports.py").write_text(IMPORTS)
    done = subprocess.run(
        [sys.executable, "imports.py"],
        cwd=tmp_path,
        env=script_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.returncode) == ("said\n", 0), done.stderr
