"""Programs of their own that use a store, told what to do through a pipe."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from queue import SimpleQueue

from unit_helpers import PATIENCE, script_environment

BEGINNING = """
import os, sqlite3, sys, threading, time
from woflo.errors import *
from woflo.kernel.state import RunState
from woflo.stores.operations import *
from woflo.stores.rows import *
from woflo.stores.sqlite import SQLiteStore

path = sys.argv[1]

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def hear():
    return sys.stdin.readline().strip()

def submit(run_id):
    return Submit(now=1.0, runs=(Row(id=run_id, task="t"),))
"""


class Program:
    """A Python of its own. Killed when the block is left."""

    def __init__(self, text, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-c", BEGINNING + textwrap.dedent(text), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=script_environment(),
        )
        self._lines = SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.strip())
        self._lines.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stdout.close()

    def hear(self, patience=PATIENCE):
        """The next line that it says; None when it has ended."""
        return self._lines.get(timeout=patience)

    def rest(self):
        """All that it says until its end."""
        return list(iter(self.hear, None))

    def say(self, line=""):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
