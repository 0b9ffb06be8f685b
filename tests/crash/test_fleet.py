"""Four workers, of which one is killed by SIGKILL all the time: every promise holds for every workflow."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from programs import environment
from systems import needs_fork, needs_postgres

PROGRAM = Path(__file__).with_name("fleet.py")
WORKFLOWS, STEPS, KILLS, SECONDS = 100, 5, 20, 100


def fleet(*options):
    """The figures of a short one; its seed is on stderr, which pytest shows where it fails."""
    numbers = ("--workflows", WORKFLOWS, "--steps", STEPS, "--kills", KILLS, "--timeout", SECONDS)
    ended = subprocess.run(
        [sys.executable, PROGRAM, *map(str, numbers), *options],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS + 15,
        check=False,
    )
    print(ended.stderr, ended.stdout)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def check(told):
    """Each workflow ended once, with each of its steps recorded; what executed again was in flight at a kill."""
    assert told["kills"] >= KILLS / 2
    assert told["ended"] == {f"SUCCEEDED {sum(range(STEPS))}": WORKFLOWS}
    assert told["calls by key"] == WORKFLOWS
    assert told["recorded steps of a workflow"] == {str(STEPS): WORKFLOWS}
    assert told["steps that never executed"] == 0
    assert told["executed again without a kill in flight"] == 0
    assert told["executions"] <= told["steps"] + told["in flight at kills"]


def check_rows(told):
    """What steps wrote in `transaction()` is there once for each of them."""
    assert told["rows"] == told["steps"]
    assert told["rows more than once"] == 0


pytestmark = [needs_fork, pytest.mark.unmeasured, pytest.mark.timeout(SECONDS + 30)]


def test_on_sqlite():
    told = fleet()
    check(told)
    check_rows(told)


def test_in_a_folder(tmp_path):
    check(fleet("--store", f"dir://{tmp_path}/store"))


@needs_postgres
def test_on_postgres(postgres):
    told = fleet("--store", postgres.new_url())
    check(told)
    check_rows(told)
