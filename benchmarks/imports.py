"""What `from woflo import task` costs a program that starts: whole interpreters, started one after another.

The floor is `python -c pass`; the target counts from there.
"""

from __future__ import annotations

import sys

from benchmarks.model import Body, Figure, Rival, floor, ours, peer, plain, upstream, within

NOTHING = "python -c pass"


def interpreter(code: str) -> Body:
    """Start an interpreter for `code`, `n` times; the answer counts those that succeeded."""

    def body(n: int) -> int:
        import subprocess

        command = [sys.executable, "-c", code]
        return len([subprocess.run(command, check=True) for _ in range(n)])

    return body


def importing(module: str) -> Rival:
    """A peer: an interpreter that imports `module`."""
    return peer(f"import {module}", plain(interpreter(f"import {module}")))


FIGURES = [
    Figure(
        name="import",
        title="from woflo import task, over python -c pass",
        unit="start",
        n=5,
        quick=2,
        expected=lambda n: n,
        rivals=[
            ours(plain(interpreter("from woflo import task"))),
            floor(NOTHING, plain(interpreter("pass"))),
            importing("concurrent.futures.thread"),
            importing("loky"),
            upstream("start"),
        ],
        targets=[within(40e-3, over=NOTHING)],
    ),
]
