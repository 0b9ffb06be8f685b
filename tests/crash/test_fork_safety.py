"""Forks in a process whose other threads hold locks, and children that a user forks."""

import sys

import pytest
from programs import run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")

NOISY = """
import logging, os, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import woflo
from woflo import subscribe, task
from woflo.kernel import bus, runtime
from woflo.runners import MultiprocessTaskRun, PoolTaskRun, ThreadTaskRun

logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(threadName)s %(message)s")
file_handler = logging.FileHandler("log", encoding="utf-8")
logging.getLogger().addHandler(file_handler)
over = threading.Event()

def log():
    while not over.is_set():
        logging.getLogger(f"noise.{{time.monotonic_ns() % 7}}").info("noise")

def write():
    while not over.is_set():
        print("noise", end=" ")
        print("noise", file=sys.stderr, flush=True)
        sys.stdout.flush()

def hold_locks():
    here = runtime.current
    while not over.is_set():
        for lock in (here.lock, here.limits._lock):
            with lock:
                time.sleep(0.0001)
        here.limits._do_inbox()  # what came while the lock was held, as whoever holds it does

@task(runner=ThreadTaskRun)
def inner(n):
    return n + 1

@task(runner=MultiprocessTaskRun.configured(max_concurrency=4))
def noisy(n):
    logging.info("from a child")
    print("from a child")
    print("from a child", file=sys.stderr)
    return inner(n).get_result() if n % 10 == 0 else n + 1

threads = [threading.Thread(target=one, daemon=True) for one in (log, log, write, hold_locks)]
for thread in threads:
    thread.start()
"""
MANY = """
COUNT = {count}
with subscribe(lambda event: None):
    runs = [noisy(n) for n in range(COUNT)]
    assert [run.get_result(60 + COUNT / 20) for run in runs] == list(range(1, COUNT + 1))
over.set()
for thread in threads:
    thread.join()
open("done", "w").close()
"""


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_threads_that_log_and_print(tmp_path, count):
    """No child stands still, whatever locks of streams, of logging and of woflo were held when it was forked."""
    code, output = run(tmp_path, (NOISY + MANY).format(count=count), timeout=60 if count < 1_000 else 800)
    assert code == 0, output[-3_000:]
    assert (tmp_path / "done").exists()
    assert output.count("from a child") == 3 * count
    assert (tmp_path / "log").read_text().count("from a child") == count


def test_a_running_event_loop(tmp_path):
    """Calls made and awaited in a coroutine fork beside a busy loop; async tasks have loops of their own there."""
    text = """
import asyncio
from woflo import gather, task

@task
async def asynchronous(n):
    await asyncio.sleep(0.001)
    return n + 1

@task
def plain(n):
    return asyncio.run(once(n))

async def once(n):
    await asyncio.sleep(0)
    return n + 1

async def spin():
    while True:
        await asyncio.sleep(0)

async def main():
    busy = asyncio.create_task(spin())
    for _ in range(5):
        runs = [one(n) for n in range(10) for one in (asynchronous, plain)]
        assert await gather(*runs) == [n + 1 for n in range(10) for _ in range(2)]
        async for run in woflo.as_completed([plain(1), asynchronous(1)]):
            assert await run == 2
    busy.cancel()

import woflo
asyncio.run(main())
print("done")
"""
    assert run(tmp_path, text) == (0, "done\n")


FORKED = """
import os, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from woflo import gather, task, wait
from woflo.errors import InheritedHandleError
from woflo.runners import MultiprocessTaskRun, PoolTaskRun, ThreadTaskRun

@task(runner={runner})
def work(n, seconds=0.0):
    time.sleep(seconds)
    return n + 1

def say(text):
    os.write(1, (text + "\\n").encode())

ended = work(1)
assert ended.get_result() == 2
under_way = work(2, 1.0)
"""
RUNNERS = ["MultiprocessTaskRun", "PoolTaskRun", "ThreadTaskRun"]


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("way", ["os._exit(0)", "sys.exit(0)", "pass"])
def test_a_child_forked_by_the_user(tmp_path, runner, way):
    """It makes runs of its own; inherited handles say why they cannot be waited for; it leaves; the caller goes on."""
    text = """
pid = os.fork()
if pid == 0:
    assert ended.get_result() == 2
    uses = [under_way.get_result, under_way.wait, under_way.stop]
    for use in (*uses, lambda: wait([under_way]), lambda: work(under_way)):
        try:
            use()
        except InheritedHandleError:
            pass
        else:
            say(f"{use} was possible")
    assert [run.get_result(20) for run in [work(n) for n in range(20)]] == list(range(1, 21))
    say("child")
    WAY
else:
    waited, status = os.waitpid(pid, 0)
    say(f"left with {status}")
    assert under_way.get_result(20) == 3
    assert [run.get_result(20) for run in [work(n) for n in range(20)]] == list(range(1, 21))
    say("parent")
"""
    code, output = run(tmp_path, FORKED.format(runner=runner) + text.replace("WAY", way))
    assert (code, output) == (0, "child\nleft with 0\nparent\n")


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_caller_of_a_forked_child_goes_on(tmp_path, runner):
    """Children that leave at once, by any way, beside calls under way, disturb none of them."""
    text = """
runs = [work(n, 0.01) for n in range(100)]
for number in range(20):
    pid = os.fork()
    if pid == 0:
        if number % 2:
            os._exit(0)
        sys.exit(0)
    assert os.waitpid(pid, 0)[1] == 0
assert [run.get_result(20) for run in runs] == list(range(1, 101))
under_way.get_result(20)
say("done")
"""
    assert run(tmp_path, FORKED.format(runner=runner) + text) == (0, "done\n")


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_fork_inside_a_task(tmp_path, runner):
    """A child that a task forks, and waits for, does no harm to the task."""
    text = """
@task(runner=RUNNER)
def forks(n):
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) + n

assert [run.get_result(20) for run in [forks(n) for n in range(20)]] == list(range(7, 27))
assert under_way.get_result(20) == 3
say("done")
""".replace("RUNNER", runner)
    assert run(tmp_path, FORKED.format(runner=runner) + text) == (0, "done\n")


def test_a_pool_of_multiprocessing(tmp_path):
    """The standard library's own pools work beside woflo, and inside its tasks."""
    text = """
import multiprocessing, os, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from woflo import task

def square(n):
    return n * n

@task
def total(count):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(square, range(count)))

with multiprocessing.get_context("fork").Pool(2) as pool:
    run = total(4)
    assert pool.map(square, range(4)) == [0, 1, 4, 9]
    assert run.get_result(20) == 14
    assert total(5).get_result(20) == 30
    assert pool.map(square, range(3)) == [0, 1, 4]
print("done")
"""
    assert run(tmp_path, text) == (0, "done\n")


FORKING = """
import os, warnings
from woflo import task

@task(runner={runner!r})
def forks():
    warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12, about forks beside threads
    os.fork()
    return os.getpid()

@task(runner="pool")
def add(a, b):
    return a + b

@task(runner="pool")
def outer(n):
    return sum(add.map(range(n), 1).results())

for _ in range(5):
    assert forks().get_result(30)
    assert [run.get_result(30) for run in outer.map([5] * 6)] == [15] * 6
"""


@pytest.mark.parametrize("runner", ["pool", "multiprocess"])
def test_the_code_of_a_task_forks_and_both_return(tmp_path, runner):
    """The copy leaves without a word: it is neither a second worker nor another outcome."""
    assert run(tmp_path, FORKING.format(runner=runner)) == (0, "")
