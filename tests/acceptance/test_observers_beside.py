"""Observers that raise, hang for ever or are slow, beside what `woflo run` and `Job.main` execute: they harm nobody."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from observing_programs import TARGETS, ends, make_folder
from programs import environment


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
def test_one_that_raises(folder, kind):
    """The status is that of the runs, and the end says which observer raised, how often and what, without a secret."""
    said, status, _ = command(folder, *WORDS[kind], "--observe", "watchers:Raises", "--observe", "jsonl,path=e.jsonl")
    assert status == 0
    times = len((folder / "e.jsonl").read_text().splitlines())
    assert f"the observer watchers:Raises raised {times} times; the first time: RuntimeError: boom; token=***" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ["Hangs", "Slow"])
@pytest.mark.parametrize("kind", WORDS)
def test_one_that_is_slow(folder, kind, name):
    """The runs take no longer, the end no longer than its patience, and says who did not get how much."""
    _, _, without = command(folder, *WORDS[kind], "--observe", "jsonl,path=without.jsonl")
    for made in (*folder.glob("*.txt"), folder / ".woflo" / "woflo.db"):
        made.unlink(missing_ok=True)
    slow = ["--observe", f"watchers:{name},patience=1"]
    said, status, took = command(folder, *WORDS[kind], *slow, "--observe", "jsonl,path=e.jsonl")
    assert status == 0
    assert ends(folder / "e.jsonl") == ends(folder / "without.jsonl")
    assert lasted(folder) < lasted(folder, "without.jsonl") + 1.0
    assert took < without + 1.0 + 2.0
    heard = len((folder / "e.jsonl").read_text().splitlines())
    assert f"the observer watchers:{name} was too slow: " in said
    assert f" of {heard} events were dropped" in said
    if name == "Hangs":  # the other one may be within an event at the end of its patience, or between two
        assert "it has not returned, and is not waited for any longer" in said


def test_many_of_them(folder):
    """They are waited for at the same time, not one after the other."""
    _, _, without = command(folder, *TARGETS["flow"])
    hanging = [word for _ in range(6) for word in ("--observe", "watchers:Hangs,patience=2")]
    said, status, took = command(folder, *TARGETS["flow"], *hanging)
    assert status == 0
    assert said.count("has not returned") == 6
    assert took < without + 2 + 4


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
