"""The examples of the earlier woflo's README run as they are printed there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from docs_helpers import environment

PROGRAM = Path(__file__).with_name("seed_program.py")
TEN_FORKED, TEN_INLINE, ONE_SPAWNED = 10, 10, 1


def run_in_terminal(program, folder, timeout):
    """Exit status of a program, and all that it and its children wrote to its terminal."""
    main, terminal = os.openpty()
    command = [sys.executable, "-W", "error", str(program)]
    streams = {"stdin": subprocess.DEVNULL, "stdout": terminal, "stderr": terminal}
    process = subprocess.Popen(command, cwd=folder, env=environment(), **streams)
    os.close(terminal)
    try:
        written = read_to_end(main)
        return process.wait(timeout), written
    finally:
        process.kill()
        process.wait()
        os.close(main)


def read_to_end(terminal):
    """What is written until nobody has the terminal open any more."""
    pieces = []
    while True:
        try:
            piece = os.read(terminal, 1 << 16)
        except OSError:  # how Linux tells that the last writer is gone
            piece = b""
        if not piece:
            return b"".join(pieces).decode()
        pieces.append(piece)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the README's default is a fork")
@pytest.mark.timeout(60)
def test_examples_run_as_printed(tmp_path):
    """All blocks run in one module, and every worker's line is in the terminal, whole."""
    status, written = run_in_terminal(PROGRAM, tmp_path, timeout=50)
    assert status == 0, written
    assert written.splitlines() == ["I am done"] * (TEN_FORKED + TEN_INLINE + ONE_SPAWNED)
