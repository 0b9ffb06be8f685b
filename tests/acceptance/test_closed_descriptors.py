"""Code that closes descriptors which are not its own: what waits ends with a named error, and so does the program."""

import pytest
from programs import run
from systems import needs_proc

pytestmark = pytest.mark.unmeasured

KINDS = ["fork", "spawn", "forkserver", "pool", "pool-spawn"]

BEGINNING = """
import os, threading, time
from woflo import task
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.runners.multiprocess import ForkProcess, ForkServerProcess, SpawnProcess
from woflo.testing import wait_until

Runner = {{
    "fork": MultiprocessTaskRun.configured(process_type=ForkProcess),
    "spawn": MultiprocessTaskRun.configured(process_type=SpawnProcess),
    "forkserver": MultiprocessTaskRun.configured(process_type=ForkServerProcess),
    "pool": PoolTaskRun.configured(max_concurrency=1),
    "pool-spawn": PoolTaskRun.configured(max_concurrency=1, process_type=SpawnProcess),
}}[{kind!r}]

@task(runner=Runner)
def inner(number, seconds=0.0):
    open(f"begun {{number}}", "w").close()
    time.sleep(seconds)  # not for anything: it is under way until its process is ended
    return number
"""

IN_A_TASK = """
@task(runner=Runner)
def outer(when):
    if when == "after":
        assert [inner(n).get_result() for n in range(3)] == [0, 1, 2]
    elif when == "beside":
        beside = inner(7, 60.0)
        wait_until(lambda: os.path.exists("begun 7"))
    os.closerange(0, 100)
    if when == "beside":
        beside.get_result()
    elif when == "before":
        inner(8).get_result()
    return "closed"

for when in ("alone", "after", "beside", "before"):
    print(when, type(outer(when).exception(15)).__name__, flush=True)
"""


@needs_proc
@pytest.mark.parametrize("kind", KINDS)
def test_in_a_task_with_nested_calls(tmp_path, kind):
    """A task whose process has no descriptors left, woflo's own included, has crashed, whatever it called.

    The worker of a pool has memory beside them, in which its caller finds a short result all the same.
    """
    code, output = run(tmp_path, BEGINNING.format(kind=kind) + IN_A_TASK, timeout=30)
    told = "NoneType" if kind.startswith("pool") else "TaskCrashedError"
    assert [line for line in output.splitlines() if line.endswith(("Error", "NoneType"))] == [
        f"alone {told}",
        f"after {told}",
        "beside TaskCrashedError",
        f"before {told}",
    ], output
    assert code == 0, output


IN_THE_PROGRAM = """
assert inner(1).get_result() == 1
beside = inner(2, 60.0)
wait_until(lambda: os.path.exists("begun 2"))
os.closerange(3, 100)
for error in (beside.exception(15), inner.with_options(runner="thread", timeout=9)(3).exception(15)):
    print(type(error).__name__, flush=True)
"""


@needs_proc
@pytest.mark.parametrize("kind", KINDS)
def test_in_the_program_itself(tmp_path, kind):
    """What is under way then, and what is called later, is told that woflo cannot go on; nothing is left behind."""
    code, output = run(tmp_path, BEGINNING.format(kind=kind) + IN_THE_PROGRAM, timeout=30)
    under_way, later = [line for line in output.splitlines() if line.endswith("Error")]
    assert under_way in ("InternalError", "LaunchError"), output  # its code may begin before its launch has returned
    assert later == "InternalError", output
    assert code == 0, output
