"""Starting a command: in a session of its own, with signals, environment and output as they should be, in each way."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from systems import needs_fork
from unit_helpers import run_script

from woflo.scripts import spawning

WAYS = ["glibc", "posix_spawn", "subprocess"]


@pytest.fixture(params=WAYS)
def start(request, monkeypatch):
    """`start(words)` starts a command in one of the ways; its status and its output are returned."""
    if request.param == "glibc" and spawning._glibc is None:
        pytest.skip("needs glibc")
    if request.param != "glibc":
        monkeypatch.setattr(spawning, "_glibc", None)
    if request.param == "subprocess":
        monkeypatch.setattr(spawning, "_can_spawn", False)

    def started(words, tmp_path, env=None, to_path=False):
        path = str(tmp_path / "output")
        given = {b"PATH": os.fsencode(os.environ["PATH"]), **(env or {})}
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            command = spawning.start(words, given, "", path if to_path else fd)
        finally:
            os.close(fd)
        status = command.wait()
        with open(path, "rb") as file:
            return os.waitstatus_to_exitcode(status), file.read()

    return started


@pytest.mark.parametrize("to_path", [False, True])
def test_words_environment_and_output(start, tmp_path, to_path):
    """Bytes of all kinds arrive; both streams go to the output, and there is nothing to read."""
    show = 'printf \'%s|\' "$0" "$1" "$X"; echo err >&2; cat; exit 7'
    words = ["sh", "-c", show, "a b", os.fsdecode(b"\xff\n")]
    code, output = start(words, tmp_path, env={b"X": b"\xfe y"}, to_path=to_path)
    assert code == 7
    assert output == b"a b|\xff\n|\xfe y|err\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_no_other_descriptors(start, tmp_path, request):
    """Not even those that others may inherit, where the system can close them."""
    if "posix_spawn" in request.node.name:
        pytest.skip("it cannot")
    fd = os.dup2(os.open(os.devnull, os.O_RDONLY), 77, inheritable=True)
    try:
        code, output = start(["sh", "-c", "ls /proc/self/fd"], tmp_path)
    finally:
        os.close(fd)
    assert (code, output.split()) == (0, [b"0", b"1", b"2", b"3"])


def test_a_session_of_its_own(start, tmp_path):
    """So that all that it starts can be ended with it."""
    code = "import os; print(os.getsid(0) == os.getpid())"
    assert start([sys.executable, "-c", code], tmp_path) == (0, b"True\n")


def test_signals_that_python_ignores(start, tmp_path):
    """End a command as they would from a shell."""
    assert start(["sh", "-c", "kill -PIPE $$; echo alive"], tmp_path) == (-signal.SIGPIPE, b"")


@pytest.mark.parametrize(
    ("word", "kind"), [("no-such-command", FileNotFoundError), ("./no/such", FileNotFoundError), ("/", PermissionError)]
)
def test_what_cannot_be_started(start, tmp_path, word, kind):
    """Is told with its name."""
    with pytest.raises(kind) as told:
        start([word], tmp_path)
    assert told.value.filename == word


def test_many_threads_at_once(start, tmp_path):
    """Each command gets its own words, environment and output."""

    def works(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        name = f"{number}".encode() * 200
        return start(["sh", "-c", 'echo "$0 $X"', str(number)], folder, env={b"X": name}) == (
            0,
            str(number).encode() + b" " + name + b"\n",
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(works, range(160)))


@needs_fork
def test_beside_forks(tmp_path):
    """A child that is forked while a command is being started holds it up by nothing that it inherits."""
    program = """
        import os, signal, threading
        from woflo.scripts import spawning

        gate, opened = os.pipe()
        children = []

        def fork():
            for _ in range(300):
                child = os.fork()
                if child == 0:
                    signal.alarm(60)  # where it fails, nobody opens the gate
                    os.read(gate, 1)
                    os._exit(0)
                children.append(child)

        forks = threading.Thread(target=fork)
        forks.start()
        number = 0
        while forks.is_alive() or not number:
            assert spawning.start(["true"], dict(os.environ), "/", os.devnull).wait() == 0
            number += 1
        os.write(opened, bytes(len(children)))
        for child in children:
            os.waitpid(child, 0)
        print("done")
    """
    done = run_script(tmp_path, program)
    assert done.stdout == "done\n", done.stderr
