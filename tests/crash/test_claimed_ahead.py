"""Workers are killed that have claimed more than they had begun: only what had begun is held against a run."""

import signal
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from programs import PATIENCE, Program, run, wait_until
from systems import needs_fork

from woflo.stores.operations import SUSPECT, UNCERTAIN

PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from woflo import Worker, task, use_store, workflow
from woflo.durable import serving
use_store("sqlite:///w.db")
serving.SHORT = 60.0  # so that a batch is followed by a larger one on a slow machine too

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def die_once(name):
    path = Path(f"died {name}")
    if not path.exists():
        path.touch()
        die()

@task(runner="queue", on_crash="ask")
def quick(number: int) -> int:
    return number

@task(runner="queue", on_crash="ask")
def held() -> str:
    Path("begun").touch()
    while not os.path.exists("go"):
        time.sleep(0.005)  # it is under way until the test has made the file, which is asked for again and again
    return "held"

@task(runner="queue")
def innocent(number: int) -> int:
    return number

@task(runner="queue")
def deadly() -> None:
    die()

@task(runner="queue")
async def deadly_on_loop() -> None:
    die()

@workflow
def deadly_flow() -> None:
    die()

@workflow
async def deadly_async_flow() -> None:
    die()

@task
def step(name: str, *, dies: bool = False) -> str:
    if dies:
        die_once(name)
    return name

@workflow
def hurdles(count: int) -> int:
    for number in range(count):
        step(f"step {number}", dies=True).get_result()
    return count

@workflow
def stuck() -> None:
    step("before").get_result()
    die()

ALL = [quick, held, innocent, deadly, deadly_on_loop, deadly_flow, deadly_async_flow, hurdles, stuck]
"""
WORK = """
worker = Worker(ALL, concurrency={concurrency})
signal.signal(signal.SIGTERM, lambda *_: worker.stop())
worker.run()
"""

pytestmark = [needs_fork, pytest.mark.unmeasured]


def worker(folder, concurrency=1):
    return Program(folder, PROGRAM + WORK.format(concurrency=concurrency))


def call(folder, code):
    status, output = run(folder, f"{PROGRAM}\n{code}")
    assert status == 0, output


def rows(folder, sql):
    with closing(sqlite3.connect(folder / "w.db", timeout=PATIENCE)) as connection:
        return connection.execute(sql).fetchall()


def count(folder, which):
    return rows(folder, f"SELECT count(*) FROM runs WHERE {which}")[0][0]


def wait_for(folder, sql, expected):
    wait_until(lambda: rows(folder, sql) == expected, f"{sql}: {expected}", timeout=PATIENCE)


@pytest.fixture
def holder(tmp_path):
    """A worker that executes `held`, and has claimed calls behind it, which it cannot begin."""
    call(tmp_path, "for n in range(40): quick(n)\nheld()\nfor n in range(40): quick(n)")
    with worker(tmp_path) as one:
        wait_until((tmp_path / "begun").exists, timeout=PATIENCE)
        wait_until(lambda: count(tmp_path, "state = 'SUCCEEDED'") == 40, timeout=PATIENCE)
        assert count(tmp_path, "worker IS NOT NULL") > 1
        yield one


def test_only_what_had_begun_counts(tmp_path, holder):
    """A call behind the one under way is not asked about, though its task is careful; the one under way is."""
    holder.kill()
    with worker(tmp_path) as two:
        wait_for(tmp_path, "SELECT task FROM runs WHERE state != 'SUCCEEDED'", [("held",)])
        wait_for(tmp_path, "SELECT task, state, deaths FROM runs WHERE deaths > 0", [("held", "WAITING", 1)])
        ((reason, fence),) = rows(tmp_path, "SELECT reason, max(fence) FROM runs WHERE task = 'held'")
        assert reason.startswith(UNCERTAIN) and fence == 2
        assert count(tmp_path, "task = 'quick' AND fence = 2") > 0
        two.process.send_signal(signal.SIGTERM)
        assert two.wait() == 0


def test_without_its_word_all_claims_count(tmp_path, holder):
    """Whoever cannot read what it had begun takes all for begun: a careful call is rather asked about than repeated."""
    ((worker_id,),) = rows(tmp_path, "SELECT id FROM workers")
    (word,) = Path(tempfile.gettempdir()).glob(f"woflo-*/workers/{worker_id}.begun")
    word.write_bytes(bytes(100))
    claimed = count(tmp_path, "worker IS NOT NULL")
    holder.kill()
    with worker(tmp_path):
        wait_until(lambda: count(tmp_path, "deaths = 1 AND state = 'WAITING'") == claimed, timeout=PATIENCE)


@pytest.mark.parametrize("name", ["deadly", "deadly_on_loop", "deadly_flow", "deadly_async_flow"])
def test_what_kills_at_once_is_suspect_and_its_neighbours_are_not(tmp_path, name):
    """Three workers die by the first thing that it does; what was claimed with it goes on."""
    call(tmp_path, f"{name}.with_options(runner='queue')()\nfor number in range(15): innocent(number)")
    for death in range(3):
        with worker(tmp_path, concurrency=16) as one:
            assert one.wait() == -signal.SIGKILL
        assert rows(tmp_path, "SELECT fence FROM runs WHERE task LIKE 'deadly%'") == [(death + 1,)]
    with worker(tmp_path, concurrency=16) as last:
        wait_for(tmp_path, "SELECT task, reason, fence FROM runs WHERE state != 'SUCCEEDED'", [(name, SUSPECT, 3)])
        assert count(tmp_path, "task = 'innocent' AND deaths = 0") > 0
        last.process.send_signal(signal.SIGTERM)
        assert last.wait() == 0


def test_a_workflow_that_comes_further_is_no_suspect(tmp_path):
    """Each of its five steps ends a worker once, and it ends all the same."""
    call(tmp_path, "hurdles.with_options(runner='queue')(5)")
    for _ in range(5):
        with worker(tmp_path) as one:
            assert one.wait() == -signal.SIGKILL
    with worker(tmp_path):
        wait_for(tmp_path, "SELECT state, fence FROM runs WHERE task = 'hurdles'", [("SUCCEEDED", 6)])


def test_a_workflow_that_comes_no_further_is_suspect(tmp_path):
    """The third worker that dies by the same place is the last, whatever it had recorded before."""
    call(tmp_path, "stuck.with_options(runner='queue')()")
    for _ in range(3):
        with worker(tmp_path) as one:
            assert one.wait() == -signal.SIGKILL
    with worker(tmp_path):
        wait_for(tmp_path, "SELECT reason, deaths, fence FROM runs WHERE task = 'stuck'", [(SUSPECT, 3, 3)])
