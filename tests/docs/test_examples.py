"""Every example runs as a script."""

import re
import signal

import pytest
from docs_helpers import ROOT, run_program
from systems import needs_fork

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SECONDS = 100


def check_word_count(out):
    """Most files are counted, the missing one failed by name after two attempts, and the words are ranked."""
    ranked = re.findall(r"^ +(\d+)  ([a-z]{3,}) +([\d,]+) +[\d.]+%$", out, re.MULTILINE)
    numbers = [int(number.replace(",", "")) for _, _, number in ranked]
    assert [int(rank) for rank, _, _ in ranked] == list(range(1, 16))
    assert numbers == sorted(numbers, reverse=True)
    assert "self" in [word for _, word, _ in ranked]
    assert re.search(r"^ +2  no_such_module\.py +FileNotFoundError$", out, re.MULTILINE)
    counted = re.search(r"^ *([\d,]+)  files counted$", out, re.MULTILINE)
    assert counted
    assert int(counted[1].replace(",", "")) > 100
    assert re.search(r"^ +1  failed$", out, re.MULTILINE)


def check_own_runner(out):
    """The squares came in some order, and every promise was kept."""
    first, *promises = out.splitlines()
    assert sorted(map(int, first.split())) == [x * x for x in range(10)]
    kept = [line for line in promises if line.startswith("keeps its promise: ")]
    assert len(kept) > 50


def check_folder_worker(out):
    """What a person put into the folder is done, failed or rejected, a task called another, and a log tells it."""
    told = out.splitlines()
    assert told[:5] == [
        "done/monday: summarise {'count': 3.0, 'mean': 5.0}",
        "done/urgent%3A0: report please look: -1 is below zero",
        "done/urgent: summarise {'count': 2.0, 'mean': 0.0}",
        "failed/tuesday: summarise ",
        "rejected/wednesday:  ",
    ]
    assert [line.partition(" ")[2].split()[0] for line in told[5:]] == ["called", "executed", "failed"]
    assert told[-1].endswith("ValueError: there are no numbers")


CHECKS = {
    "word_count.py": check_word_count,
    "own_runner.py": check_own_runner,
    "folder_worker.py": check_folder_worker,
}
KILLED = {"order.py"}
"""Those that do not end well the first time."""


def test_every_example_is_checked():
    """No example is without a check, and none that is checked is gone."""
    assert {path.name for path in EXAMPLES} == set(CHECKS) | KILLED


@needs_fork
def test_the_order_survives(tmp_path):
    """Killed in its middle, it goes on when it is run again, and is found done when it is run once more."""
    order = ROOT / "examples" / "order.py"
    ended = [run_program(order, folder=tmp_path, timeout=SECONDS) for _ in range(3)]
    assert [one.returncode for one in ended] == [-signal.SIGKILL, 0, 0]
    said = ["reserve book\ncharge for book #17\n", "charge for book #17\n9.5\n", "9.5\n"]
    assert [one.stdout for one in ended] == said
    assert not any(one.stderr for one in ended)


@pytest.mark.timeout(SECONDS + 20)
@pytest.mark.parametrize("example", [path for path in EXAMPLES if path.name in CHECKS], ids=lambda path: path.name)
def test_example_runs(example, tmp_path):
    """It ends well, says what it should, and nothing on stderr."""
    ended = run_program(example, folder=tmp_path, timeout=SECONDS)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr
    CHECKS[example.name](ended.stdout)
    assert not ended.stderr
