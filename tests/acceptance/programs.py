"""Programs of their own: started at a terminal or not, interrupted, killed, and looked at afterwards.

Every process of a program's tree inherits a mark in its environment, by which it is found in `/proc` wherever
it went: orphans, processes with sessions of their own and woflo's helpers included.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import woflo
from woflo.testing.patience import PATIENCE, wait_until
from woflo.testing.procfs import HAS_PROC

MARK = "WOFLO_TEST_PROGRAM"
CTRL_C = b"\x03"
UNATTENDED = {"CI", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"}
"""What a service for tests sets, by which a program looks otherwise than at a person's terminal."""
_AT_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""

RESISTING = """
import os, signal, subprocess, sys, time

# To be ended by the test; after 90 seconds both leave by themselves, so that a test that fails leaves nothing.
CHILD = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(90)"

def say(text):
    os.write(1, text.encode() + b"\\n")

def resist(number, isolated=True):
    if isolated:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-S", "-c", CHILD], stdout=subprocess.PIPE)
        child.stdout.readline()
    say(f"begun {{number}}")
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            time.sleep(1)  # nobody waits for this: it is the code that goes on whatever is raised in it
        except BaseException:
            pass
"""
"""For `format`: code that ignores SIGTERM and every exception, with a child that does, where it has a process."""


class Program:
    """One program, in a session of its own. As a context manager it leaves nothing behind, whatever happens."""

    def __init__(
        self,
        folder: Path,
        text: str,
        *,
        terminal: bool = False,
        command: Any = None,
        variables: dict[str, str] | None = None,
    ) -> None:
        self.mark = uuid.uuid4().hex
        self.output = ""
        path = folder / f"program_{self.mark[:8]}.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        command = command or [sys.executable, "-X", "faulthandler", str(path)]
        self._ours, theirs = os.openpty() if terminal else os.pipe()
        if terminal:
            command = [sys.executable, "-I", "-S", "-c", _AT_TERMINAL, *command]
        try:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**environment(self.mark, at_terminal=terminal), **(variables or {})},
                stdin=theirs if terminal else subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        os.set_blocking(self._ours, False)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *exc: object) -> None:
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None or self.processes():
            assert time.monotonic() < end, f"cannot be killed: {self.processes()}"
            for pid in {self.process.pid, *self.processes()}:
                kill(pid)
            time.sleep(0.002)
        os.close(self._ours)

    # -- its terminal, or its pipe ---------------------------------------------------------------------

    def read(self) -> str:
        """Everything that it has written until now."""
        try:
            while data := os.read(self._ours, 1 << 16):
                self.output += data.decode(errors="replace")
        except BlockingIOError:
            pass
        except OSError:
            pass  # a terminal that nobody has open any more
        return self.output

    def wait_for(self, text: str, timeout: float = PATIENCE) -> None:
        """Wait until it has written `text`."""
        self._wait_until(lambda: text in self.output, repr(text), timeout)

    def watch(self, seconds: float) -> None:
        """Read for so long, for a moment of the test's choice."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            select.select([self._ours], [], [], left)
            self.read()
            if self.process.poll() is not None:
                return

    def press_ctrl_c(self) -> None:
        os.write(self._ours, CTRL_C)

    def type(self, text: str) -> None:
        """What a person types at its terminal."""
        os.write(self._ours, text.encode())

    def _wait_until(self, holds: Callable[[], object], what: str, timeout: float) -> None:
        end = time.monotonic() + timeout
        while not holds():
            assert time.monotonic() < end, f"no {what} within {timeout:g} s; it wrote:\n{self.read()}"
            select.select([self._ours], [], [], 0.002)
            self.read()
            time.sleep(0.002)

    # -- its end ---------------------------------------------------------------------------------------

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for its end; its exit code, or the negative number of the signal that ended it."""
        self._wait_until(lambda: self.process.poll() is not None, "end", timeout)
        self.read()
        return self.process.returncode

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the program alone, and wait for its end."""
        self.process.send_signal(number)
        self.wait()

    def processes(self) -> dict[int, str]:
        """The living processes of its tree, and their commands."""
        return living(self.mark)

    def assert_all_gone(self, timeout: float = 10.0) -> None:
        """No process of its tree is left, or they leave at once."""
        end = time.monotonic() + timeout
        while left := self.processes():
            assert time.monotonic() < end, f"still there after {timeout:g} s: {left}; it wrote:\n{self.read()}"
            time.sleep(0.005)


def environment(mark: str = "", *, at_terminal: bool = False) -> dict[str, str]:
    """The environment in which a program finds the package under test, and buffers its output as usual.

    `at_terminal`: as a person has it at a terminal, also where these tests are executed by a service.
    """
    root = str(Path(woflo.__file__).parent.parent)
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    if at_terminal:
        kept = {name: value for name, value in kept.items() if name not in UNATTENDED} | {"TERM": "xterm-256color"}
    return {**kept, "PYTHONPATH": path, MARK: mark}


def living(mark: str) -> dict[int, str]:
    """The processes that inherited `mark` and are no zombies, and what they are."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for name in os.listdir("/proc") if HAS_PROC else ():
        if not name.isdigit():
            continue
        try:
            # A zombie has no environment any more.
            if wanted in Path(f"/proc/{name}/environ").read_bytes():
                command = Path(f"/proc/{name}/cmdline").read_bytes()
                found[int(name)] = command.replace(b"\0", b" ").decode(errors="replace")[:120]
        except OSError:
            continue
    return found


def kill(pid: int) -> None:
    """End one process for certain."""
    assert pid > 1
    assert pid != os.getpid()
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(folder: Path, text: str, *, timeout: float = PATIENCE, **options: Any) -> tuple[int, str]:
    """Execute a program to its end; its exit code, and what it wrote to both streams. Nothing of it may be left."""
    with Program(folder, text, **options) as program:
        code = program.wait(timeout)
        program.assert_all_gone()
        return code, program.read()


def woflo_command(folder: Path, *words: str, timeout: float = PATIENCE, **variables: str) -> tuple[str, str, int]:
    """Execute `woflo` in a folder, with these environment variables: its output, what it said on stderr, its status."""
    done = subprocess.run(
        [sys.executable, "-m", "woflo", *words],
        cwd=folder,
        env={**environment(), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return done.stdout, done.stderr, done.returncode


def lines(path: Path) -> list[str]:
    """The lines of a file into which tasks wrote; none where it does not exist yet."""
    return path.read_text().splitlines() if path.exists() else []


__all__ = [
    "CTRL_C",
    "PATIENCE",
    "RESISTING",
    "Program",
    "environment",
    "kill",
    "lines",
    "living",
    "run",
    "wait_until",
    "woflo_command",
]
