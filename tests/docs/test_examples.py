"""Every example runs as a script."""

import gzip
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from xml.etree import ElementTree

import pytest
from docs_helpers import ROOT, environment, run_program
from run_page import blocks_of
from systems import needs_fork

from woflo.testing import crash_everywhere

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
KILLED = {"killed.py", "order.py"}
"""Those that do not end well the first time."""
IMPORTED = {"sflow.py"}
"""Those that another program imports: `test_seed_scriptflow.py`."""


def test_every_example_is_checked():
    """No example is without a check, and none that is checked is gone."""
    assert {path.name for path in EXAMPLES} == set(CHECKS) | KILLED | IMPORTED


@needs_fork
def test_the_killed_one_goes_on(tmp_path):
    """Killed in its middle, it goes on when it is run again, and is found done when it is run once more."""
    ended = [run_program(ROOT / "examples" / "killed.py", folder=tmp_path, timeout=SECONDS) for _ in range(3)]
    assert [one.returncode for one in ended] == [-signal.SIGKILL, 0, 0]
    said = ["reserve book\ncharge for book #17\n", "charge for book #17\n9.5\n", "9.5\n"]
    assert [one.stdout for one in ended] == said
    assert not any(one.stderr for one in ended)


@needs_fork
def test_the_order_survives(tmp_path):
    """It waits for a person, is killed while it is paid, goes on, and is found done; it is paid once."""
    order = ROOT / "examples" / "order.py"
    with started(order, folder=tmp_path) as first:
        assert first.stdout.readline() == "reserve book\n"
        *_, approval = first.stdout.readline().split()
        assert run_program(order, "approve", approval, folder=tmp_path, timeout=SECONDS).returncode == 0
        assert first.stdout.read() == "charge for book #17\n"
        assert first.wait(SECONDS) == -signal.SIGKILL
    ended = [run_program(order, folder=tmp_path, timeout=SECONDS) for _ in range(2)]
    assert [one.returncode for one in ended] == [0, 0], ended
    assert [one.stdout for one in ended] == ["charge for book #17\n9.5\n", "9.5\n"]
    assert not any(one.stderr for one in ended)
    with closing(sqlite3.connect(tmp_path / ".woflo" / "woflo.db")) as connection:
        assert connection.execute("SELECT * FROM ledger").fetchall() == [("book #17", 9.5)]


@needs_fork
def test_the_order_survives_a_crash_at_any_write():
    """As its author would test it: the module is imported, and `charge` has its one kill behind it."""
    import order

    def paid(store):
        with store.transaction() as transaction:
            return transaction.connection.execute("SELECT * FROM ledger").fetchall()

    order.Path = lambda _: ROOT  # which exists: nobody is killed
    report = crash_everywhere(order.order, "book", answers={order.approve: True}, effects=paid).check()
    assert report.ended.value == 9.5
    assert report.effects == [("book #17", 9.5)]


@contextmanager
def started(*arguments, folder):
    """A program that goes on; it is ended with the block."""
    program = subprocess.Popen(
        [sys.executable, *map(str, arguments)], cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        yield program
    finally:
        program.kill()
        program.wait()
        program.stdout.close()


LINES_OF_PIPETEER = {"definition": 9, "worker": 10, "input": 8, "output": 12}
"""How many lines its README takes for the same, blank ones apart."""


@needs_fork
def test_quad_in_four_files(tmp_path):
    """Input before there is a worker, a worker, output: each in a process of its own."""
    quad = ROOT / "examples" / "quad"
    assert run_program(quad / "input.py", folder=tmp_path, timeout=SECONDS).returncode == 0
    with started(quad / "worker.py", folder=tmp_path):
        ended = run_program(quad / "output.py", folder=tmp_path, timeout=SECONDS)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "Output: task -> 4\n", "")
    again = run_program(quad / "output.py", folder=tmp_path, timeout=SECONDS)
    assert again.stdout == "Output: task -> 4\n"


@pytest.mark.parametrize("part", sorted(LINES_OF_PIPETEER))
def test_quad_is_no_longer_than_elsewhere(part):
    """Each of its files."""
    text = (ROOT / "examples" / "quad" / f"{part}.py").read_text()
    assert len([line for line in text.splitlines() if line.strip()]) <= LINES_OF_PIPETEER[part]


@pytest.mark.timeout(SECONDS + 20)
@pytest.mark.parametrize("example", [path for path in EXAMPLES if path.name in CHECKS], ids=lambda path: path.name)
def test_example_runs(example, tmp_path):
    """It ends well, says what it should, and nothing on stderr."""
    ended = run_program(example, folder=tmp_path, timeout=SECONDS)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr
    CHECKS[example.name](ended.stdout)
    assert not ended.stderr


# ---- those that are folders -----------------------------------------------------------------------------


def copied(name, folder):
    """An example that is a folder, at a place where it may write."""
    return shutil.copytree(ROOT / "examples" / name, folder / name, ignore=shutil.ignore_patterns("out", ".woflo"))


READING_ALL = {"clean", "count", "compare", "report"}


def read(folder):
    """What reading.py has executed: the steps, and what they were about."""
    ended = run_program("reading.py", folder=folder, timeout=SECONDS)
    assert (ended.returncode, ended.stderr) == (0, "")
    told = [line.split() for line in ended.stdout.splitlines()]
    assert len(told) == 10
    assert {step for step, _, _ in told} == READING_ALL
    assert {state for _, _, state in told} <= {"SUCCEEDED", "SKIPPED"}
    return [(step, what) for step, what, state in told if state == "SUCCEEDED"]


@needs_fork
def test_reading(tmp_path):
    """It makes a report with a chart; then nothing; then only what stands on the text that was changed."""
    folder = copied("reading", tmp_path)
    assert len(read(folder)) == 10
    report = (folder / "out" / "report.md").read_text("utf-8")
    assert "| president | amendments |" in report
    chart = ElementTree.parse(folder / "out" / "report.svg").getroot()
    assert "president" in [text.text for text in chart.iter("{http://www.w3.org/2000/svg}text")]
    assert read(folder) == []
    with (folder / "texts" / "declaration.txt").open("a") as text:
        text.write("\nAnd a president shall have what a president needs.\n")
    assert read(folder) == [
        ("clean", "declaration"),
        ("count", "declaration"),
        ("compare", "declaration-constitution"),
        ("compare", "declaration-amendments"),
        ("report", "out/report.md"),
    ]


def test_what_is_shipped_is_small_and_told():
    """Each text stands in the README with its source; all of them together are below 2 MB."""
    folder = ROOT / "examples" / "reading"
    readme = (folder / "README.md").read_text("utf-8")
    texts = list((folder / "texts").iterdir())
    assert len(texts) == 3
    assert all(f"texts/{path.name}" in readme for path in texts)
    assert sum(path.stat().st_size for path in texts) < 2_000_000
    assert "Source:" in readme
    assert "public domain" in readme


def built(folder):
    """How many commands of 201 build.py has executed, each time."""
    ended = run_program("build.py", folder=folder, timeout=SECONDS)
    assert (ended.returncode, ended.stderr) == (0, "")
    told = re.findall(r"^(first|once more|one file changed) +(\d+) commands of 201 +\d+\.\d\d s$", ended.stdout, re.M)
    assert [title for title, _ in told] == ["first", "once more", "one file changed"]
    return [int(number) for _, number in told]


@needs_fork
@pytest.mark.unmeasured
def test_build(tmp_path):
    """All of it, nothing, and two things; on the next day nothing is left to do but what is changed again."""
    folder = copied("build", tmp_path)
    assert built(folder) == [201, 0, 2]
    assert built(folder) == [0, 0, 2]
    if shutil.which("cc"):
        ended = subprocess.run(
            [folder / "out" / "program"], capture_output=True, text=True, check=True, timeout=SECONDS
        )
        assert ended.stdout == f"{sum(range(200))}\n"


@needs_fork
@pytest.mark.unmeasured
def test_build_without_a_compiler(tmp_path, monkeypatch):
    """What is on every machine stands in for it."""
    folder = copied("build", tmp_path)
    (tmp_path / "bin").mkdir()
    for name in ("cat", "gzip", "sh"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert built(folder) == [201, 0, 2]
    parts = gzip.decompress((folder / "out" / "program").read_bytes()).decode()
    assert parts.count("int part_199(void) { return 199; }\n") == 1


@needs_fork
def test_the_job_goes_on(tmp_path):
    """As its README says: it fails at a missing price; with the price, -r executes only what had not succeeded."""
    folder = copied("job", tmp_path)
    (session,) = [one.text for one in blocks_of((folder / "README.md").read_text("utf-8")) if one.info == "console"]
    first, change, again = re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", session, re.MULTILINE)
    ended = run_program("main.py", folder=folder, timeout=SECONDS)
    assert (ended.returncode, ended.stdout + ended.stderr) == (1, first[1])
    assert (folder / "orders.csv.gz").exists()
    assert change == ("echo lamp,40 >> prices.csv", "")
    with (folder / "prices.csv").open("a") as prices:
        prices.write("lamp,40\n")
    ended = run_program("main.py", "-r", folder=folder, timeout=SECONDS)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, again[1])
    assert (first[0], again[0]) == ("python main.py", "python main.py -r")
    assert (folder / "invoices.md").read_text() == "- Ada: 27.25 EUR\n- Grace: 40.00 EUR\n- Edsger: 7.50 EUR\n"


def test_every_folder_is_checked():
    """No example that is a folder is without a check."""
    folders = {path.name for path in (ROOT / "examples").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders - {".woflo"} == {"build", "job", "quad", "reading"}
