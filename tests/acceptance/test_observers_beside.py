"""Observers that raise, hang for ever or are slow, beside what `woflo run` and `Job.main` execute: they harm nobody."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from observing_programs import TARGETS, ends, make_folder
from programs import environment

pytestmark = pytest.mark.unmeasured


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path)


def command(folder, *words):
    """Execute it: what it said, its status, and how many seconds it took."""
    program = ["main.py", *words[1:]] if words[0] == "main" else ["-m", "woflo", *words]
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, *program],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return done.stderr, done.returncode, time.monotonic() - begin


def lasted(folder, name="e.jsonl"):
    """Seconds from the first event to the last one, as another observer has them."""
    times = [json.loads(line)["at"] for line in (folder / name).read_text().splitlines()]
    return times[-1] - times[0]


WORDS = {**TARGETS, "main": ["main", "-j", "job.yaml"]}


@pytest.mark.parametrize("kind", WORDS)
def test_all_kinds_at_once(folder, kind):
    """The runs take no longer, the end no longer than one patience; who did not get how much, or raised, is told."""
    _, _, without = command(folder, *WORDS[kind], "--observe", "jsonl,path=without.jsonl")
    for made in (*folder.glob("*.txt"), folder / ".woflo" / "woflo.db"):
        made.unlink(missing_ok=True)
    bad = [f"watchers:{name},patience=1" for name in ("Hangs", "Slow", "Raises")]
    words = [word for what in (*bad, "jsonl,path=e.jsonl") for word in ("--observe", what)]
    said, status, took = command(folder, *WORDS[kind], *words)
    assert status == 0
    assert ends(folder / "e.jsonl") == ends(folder / "without.jsonl")
    assert lasted(folder) < lasted(folder, "without.jsonl") + 1.0
    assert took < without + 1.0 + 5.0  # the patience, and what a busy machine may take
    heard = len((folder / "e.jsonl").read_text().splitlines())
    assert f" of {heard} events were dropped; it has not returned, and is not waited for any longer" in said
    assert f"the observer watchers:Raises raised {heard} times; the first time: RuntimeError: boom; token=***" in said
    for name in ("Hangs", "Slow"):
        assert f"the observer watchers:{name} was too slow: " in said
    assert said.count("has not returned") == 1
    assert "Traceback" not in said


def test_many_of_them(folder):
    """They are waited for at the same time, not one after the other."""
    _, _, without = command(folder, *TARGETS["flow"])
    hanging = [word for _ in range(6) for word in ("--observe", "watchers:Hangs,patience=2")]
    said, status, took = command(folder, *TARGETS["flow"], *hanging)
    assert status == 0
    assert said.count("has not returned") == 6
    assert took < without + 2 + 5  # six patiences would be twelve


@pytest.mark.parametrize("kind", ["run", "main"])
def test_a_failure_beside_them(folder, kind):
    """Stays a failure: the exit status is 1, and it is told."""
    (folder / "failing.yaml").write_text("tasks:\n  a: {task: fail}\n  b: {task: count}\n")
    words = ["run", "failing.yaml"] if kind == "run" else ["main", "-j", "failing.yaml"]
    beside = ["--observe", "watchers:Raises", "--observe", "watchers:Hangs,patience=0.3"]
    said, status, _ = command(folder, *words, *beside)
    assert status == 1
    assert "ValueError: no" in said
    assert "1 of 2 steps of failing did not succeed" in said
    assert "watchers:Raises raised" in said
    assert "watchers:Hangs was too slow" in said
