"""Queues between real processes on one SQLite file: who calls, who executes, and what happens when one of them dies."""

import os
import signal
import sqlite3
import tempfile
import time

from programs import PATIENCE, Program, lines, run, wait_until
from systems import needs_fork

pytestmark = needs_fork

TASKS = """
import os, signal, sys, threading, time
from pathlib import Path
from woflo import Worker, current_run, sleep, task, use_store, workflow
from woflo.errors import Abandon, Decline, NothingDone, Retry
use_store("sqlite:///w.db")

def say(text):
    with open("said", "a") as file:
        file.write(f"{text}\\n")

@task(runner="multiprocess")
def apart() -> int:
    return os.getpid()

@task(runner="queue")
def double(x: int) -> int:
    return 2 * x

@task(runner="queue")
def named(name: str) -> str:
    say(name)
    return name

@task(runner="queue", retries=2, retry_sleep_time=0.01)
def third_time() -> int:
    say(f"attempt {current_run().attempt} in {os.getpid()}")
    if current_run().attempt < 3:
        raise ValueError("not yet")
    return os.getpid()

@task(runner="queue")
def deadly() -> int:
    say("deadly")
    if not os.path.exists("harmless"):
        os.kill(os.getpid(), signal.SIGKILL)
    return 1

@task(runner="queue")
def slow(name: str) -> str:
    say(f"begin {name}")
    while not os.path.exists("go"):
        time.sleep(0.005)  # it is under way until the test has made the file, which is asked for again and again
    say(f"end {name}")
    return name

@task(runner="queue", timeout=0.2)
def too_slow() -> int:
    time.sleep(60)  # not for anything: it is under way until its time is over

@task(runner="queue")
def picky(what: str) -> str:
    say(what)
    if what == "decline" and not os.path.exists("accept"):
        Path("accept").touch()
        raise Decline("not here")
    if what == "retry" and current_run().attempt < 3:
        raise Retry("once more", delay=0.01)
    if what == "abandon":
        raise Abandon("give up")
    if what == "nothing":
        raise NothingDone()
    return what

@task(runner="queue")
def where() -> int:
    return os.getpid()

@task(runner="queue")
async def on_loop(x: int) -> int:
    return x + 1

@workflow
def flow(x: int) -> int:
    return double(double(x).ref).get_result() + on_loop(1).get_result()

@task(runner="queue")
def unknown() -> int:
    return 1

ALL = [apart, double, named, third_time, deadly, slow, too_slow, picky, where, on_loop, flow]
"""

WORKER = """
worker = Worker(ALL, **OPTIONS)
signal.signal(signal.SIGTERM, lambda *_: worker.stop())
print("ready", flush=True)
worker.run()
print("drained", flush=True)
"""


def worker(folder, options="", body=WORKER):
    return Program(folder, TASKS + body.replace("**OPTIONS", options))


def call(folder, code, **options):
    """What a program that calls prints."""
    (folder / "tasks_of_test.py").write_text(TASKS)
    status, output = run(folder, f"from tasks_of_test import *\n{code}", **options)
    assert status == 0, output
    return output.split()


def stop(program):
    program.process.send_signal(signal.SIGTERM)
    assert program.wait() == 0
    assert "drained" in program.read()


def rows(folder, query):
    with sqlite3.connect(folder / "w.db", timeout=10) as connection:
        return connection.execute(query).fetchall()


def test_calls_come_back_from_a_worker_in_another_process(tmp_path):
    """Plain ones, coroutines, dependencies, in workflows; awaited and waited for."""
    with worker(tmp_path) as one:
        one.wait_for("ready")
        told = call(
            tmp_path,
            """
            import asyncio
            print(double(2).get_result(30), double(double(3).ref).get_result(30), flow(5).get_result(30))
            async def main():
                return await double(4), await asyncio.gather(double(5), on_loop(6))
            print(asyncio.run(asyncio.wait_for(main(), 30)))
            print(where().get_result(30) != os.getpid())
            """.replace("            ", ""),
        )
        assert " ".join(told) == "4 12 22 (8, [10, 7]) True"
        stop(one)


def test_priority_delay_and_age(tmp_path):
    """Higher ones first, else in the order of the calls; none before its time."""
    before = time.time()
    call(
        tmp_path,
        "named.with_options(delay=2)('later')\nnamed('old')\nnamed('young')\nnamed.with_options(priority=5)('urgent')",
    )
    with worker(tmp_path, "concurrency=1") as one:
        wait_until(lambda: len(lines(tmp_path / "said")) == 4, timeout=PATIENCE)
        # On a busy machine the time of the one that was called first may come before the worker does.
        assert [name for name in lines(tmp_path / "said") if name != "later"] == ["urgent", "old", "young"]
        wait_until(lambda: rows(tmp_path, "SELECT 1 FROM runs WHERE state != 'SUCCEEDED'") == [], timeout=PATIENCE)
        assert min(rows(tmp_path, "SELECT started_at FROM runs WHERE args LIKE '%later%'")) >= (before + 2.0,)
        stop(one)


def test_retries_are_counted_across_workers(tmp_path):
    """After its pause an attempt may be made by any of them."""
    with worker(tmp_path) as one, worker(tmp_path) as two:
        one.wait_for("ready")
        two.wait_for("ready")
        call(tmp_path, "assert third_time().get_result(30)")
        assert [line.split()[1] for line in lines(tmp_path / "said")] == ["1", "2", "3"]
        stop(one)
        stop(two)


def test_a_task_says_what_is_to_become_of_its_call(tmp_path):
    """Back to the queue, once more, given up, or never happened."""
    with worker(tmp_path) as one:
        one.wait_for("ready")
        told = call(
            tmp_path,
            "print(picky('decline').get_result(30), picky('retry').get_result(30), picky('nothing').get_result(30))\n"
            "print(type(picky('abandon').exception(30)).__name__)",
        )
        assert told == ["decline", "retry", "None", "Abandon"]
        said = lines(tmp_path / "said")
        assert [said.count(what) for what in ("decline", "retry", "nothing", "abandon")] == [2, 3, 1, 1]
        assert rows(tmp_path, "SELECT count(*) FROM runs WHERE args LIKE '%nothing%'") == [(0,)]
        stop(one)


def test_what_a_worker_does_not_know_stays_queued(tmp_path):
    """For one that knows it; others are not touched."""
    with worker(tmp_path) as one:
        one.wait_for("ready")
        call(tmp_path, "unknown()\nprint(double(1).get_result(30))")
        assert rows(tmp_path, "SELECT state FROM runs WHERE task = 'unknown'") == [("PENDING",)]
        stop(one)


def test_what_is_held_when_a_worker_stops_is_finished(tmp_path):
    """Nothing further is begun; what waits stays for others."""
    with worker(tmp_path, "concurrency=2") as one:
        one.wait_for("ready")
        call(tmp_path, "for name in 'abc': slow(name)")
        wait_until(lambda: len(lines(tmp_path / "said")) >= 2, timeout=PATIENCE)
        one.process.send_signal(signal.SIGTERM)
        (tmp_path / "go").touch()
        assert one.wait() == 0
    said = lines(tmp_path / "said")
    states = dict(rows(tmp_path, "SELECT args, state FROM runs WHERE task = 'slow'"))
    for name in "abc":
        ended = said.count(f"end {name}")
        assert said.count(f"begin {name}") == ended
        assert states[f'{{"name":"{name}"}}'] == ("SUCCEEDED" if ended else "PENDING")


def test_no_more_than_concurrency_at_once(tmp_path):
    with worker(tmp_path, "concurrency=3") as one:
        one.wait_for("ready")
        call(tmp_path, "for number in range(12): slow(str(number))")
        wait_until(lambda: len(lines(tmp_path / "said")) >= 3, timeout=PATIENCE)
        one.watch(0.3)
        assert len(lines(tmp_path / "said")) == 3
        (tmp_path / "go").touch()
        wait_until(lambda: len(lines(tmp_path / "said")) == 24, timeout=PATIENCE)
        under_way = most = 0
        for line in lines(tmp_path / "said"):
            under_way += 1 if line.startswith("begin") else -1
            most = max(most, under_way)
        assert most == 3
        stop(one)


def test_isolated_by_a_runner(tmp_path):
    """Each call in a process of its own; a death costs its call alone."""
    with worker(tmp_path, 'runner="multiprocess"') as one:
        one.wait_for("ready")
        told = call(
            tmp_path,
            "print(where().get_result(30) != where().get_result(30), type(deadly().exception(30)).__name__)\n"
            "print(double(4).get_result(30))",
        )
        assert told == ["True", "TaskCrashedError", "8"]
        stop(one)


def test_a_task_that_names_a_runner_is_executed_by_that_one(tmp_path):
    """It is a plain task, and this call of it waits for a worker."""
    with worker(tmp_path) as one:
        one.wait_for("ready")
        told = call(tmp_path, "print(apart.with_options(runner='queue')().get_result(30), where().get_result(30))")
        assert told[0] != told[1] == str(one.process.pid)
        stop(one)


def test_a_timeout_is_kept(tmp_path):
    with worker(tmp_path) as one:
        one.wait_for("ready")
        assert call(tmp_path, "print(type(too_slow().exception(30)).__name__)") == ["TaskTimeoutError"]
        one.process.kill()


def test_a_killed_worker_is_replaced_within_a_second(tmp_path):
    """Its calls are executed by another one on the same host, and each is recorded once."""
    with worker(tmp_path) as one:
        one.wait_for("ready")
        call(tmp_path, "for name in 'abc': slow(name)")
        wait_until(lambda: len(lines(tmp_path / "said")) == 3, timeout=PATIENCE)
        with worker(tmp_path) as two:
            two.wait_for("ready")
            one.kill()
            began = time.monotonic()
            wait_until(lambda: len(lines(tmp_path / "said")) == 6, timeout=PATIENCE)
            assert time.monotonic() - began < 3
            (tmp_path / "go").touch()
            wait_until(lambda: rows(tmp_path, "SELECT DISTINCT state FROM runs") == [("SUCCEEDED",)], timeout=PATIENCE)
            assert rows(tmp_path, "SELECT DISTINCT deaths, attempt FROM runs") == [(1, 1)]
            stop(two)


def test_a_call_that_kills_its_workers_is_suspect(tmp_path):
    """After three of them it waits for a decision, which whoever waits for it is told; then it may go on."""
    call(tmp_path, "deadly()")
    for _ in range(3):
        with worker(tmp_path) as one:
            assert one.wait() == -signal.SIGKILL
    with worker(tmp_path) as last:
        last.wait_for("ready")
        wait_until(lambda: rows(tmp_path, "SELECT state FROM runs") == [("WAITING",)], timeout=PATIENCE)
        ((run_id,),) = rows(tmp_path, "SELECT id FROM runs")
        assert call(tmp_path, f"from woflo import resume\nPath('harmless').touch()\nresume({run_id!r})") == []
        wait_until(lambda: rows(tmp_path, "SELECT state FROM runs") == [("SUCCEEDED",)], timeout=PATIENCE)
        assert len(lines(tmp_path / "said")) == 4
        stop(last)


LEASE = "import woflo.durable.membership as membership\nmembership.LEASE = 0.6\n"


def test_a_worker_that_slept_beyond_its_lease_writes_nothing(tmp_path):
    """Another one has taken over meanwhile: what the first writes is refused, and nothing is kept twice."""
    with worker(tmp_path, body=LEASE + WORKER) as one:
        one.wait_for("ready")
        call(tmp_path, "slow('a')")
        wait_until(lambda: len(lines(tmp_path / "said")) == 1, timeout=PATIENCE)
        os.kill(one.process.pid, signal.SIGSTOP)
        with worker(tmp_path, body=LEASE + WORKER) as two:
            two.wait_for("ready")
            wait_until(lambda: len(lines(tmp_path / "said")) == 2, timeout=PATIENCE)
            ((second,),) = rows(tmp_path, "SELECT worker FROM runs")
            (tmp_path / "go").touch()
            os.kill(one.process.pid, signal.SIGCONT)
            wait_until(lambda: rows(tmp_path, "SELECT state, fence FROM runs") == [("SUCCEEDED", 2)], timeout=PATIENCE)
            wait_until(lambda: lines(tmp_path / "said").count("end a") == 2, timeout=PATIENCE)
            assert str(two.process.pid) in second
            assert call(tmp_path, "print(double(1).get_result(30))") == ["2"]
            stop(one)
            stop(two)


def test_nothing_is_left_on_disk_or_in_the_tables(tmp_path):
    """No worker is listed, no lock file lies about, when it went in order."""
    with worker(tmp_path) as one:
        one.wait_for("ready")
        wait_until(lambda: (tmp_path / "w.db").exists() and rows(tmp_path, "SELECT id FROM workers"), timeout=PATIENCE)
        ((name,),) = rows(tmp_path, "SELECT id FROM workers")
        stop(one)
    assert rows(tmp_path, "SELECT id FROM workers") == []
    folder = os.path.join(tempfile.gettempdir(), f"woflo-{os.getuid()}", "workers")
    assert name.replace("/", "_") not in os.listdir(folder)


INTERRUPTED = """
worker = Worker(ALL, **OPTIONS)
print("ready", flush=True)
try:
    worker.run()
except KeyboardInterrupt:
    print("interrupted", flush=True)
while not os.path.exists("end"):
    time.sleep(0.005)  # the program goes on until the test has looked
"""


def test_a_worker_ended_by_ctrl_c_leaves_the_store(tmp_path):
    """What it held is given back, and it is none of the workers any more, also where its program goes on."""
    with worker(tmp_path, body=INTERRUPTED) as one:
        one.wait_for("ready")
        call(tmp_path, "slow('a')")
        wait_until(lambda: "begin a" in lines(tmp_path / "said"))
        one.process.send_signal(signal.SIGINT)
        one.wait_for("interrupted")
        assert rows(tmp_path, "SELECT state, worker FROM runs") == [("PENDING", None)]
        assert rows(tmp_path, "SELECT id FROM workers") == []
        (tmp_path / "go").touch()
        (tmp_path / "end").touch()
        assert one.wait() == 0
