"""Many calls at once: limits, memory, and a pool whose calls do not stand in each other's way."""

import os
import signal
import threading
import time

import pytest
from programs import kill, lines, run

from woflo import RunState, current_run, task, wait
from woflo.errors import LaunchError, TaskCrashedError, TaskStoppedError, WofloError
from woflo.kernel import runtime
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.testing import wait_until

PATIENCE = 30.0

COUNTED = """
import os, sys, threading, time
from pathlib import Path
from woflo import task
from woflo.kernel import runtime
from woflo.runners import MultiprocessTaskRun

LIMIT, COUNT = 8, {count}

@task(runner=MultiprocessTaskRun.configured(max_concurrency=LIMIT))
def work(number):
    while number < 2 and not os.path.exists("two at once"):  # until both were seen
        time.sleep(0.001)  # asked again and again: a file is all that the processes share
    return number

def children():
    mine = []
    for name in os.listdir("/proc"):
        try:
            fields = Path(f"/proc/{{name}}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == str(os.getpid()) and fields[0] != "Z":
            mine.append(int(name))
    return len(mine)

most, done = 0, threading.Event()

def watch():
    global most
    while not done.is_set():
        most = max(most, children())
        if most > 1:
            Path("two at once").touch()

watcher = threading.Thread(target=watch)
watcher.start()
runs = [work(number) for number in range(COUNT)]
assert [run.get_result() for run in runs] == list(range(COUNT))
done.set()
watcher.join()
# The guardian is a child for a moment.
assert most <= LIMIT + 1, f"{{most}} children at once"
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
assert int(peak) < 200_000, f"{{peak}} KB"
print("all", COUNT)
"""


@pytest.mark.unmeasured
@pytest.mark.parametrize("count", [800, pytest.param(10_000, marks=pytest.mark.slow)])
def test_processes_within_the_limit(tmp_path, count):
    """All calls are taken in at once; never more processes than the limit; memory below 200 MB; right results."""
    code, output = run(tmp_path, COUNTED.format(count=count), timeout=110)
    assert (code, output) == (0, f"all {count}\n")


# -- pools ---------------------------------------------------------------------------------------------


@pytest.fixture
def pool():
    """Makes pools with settings; they end with the test."""
    made = []

    def configured(**settings):
        assert len(made) < 4, "each pool has processes of its own: make one, and use it"
        made.append(PoolTaskRun.configured(**settings))
        return made[-1]

    yield configured
    for one in made:
        for call in [call for call in runtime.current.live if type(call) is one]:
            call._ask_to_stop(0)
        one.shutdown(wait=False)


def double(number):
    return 2 * number


def pause(seconds):
    time.sleep(seconds)
    return seconds


def write(path, text):
    """One line, whole, whoever else writes."""
    with open(path, "a") as file:
        file.write(f"{text}\n")


def note(path, text):
    write(path, text)
    return text


def meet(folder, name, others):
    """Return when all are there."""
    (folder / name).touch()
    wait_until(lambda: all((folder / other).exists() for other in others), f"{others} beside {name}")
    return name


def hold(folder, name):
    (folder / name).touch()
    wait_until((folder / "open").exists, "the gate")
    return name


def test_twenty_thousand_handles(pool):
    """Each handle has its own result."""
    work = task(runner=pool())(double)
    runs = [work(number) for number in range(20_000)]
    assert [one.get_result(PATIENCE) for one in runs] == list(range(0, 40_000, 2))


@pytest.mark.parametrize("size", [1, 2, 4])
def test_as_many_workers_as_allowed(pool, tmp_path, size):
    """Calls that are made at once execute at once, from the first on, in as many workers as there may be."""
    names = [f"call {number}" for number in range(size)]
    work = task(runner=pool(max_concurrency=size))(meet)
    runs = [work(tmp_path, name, names) for name in names]
    assert [one.get_result(PATIENCE) for one in runs] == names


def test_no_more_workers_than_allowed(pool):
    """A pool never has more workers than its setting."""
    work = task(runner=pool(max_concurrency=3))(worker_of)
    pids = {one.get_result(PATIENCE) for one in [work(number % 5 / 1000) for number in range(300)]}
    assert len(pids) <= 3
    assert os.getpid() not in pids


def worker_of(seconds=0.0):
    time.sleep(seconds)
    return os.getpid()


def test_a_long_call_among_short_ones(pool, tmp_path):
    """The short calls end while the long one still executes, also those that were sent to its worker."""
    runner = pool(max_concurrency=2)
    short, long = task(runner=runner)(double), task(runner=runner)(hold)
    wait([short(number) for number in range(500)])
    before = [short(number) for number in range(400)]
    slow = long(tmp_path, "begun")
    after = [short(number) for number in range(2_000)]
    assert [one.get_result(PATIENCE) for one in before] == list(range(0, 800, 2))
    assert [one.get_result(PATIENCE) for one in after] == list(range(0, 4_000, 2))
    assert slow.is_running()
    (tmp_path / "open").touch()
    assert slow.get_result(PATIENCE) == "begun"


def test_a_call_that_was_stopped_before_it_began(pool, tmp_path):
    """It is never executed, though it had been sent to a worker; the others of its batch are, once."""
    runner = pool(max_concurrency=1)
    short, long, noted = (task(runner=runner)(fn) for fn in (double, hold, note))
    wait([short(number) for number in range(500)])
    slow = long(tmp_path, "begun")
    calls = [noted(tmp_path / "notes", str(number)) for number in range(100)]
    unwanted = calls[::7]
    for one in unwanted:
        assert one.stop(grace=PATIENCE) is True
        assert one.state is RunState.STOPPED
    (tmp_path / "open").touch()
    assert slow.get_result(PATIENCE) == "begun"
    assert wait(calls, PATIENCE).not_done == set()
    assert sorted(map(int, lines(tmp_path / "notes"))) == [n for n in range(100) if n % 7]


def die_with(path, text, victim):
    """Executes once for each call, and takes its worker with it where it is the victim."""
    write(path, text)
    if victim:
        os.kill(os.getpid(), signal.SIGKILL)
    return text


def test_the_death_of_a_worker(pool, tmp_path):
    """It fails the call under way alone; every other call is executed exactly once."""
    work = task(runner=pool(max_concurrency=2))(die_with)
    wait([work(tmp_path / "warm", "warm", False) for _ in range(200)])
    victims = {100, 101, 350, 700}
    runs = [work(tmp_path / "notes", str(number), number in victims) for number in range(1_000)]
    for number, one in enumerate(runs):
        if number in victims:
            assert type(one.exception(PATIENCE)) is TaskCrashedError
            assert one.exception().signal == "SIGKILL"
        else:
            assert one.get_result(PATIENCE) == str(number)
    assert sorted(map(int, lines(tmp_path / "notes"))) == list(range(1_000))


def note_and_pid(folder, text):
    write(folder / "notes", text)
    write(folder / "pids", os.getpid())
    return text


def test_workers_killed_from_outside(pool, tmp_path):
    """At any moment: each call is executed once, or crashed and was executed at most once. None is lost or doubled."""
    work = task(runner=pool(max_concurrency=2))(note_and_pid)
    runs = [work(tmp_path, str(number)) for number in range(4_000)]
    victims = set()
    while len(victims) < 5 and not all(one.state.is_terminal for one in runs[-50:]):
        for pid in {int(line) for line in lines(tmp_path / "pids")} - victims:
            victims.add(pid)
            kill(pid)
    done = [one.get_result(PATIENCE, raise_exceptions=False) for one in runs]
    crashed = {number for number, value in enumerate(done) if isinstance(value, TaskCrashedError)}
    assert all(value == str(number) for number, value in enumerate(done) if number not in crashed)
    assert victims
    assert len(crashed) <= len(victims)
    executed = [int(line) for line in lines(tmp_path / "notes")]
    assert len(executed) == len(set(executed)), "executed twice"
    assert set(range(4_000)) - set(executed) <= crashed


def die_once(folder):
    """The first worker is killed before its first call, as by the system for want of memory."""
    try:
        (folder / "died").touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_killed_before_its_first_call(pool, tmp_path):
    """Another one takes its place, and the calls know nothing of it."""
    work = task(runner=pool(max_concurrency=1, initializer=die_once, initargs=(tmp_path,)))(double)
    assert [one.get_result(PATIENCE) for one in [work(number) for number in range(20)]] == list(range(0, 40, 2))


def test_max_tasks_per_worker(pool):
    """A worker is replaced after so many calls, and no call is lost over that."""
    work = task(runner=pool(max_concurrency=2, max_tasks_per_worker=5))(worker_of)
    pids = [one.get_result(PATIENCE) for one in [work() for _ in range(60)]]
    assert max(pids.count(pid) for pid in set(pids)) <= 5
    assert len(set(pids)) >= 12


_prepared = None


def prepare(value):
    global _prepared
    _prepared = value


def see_prepared(_):
    return _prepared


def test_an_initializer(pool):
    """It is called once in each worker, before its first call."""
    work = task(runner=pool(max_concurrency=2, initializer=prepare, initargs=("ready",)))(see_prepared)
    assert {one.get_result(PATIENCE) for one in [work(number) for number in range(50)]} == {"ready"}
    assert _prepared is None


def refuse(path):
    write(path, "tried")
    raise ValueError("no such licence")


def test_an_initializer_that_fails(pool, tmp_path):
    """Every waiting call fails by name, with the reason; workers are not started again and again."""
    work = task(runner=pool(max_concurrency=2, initializer=refuse, initargs=(tmp_path / "tries",)))(double)
    for _ in range(2):
        runs = [work(number) for number in range(5)]
        for one in runs:
            error = one.exception(PATIENCE)
            assert type(error) is LaunchError
            assert "no such licence" in str(error)
            assert isinstance(error.__cause__, ValueError)
    assert len(lines(tmp_path / "tries")) <= 12


def leave(path):
    write(path, "tried")
    os._exit(3)


def test_an_initializer_that_ends_its_process(pool, tmp_path):
    """It is an error by name too, and no endless restart."""
    work = task(runner=pool(max_concurrency=2, initializer=leave, initargs=(tmp_path / "tries",)))(double)
    for one in [work(number) for number in range(5)]:
        assert isinstance(one.exception(PATIENCE), WofloError)
    assert len(lines(tmp_path / "tries")) <= 6


def fail_but_for_the_first(folder):
    """Succeeds in one worker alone; fails in the others once the test says so."""
    try:
        (folder / "first").touch(exist_ok=False)
    except FileExistsError:
        (folder / "second").touch()
        wait_until((folder / "fail").exists, "the moment to fail")
        raise ValueError("one is enough") from None


def test_an_initializer_that_fails_beside_an_idle_worker(pool, tmp_path):
    """The calls that were meant for the worker that failed are executed by the other one."""
    work = task(runner=pool(max_concurrency=2, initializer=fail_but_for_the_first, initargs=(tmp_path,)))(pause)
    assert work(0).get_result(PATIENCE) == 0
    runs = [work(0.1), work(0.2), work(0.3)]
    wait_until((tmp_path / "second").exists, "a second worker")
    wait_until(lambda: sum(one.state.is_terminal for one in runs) >= 2, "what the first worker can do")
    (tmp_path / "fail").touch()
    assert [one.get_result(PATIENCE) for one in runs] == [0.1, 0.2, 0.3]


def test_a_block():
    """The pool lives as long as the block, and its workers are gone afterwards."""
    with PoolTaskRun.configured(max_concurrency=2) as runner:
        work = task(runner=runner)(worker_of)
        runs = [work() for _ in range(10)]
    pids = {one.get_result(0) for one in runs}
    wait_until(lambda: not any(map(exists, pids)), "the end of the workers")


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_call_after_the_shutdown(pool):
    """It starts new workers."""
    runner = pool(max_concurrency=1)
    work = task(runner=runner)(worker_of)
    first = work().get_result(PATIENCE)
    for _ in range(3):
        runner.shutdown()
        second = work().get_result(PATIENCE)
        assert second != first
        first = second


def test_a_shutdown_waits(pool, tmp_path):
    """Calls that were made before it end first; without `wait` those that have not begun are dropped by name."""
    runner = pool(max_concurrency=1)
    work = task(runner=runner)(note)
    runs = [work(tmp_path / "notes", str(number)) for number in range(300)]
    runner.shutdown()
    assert all(one.state is RunState.SUCCEEDED for one in runs)
    assert len(lines(tmp_path / "notes")) == 300
    slow = task(runner=runner)(hold)(tmp_path, "begun")
    wait_until((tmp_path / "begun").exists, "start")
    late = [work(tmp_path / "notes", "late") for _ in range(3)]
    runner.shutdown(wait=False)
    for one in late:
        assert isinstance(one.exception(PATIENCE), TaskStoppedError)
    (tmp_path / "open").touch()
    assert slow.get_result(PATIENCE) == "begun"


def descend(depth):
    """A call of a pool in a worker of a pool, in a worker of a pool…"""
    if depth == 0:
        return [os.getpid()]
    assert current_run()
    return [os.getpid(), *task(runner=PoolTaskRun)(descend)(depth - 1).get_result(PATIENCE)]


def test_pools_in_pools(pool):
    """Five deep, with one worker at the top; each level has a process of its own."""
    pids = task(runner=pool(max_concurrency=1))(descend)(5).get_result(PATIENCE)
    assert len(set(pids)) == 6


RECURSION = """
from woflo import task
from woflo.runners import PoolTaskRun

@task(runner=PoolTaskRun.configured(max_concurrency=1))
def factorial(n):
    return n * factorial(n - 1).get_result() if n else 1

class Own(PoolTaskRun):
    max_concurrency = 1

@task(runner=Own)
def fibonacci(n):
    return sum(run.get_result() for run in [fibonacci(n - 1), fibonacci(n - 2)]) if n > 1 else n

print(factorial(5).get_result(25), fibonacci(4).get_result(25))
"""


def test_a_script_whose_task_calls_itself(tmp_path):
    """A function of a script that names its own task, and with it the runner's class, travels to a worker."""
    assert run(tmp_path, RECURSION) == (0, "120 3\n")


def test_a_function_with_large_constants(pool):
    """A closure over much data reaches a worker in a time that grows as the data does, and not as its square."""

    def seconds(size):
        content = os.urandom(size)
        began = time.monotonic()
        assert task(runner=runner)(lambda: len(content))().get_result(PATIENCE) == size
        return time.monotonic() - began

    runner = pool(max_concurrency=1)
    seconds(1)
    small, large = (min(seconds(size) for _ in range(3)) for size in (4_000_000, 24_000_000))
    assert large < 15 * max(small, 0.01)  # 6 times the size; its square would be 36 times


def test_calls_from_many_threads(pool):
    """Each thread gets the results of its own calls."""
    work = task(runner=pool(max_concurrency=2))(double)
    right = []

    def call(start):
        runs = [work(number) for number in range(start, start + 500)]
        right.append([one.get_result(PATIENCE) for one in runs] == [2 * n for n in range(start, start + 500)])

    threads = [threading.Thread(target=call, args=(1_000 * n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert right == [True] * 8


def test_one_process_per_call():
    """The runner of single processes uses each process once."""
    work = task(runner=MultiprocessTaskRun)(worker_of)
    runs = [work() for _ in range(50)]
    assert len({one.get_result(PATIENCE) for one in runs}) == 50
