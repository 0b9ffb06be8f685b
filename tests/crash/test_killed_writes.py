"""Killed by SIGKILL before and after every single write, over every store that outlives a process."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from killed_writes import EXPECTED
from programs import environment
from systems import needs_fork, needs_postgres

PROGRAM = Path(__file__).with_name("killed_writes.py")
SECONDS = 240
MOST_IN_FLIGHT = 3
"""Of the steps that are called beside each other."""


CASES = [
    ("sqlite", "plain"),
    ("sqlite", "async"),
    ("dir", "plain"),
    pytest.param("postgresql", "async", marks=needs_postgres),
]


def url_of(scheme, request, tmp_path):
    """Of a new store for each number."""
    if scheme == "postgresql":
        schema = f"killed_writes_{tmp_path.name.replace('-', '_')}_{{}}"
        server = request.getfixturevalue("postgres").url
        return f"{server}?schema={schema}&options=-csearch_path%3D{schema}"
    return f"{scheme}:///{tmp_path}/store{{}}" + (".db" if scheme == "sqlite" else "")


@needs_fork
@pytest.mark.unmeasured
@pytest.mark.timeout(SECONDS + 30)
@pytest.mark.parametrize(("scheme", "kind"), CASES)
def test_killed_at_every_write(scheme, kind, request, tmp_path):
    """Nothing is lost, no recorded step executes again, and each row is there as often as its step was recorded."""
    ended = subprocess.run(
        [sys.executable, PROGRAM, url_of(scheme, request, tmp_path), kind],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    trials = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(trials) >= 2 * 9
    assert {(one["at"], one["kept"]) for one in trials} >= {(at, kept) for at in range(9) for kept in (False, True)}
    for one in trials:
        check(one, has_rows=scheme != "dir")


def check(one, *, has_rows):
    before, after = Counter(one["executed before"]), Counter(one["executed"])
    assert one["result"] == EXPECTED, one
    assert one["left"] == [], one
    assert set(after) == set(one["steps"]), one
    assert len(one["steps"]) == len(set(one["steps"])) == 5, one
    again = {place for place in after if after[place] > 1}
    assert not again & set(one["recorded"]), one
    assert again <= set(before), one
    assert max(after.values()) <= 2, one
    assert len(again) <= MOST_IN_FLIGHT, one
    assert one["effects"] == ([1, 2, 3, 4, 5] if has_rows else []), one
