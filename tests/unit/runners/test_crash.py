"""The story of a process that ended without an outcome: what is told, and what is left out."""

import io
import os
import pickle
import signal
import sys
from pathlib import Path

import pytest
from systems import needs_fork, needs_proc

import woflo
from woflo.errors import TaskCrashedError
from woflo.runners.processes import crash, shipping, travelling
from woflo.runners.processes.crash import Exit, count_oom_kills, crash_error, trim_trace

WOFLO = Path(woflo.__file__).parent


def ended_by(text):
    """The end of a real process, as the system tells it."""
    pid = os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", "-c", text], os.environ)
    return Exit(os.waitpid(pid, 0)[1])


@needs_fork
@pytest.mark.parametrize(
    ("text", "code", "name", "words"),
    [
        ("raise SystemExit(3)", 3, None, "its process left with exit code 3 before there was a result"),
        ("pass", 0, None, "its process left with exit code 0 before there was a result"),
        ("import os; os._exit(255)", 255, None, "exit code 255"),
        ("import os; os.kill(os.getpid(), 9)", None, "SIGKILL", "its process was ended by SIGKILL"),
        ("import os; os.kill(os.getpid(), 15)", None, "SIGTERM", "its process was ended by SIGTERM"),
        ("import os; os.abort()", None, "SIGABRT", "its process was ended by SIGABRT"),
    ],
)
def test_ends_of_real_processes(text, code, name, words):
    """An exit code or the name of a signal, never both, in the words and in the attributes."""
    end = ended_by(text)
    error = crash_error(end, "work")
    assert (end.code, end.signal) == (error.exit_code, error.signal) == (code, name)
    assert words in str(error)
    assert str(error).startswith("work(): ")


def test_with_a_core_dump():
    """The flag of a written core is no part of the signal's number."""
    assert Exit(0x80 | signal.SIGSEGV).signal == "SIGSEGV"
    assert Exit(0x80 | signal.SIGSEGV).code is None


def test_a_signal_without_a_name():
    """It is told by its number."""
    nameless = next(number for number in range(1, 64) if number not in {*signal.Signals})
    assert str(crash_error(Exit(nameless), "work")) == f"work(): its process was ended by signal {nameless}"


def test_an_end_that_nobody_saw():
    """Somebody else waited for the process: that is said, and nothing is made up."""
    error = crash_error(Exit(None), "work")
    assert str(error) == "work(): its process is gone, and nobody could tell how it ended"
    assert (error.exit_code, error.signal) == (None, None)


def test_memory():
    """The peak, where it is known, and an out-of-memory kill, where the kernel counted one."""
    error = crash_error(Exit(9, 1_234_567_890, out_of_memory=True), "work")
    assert "; peak memory 1,235 MB; the kernel counted an out-of-memory kill meanwhile" in str(error)
    assert (error.peak_memory, error.out_of_memory) == (1_234_567_890, True)
    quiet = crash_error(Exit(9), "work")
    assert "memory" not in str(quiet)
    assert (quiet.peak_memory, quiet.out_of_memory) == (None, False)


def test_the_call():
    """It is shown shortened, and a secret among its arguments is not, by name or by place."""
    error = crash_error(
        Exit(9), "log_in", ("ann", "hunter2"), {"token": "abc", "data": "x" * 500}, ("user", "password")
    )
    assert str(error).startswith("log_in('ann', ***, token=***, data='xxx")
    assert "hunter2" not in str(error)
    assert "abc" not in str(error)
    assert len(str(error)) < 300


def test_trace_and_output():
    """They are attributes, and notes, which a traceback shows; without them there is no note."""
    error = crash_error(Exit(11, text="Fatal Python error: Aborted\n", output="last words\n"), "work")
    assert (error.trace, error.output) == ("Fatal Python error: Aborted", "last words\n")
    assert error.__notes__ == ["trace of the crash:\nFatal Python error: Aborted", "last output:\nlast words"]
    assert not hasattr(crash_error(Exit(11), "work"), "__notes__")


def test_it_travels():
    """From a process that called it to the one that waits: its words and notes once, its attributes as they were."""
    error = crash_error(Exit(9, 5_000_000, "trace", True, "output", 7), "work")
    flat = travelling.flatten(error, "in process 7")
    for arrived in (pickle.loads(pickle.dumps(error)), travelling.restore(shipping.load(shipping.dump(flat)))):
        assert type(arrived) is TaskCrashedError
        assert str(arrived) == str(error)
        assert vars(arrived) == vars(error)


# -- traces --------------------------------------------------------------------------------------------


def frame(path, line, name):
    return f'  File "{path}", line {line} in {name}'


OWN = [frame("/home/ann/script.py", 7, "crash"), frame("/home/ann/script.py", 12, "work")]
KERNEL = [
    frame(WOFLO / "kernel" / "body.py", 55, "call"),
    frame(WOFLO / "runners" / "processes" / "child.py", 9, "run"),
]
BELOW = [*KERNEL, frame("/usr/lib/python3.11/threading.py", 982, "run"), frame("<string>", 1, "<module>")]


def test_frames_below_the_users_code():
    """Of the stack, which begins at the crash, what is woflo's and what lies below it is left out."""
    text = "\n".join(["Fatal Python error: Aborted", "", "Current thread 0x1 (most recent call first):", *OWN, *BELOW])
    assert trim_trace(text).splitlines()[3:] == OWN


def test_every_thread_is_trimmed_by_itself():
    """One thread's end is not the next one's, and modules that are told at the end stay."""
    threads = [
        "Thread 0x1 (most recent call first):",
        *OWN[:1],
        *BELOW,
        "",
        "Thread 0x2 (most recent call first):",
        *OWN,
    ]
    end = ["", "Extension modules: numpy (total: 1)"]
    kept = trim_trace("\n".join([*threads, *BELOW, *end])).splitlines()
    assert kept == [threads[0], *OWN[:1], "", "Thread 0x2 (most recent call first):", *OWN, *end]


def test_frames_of_users_that_look_alike():
    """A folder of the user's called `kernel`, and woflo's testing helpers, are the user's."""
    frames = [frame("/home/ann/woflo2/kernel/body.py", 1, "f"), frame(WOFLO / "testing" / "clock.py", 2, "g")]
    assert trim_trace("\n".join(frames)).splitlines() == frames
    assert trim_trace("") == ""


# -- out of memory -------------------------------------------------------------------------------------


@pytest.fixture
def system_files(monkeypatch):
    """Puts other files in the place of the system's, by their whole names; all that is not named is not there."""

    def put(files):
        def opened(path):
            if path not in files:
                raise FileNotFoundError(path)
            return io.StringIO(files[path])

        monkeypatch.setattr(crash, "open", opened, raising=False)

    return put


@needs_proc
def test_the_kernels_own_counters():
    """What the kernel tells here, by the control group where it has the counter, else for the machine."""
    group = Path("/proc/self/cgroup").read_text().splitlines()[-1].removeprefix("0::")
    events = Path(f"/sys/fs/cgroup{group}/memory.events")
    counters = events if events.exists() else Path("/proc/vmstat")
    told = dict(line.split() for line in counters.read_text().splitlines())
    assert count_oom_kills() == int(told["oom_kill"])


GROUP = {"/proc/self/cgroup": "9:name=systemd:/\n0::/some/group\n"}
EVENTS = {"/sys/fs/cgroup/some/group/memory.events": "low 1\noom 5\noom_kill 3\noom_group_kill 9\n"}
MACHINE = {"/proc/vmstat": "oom_killer 4\noom_kill 12\n"}


@pytest.mark.parametrize(
    ("files", "count"),
    [
        (GROUP | EVENTS | MACHINE, 3),
        (GROUP | MACHINE, 12),
        (EVENTS | MACHINE, 12),
        (GROUP | EVENTS, 3),
        (dict.fromkeys(MACHINE, "oom 5\n"), 0),
        ({}, 0),
    ],
)
def test_which_counter_counts(system_files, files, count):
    """That of the control group, else that of the machine, else none; its line among others that begin alike."""
    system_files(files)
    assert count_oom_kills() == count
