"""What processes stand on: the fork server when it dies, systems without pidfds, values that workers share."""

import os
from importlib import import_module
from pathlib import Path

import numpy
import pytest
from programs import PATIENCE, kill, run, wait_until
from systems import needs_pidfd, needs_proc

from woflo import quote, task
from woflo.errors import TaskCrashedError
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.runners.multiprocess import ForkServerProcess
from woflo.testing.procfs import is_alive

# -- the fork server -----------------------------------------------------------------------------------

Forked = MultiprocessTaskRun.configured(process_type=ForkServerProcess, max_concurrency=4)


def hold(folder):
    """Until the test ends it."""
    (folder / "new").write_text(f"{os.getpid()} {os.getppid()}")
    (folder / "new").rename(folder / "pids")
    wait_until((folder / "open").exists)


@needs_proc
@needs_pidfd
def test_the_fork_server_is_killed(tmp_path):
    """Its child is told as crashed, and is gone, for nobody would notice its end; the next call has a new server."""
    under_way = task(runner=Forked)(hold)(tmp_path)
    wait_until((tmp_path / "pids").exists, "start")
    child, parent = map(int, (tmp_path / "pids").read_text().split())
    kill(parent)
    assert type(under_way.exception(PATIENCE)) is TaskCrashedError
    wait_until(lambda: not is_alive(child), "end of the child")
    wait_until(lambda: not Path(f"/proc/{parent}").exists(), "end of the server, noticed by its caller")
    assert task(runner=Forked)(os.getppid)().get_result(PATIENCE) not in (parent, os.getpid())


WHERE_IMPORTED = """
import os, threading
if {threads}:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
HERE = os.getpid()

def where():
    return HERE, os.getpid(), os.getppid()
"""


@needs_pidfd
@pytest.mark.parametrize("threads", [False, True])
def test_the_fork_server_imports_what_its_children_needed(tmp_path, monkeypatch, threads):
    """Once, so that later children find it there; not what starts threads, for it goes on to fork."""
    name = f"needed_{threads}"
    (tmp_path / f"{name}.py").write_text(WHERE_IMPORTED.format(threads=threads))
    monkeypatch.syspath_prepend(str(tmp_path))
    where = task(runner=MultiprocessTaskRun.configured(process_type=ForkServerProcess))(import_module(name).where)

    def imported_in_server():
        here, _, server = where().get_result(PATIENCE)
        return here == server

    if threads:
        assert not any(imported_in_server() for _ in range(5))
    else:
        wait_until(imported_in_server, "import in the server")


AGAIN = """
import os, signal
from woflo import task
from woflo.errors import LaunchError, TaskCrashedError
from woflo.runners import MultiprocessTaskRun
from woflo.runners.multiprocess import ForkServerProcess
from woflo.testing import wait_until

@task(runner=MultiprocessTaskRun.configured(process_type=ForkServerProcess, max_concurrency=4))
def server():
    return os.getppid()

for _ in range(20):
    os.kill(server().get_result(20), signal.SIGKILL)
    for run in [server() for _ in range(8)]:
        assert type(run.exception(20)) in (type(None), TaskCrashedError, LaunchError)
    wait_until(lambda: server().exception(20) is None, "a server that works")
print("ok")
"""


@needs_pidfd
def test_the_fork_server_is_killed_again_and_again(tmp_path):
    """At any moment: each call has its result, or says what happened to its process, and the next ones work."""
    assert run(tmp_path, AGAIN)[0] == 0


# -- without pidfds ------------------------------------------------------------------------------------

WITHOUT = """
import os, time
del os.pidfd_open
from woflo import task
from woflo.errors import OptionError, TaskCrashedError, TaskStoppedError
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.runners.multiprocess import ForkServerProcess, SpawnProcess
from woflo.testing import leftovers, wait_until

def double(number):
    return 2 * number

def leave():
    os._exit(3)

def die():
    os.kill(os.getpid(), 9)

for runner in (MultiprocessTaskRun, MultiprocessTaskRun.configured(process_type=SpawnProcess), PoolTaskRun):
    assert [run.get_result(20) for run in [task(runner=runner)(double)(n) for n in range(20)]] == list(range(0, 40, 2))
    left, died = (task(runner=runner)(fn)().exception(20) for fn in (leave, die))
    assert (type(left), left.exit_code, left.signal) == (TaskCrashedError, 3, None), left
    assert (type(died), died.exit_code, died.signal) == (TaskCrashedError, None, "SIGKILL"), died
    assert died.peak_memory > 1_000_000
    long = task(runner=runner)(time.sleep)(90)
    wait_until(long.is_running)
    assert long.stop(grace=20)
    assert type(long.exception(20)) is TaskStoppedError
try:
    task(runner=MultiprocessTaskRun.configured(process_type=ForkServerProcess))(double)(1).get_result(20)
except Exception as error:
    assert "ForkServerProcess needs Linux 5.3" in str(error), error
else:
    raise AssertionError("a fork server without pidfds")
PoolTaskRun.shutdown()
wait_until(lambda: not leftovers(), "nothing left")
print("ok")
"""


@needs_pidfd
def test_without_pidfds(tmp_path):
    """Where the system has none, threads notice how children end, and everything else is as ever."""
    assert run(tmp_path, WITHOUT) == (0, "ok\n")


# -- values that workers share -------------------------------------------------------------------------


def look_at(number, array):
    return os.getpid(), id(array), array.flags.writeable, int(array[number])


@pytest.mark.parametrize("size", [2, 1])
def test_one_large_value_for_many_calls(size):
    """Each worker gets it once, read-only, and again after it was forgotten; another value is another one."""
    with PoolTaskRun.configured(max_concurrency=size) as pool:
        for start in (0, 5):
            array = numpy.arange(start, start + 1_000_000)
            seen = [one.get_result(PATIENCE) for one in task(runner=pool)(look_at).map(range(200), quote(array))]
            assert [value for *_, value in seen] == list(range(start, start + 200))
            assert not any(writeable for _, _, writeable, _ in seen)
            assert len({(pid, name) for pid, name, *_ in seen}) == len({pid for pid, *_ in seen}) <= size
