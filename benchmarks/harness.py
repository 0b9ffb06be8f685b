"""Starts the rivals of a figure, each in its own process, and asks them in turns.

round 1   A  B  C  D
round 2   A  B  C  D      while one works, the others wait for their input
...
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from benchmarks.elsewhere import HERE, UPSTREAM, PeerMissingError, interpreter
from benchmarks.model import Figure, Rival

ROOT = Path(__file__).parent.parent
PATIENCE = 180.0  # seconds that a warm-up or a round may take
GOODBYE = 15.0  # seconds that a rival may take to tidy up


class RivalFailedError(Exception):
    """A rival could not start, died, hung or answered wrongly; the message says which."""


@dataclass(frozen=True)
class Conditions:
    """How to measure."""

    rounds: int
    quick: bool
    core: int | None = None  # the core that the rivals are pinned to
    upstream: str | None = None  # an interpreter that has upstream woflo


@dataclass
class Measured:
    """What one rival gave: seconds per unit, a sample a round or more, or why it gave nothing."""

    rival: Rival
    samples: list[float] = field(default_factory=list)
    failure: str = ""


class Lane:
    """The process of one rival, seen from outside. A thread takes its answers, so that waiting ends."""

    def __init__(self, figure: Figure, rival: Rival, conditions: Conditions) -> None:
        self.figure = figure
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            _command(figure, rival, conditions),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        self._answers: SimpleQueue[str] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def ready(self) -> None:
        """Wait until it is warm."""
        self._answer()

    def ask(self, n: int) -> list[float]:
        """Let it do the work for `n`; check its result; return its samples, as a rule one: its seconds per unit."""
        assert self._process.stdin is not None
        try:
            print(n, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise RivalFailedError(self._last_words()) from None
        answer = self._answer()
        if answer["result"] != self.figure.expected(n):
            raise RivalFailedError(f"wrong result {answer['result']}, not {self.figure.expected(n)}")
        return [float(sample) for sample in answer["samples"]]

    def close(self) -> None:
        """Ask it to go; end it when it does not."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._gone()
        self._errors.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _answer(self) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=PATIENCE)
        except Empty:
            self._end()
            raise RivalFailedError(f"no answer within {PATIENCE:.0f} s") from None
        if not line:
            raise RivalFailedError(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise RivalFailedError(answer["failed"])
        return answer

    def _gone(self) -> int:
        """Wait until it has gone, by force after a while; return its exit status."""
        try:
            return self._process.wait(GOODBYE)
        except subprocess.TimeoutExpired:
            return self._end()

    def _end(self) -> int:
        """End it and its group. Only while it lives: later the number may be another's."""
        if os.name == "posix" and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        return self._process.wait()

    def _last_words(self) -> str:
        status = self._gone()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"exit status {status}: {lines[-1] if lines else 'no message'}"


def _command(figure: Figure, rival: Rival, conditions: Conditions) -> list[str]:
    core = [] if conditions.core is None else [str(conditions.core)]
    if rival.place is None:
        return [sys.executable, "-m", "benchmarks.rival", figure.name, rival.name, *core]
    python = interpreter(rival.place, conditions.upstream if rival.place is UPSTREAM else None)
    return [python, str(HERE / rival.place.script), rival.calls, str(rival.part(figure.quick)), *core]


def measure(figure: Figure, conditions: Conditions) -> list[Measured]:
    """Measure all rivals of a figure in turns. One that fails is out; the others go on."""
    n = figure.quick if conditions.quick else figure.n
    results = [Measured(rival) for rival in figure.rivals]
    with ExitStack() as stack:
        lanes = [_open(stack, figure, result, conditions) for result in results]
        for _ in range(conditions.rounds):
            for lane, result in zip(lanes, results, strict=True):
                _turn(lane, result, n)
    return results


def _open(stack: ExitStack, figure: Figure, result: Measured, conditions: Conditions) -> Lane | None:
    """Start a rival and wait until it is warm, so that no two work at the same time."""
    try:
        lane = Lane(figure, result.rival, conditions)
        stack.callback(lane.close)
        lane.ready()
    except (RivalFailedError, PeerMissingError) as error:
        result.failure = str(error)
        return None
    return lane


def _turn(lane: Lane | None, result: Measured, n: int) -> None:
    if lane is None or result.failure:
        return
    try:
        result.samples += lane.ask(result.rival.part(n))
    except RivalFailedError as error:
        result.failure = str(error)
