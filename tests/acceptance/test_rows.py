"""What a map on a warm pool launches ahead, whatever happens before its handles are asked for."""

import os
import signal
import threading

import pytest
from programs import PATIENCE, run, wait_until

from woflo import RunState, quote, subscribe, task
from woflo.errors import ArgumentError, TaskCrashedError, TaskStoppedError
from woflo.kernel.events import RunEnded
from woflo.runners import PoolTaskRun
from woflo.runners.processes.rows import Row

COUNT = 200


@pytest.fixture
def pool():
    with PoolTaskRun.configured(max_concurrency=2) as runner:
        task(runner=runner)(same)(1).get_result(PATIENCE)  # so that there is a pool, and its maps launch rows
        yield runner


def same(number):
    return number


def die_at_seven(number):
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def fail_at_seven(number):
    if number == 7:
        raise ValueError("seven")
    return number


def wait_for(path):
    open(f"{path}-{os.getpid()}", "w").close()
    wait_until(lambda: os.path.exists(path))
    return path


def test_they_are_rows_until_they_are_asked_for(pool):
    runs = task(runner=pool)(same).map(range(COUNT))
    first = next(runs)
    assert {type(item) for item in runs._open} == {Row}
    assert first.get_result(PATIENCE) == 0
    handles = list(runs)
    assert [one.get_result(PATIENCE) for one in handles] == list(range(1, COUNT))
    assert len({one.id for one in [first, *handles]}) == COUNT
    assert all(one.state is RunState.SUCCEEDED and one.duration >= 0 and one.attempt == 1 for one in handles)
    assert all(one.started_at <= one.finished_at and one.parent_id is None for one in handles)


def test_a_worker_dies_under_one(pool):
    runs = list(task(runner=pool)(die_at_seven).map(range(COUNT)))
    errors = [one.exception(PATIENCE) for one in runs]
    assert type(errors.pop(7)) is TaskCrashedError
    assert errors == [None] * (COUNT - 1)


def note_and_die_at(last, path, number):
    with open(path, "a") as file:
        file.write(f"{number}\n")
    if number == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("last", [7, 60])
def test_what_a_worker_did_before_it_died_is_not_done_again(pool, tmp_path, last):
    """Each outcome was written before the next call began, whether it had been sent or not."""
    path = str(tmp_path / "calls")
    note = task(runner=pool)(note_and_die_at)
    for number in range(-50, 0):  # so that the pool knows them to be short
        note(last, path, number).get_result(PATIENCE)
    runs = list(note.map(quote(last), quote(path), range(COUNT)))
    errors = [one.exception(PATIENCE) for one in runs]
    assert [number for number, error in enumerate(errors) if error] == [last]
    with open(path) as file:
        assert sorted(map(int, file)) == list(range(-50, COUNT))


def wait_at(number, path):
    if number == 30:
        wait_for(path)
    return number


def wait_at_without_signals(number, path):
    """As code that is not Python's does, which hears of a signal when it returns."""
    if number == 30:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        wait_for(path)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    return number


@pytest.mark.parametrize("wait_at", [wait_at, wait_at_without_signals])
def test_a_long_call_keeps_back_no_outcome_of_those_before(tmp_path, wait_at):
    with PoolTaskRun.configured(max_concurrency=1) as runner:
        fn = task(runner=runner)(wait_at)
        path = str(tmp_path / "open")
        for number in range(-50, 0):  # so that the pool knows them to be short
            fn(number, path).get_result(PATIENCE)
        runs = list(fn.map(range(50), quote(path)))
        assert [one.get_result(PATIENCE) for one in runs[:30]] == list(range(30))
        assert runs[30].is_running()
        (tmp_path / "open").touch()
        assert [one.get_result(PATIENCE) for one in runs[30:]] == list(range(30, 50))
        assert fn(1, path).get_result(PATIENCE) == 1


@pytest.mark.parametrize("retries", [0, 2])
def test_one_fails_before_it_is_asked_for(pool, retries):
    """As any other run, with all its attempts."""
    runs = task(runner=pool, retries=retries)(fail_at_seven).map(range(COUNT))
    next(runs)
    seventh = list(runs)[6]
    assert str(seventh.exception(PATIENCE)) == "seven"
    assert seventh.state is RunState.FAILED
    assert seventh.attempt == retries + 1


def test_a_wrong_number_of_arguments(pool):
    with pytest.raises(ArgumentError):
        next(task(runner=pool)(same).map([1], [2]))


def test_plain_and_other_items_mixed(pool):
    items = [1, [2], "three", None, {"four": 4}, b"five" * 1000, 6.0]
    assert list(task(runner=pool)(same).map(items).results()) == items


def test_plain_items_come_back_as_they_are(pool):
    items = [0, -(2**200), True, -0.0, float("nan"), float("-inf"), "", "\ud800 \0 é", None]
    assert list(map(repr, task(runner=pool)(same).map(items).results())) == list(map(repr, items))


def test_one_is_stopped_while_it_waits(pool, tmp_path):
    gate = str(tmp_path / "open")
    under_way = [task(runner=pool)(wait_for)(gate) for _ in range(2)]
    wait_until(lambda: len(list(tmp_path.glob("open-*"))) == 2, "both workers at work")
    runs = list(task(runner=pool)(same).map(range(20)))
    assert runs[9].stop(PATIENCE)
    (tmp_path / "open").touch()
    assert type(runs.pop(9).exception(PATIENCE)) is TaskStoppedError
    assert [one.get_result(PATIENCE) for one in runs] == [*range(9), *range(10, 20)]
    assert [one.get_result(PATIENCE) for one in under_way] == [gate, gate]


def test_the_pool_is_shut_down_before_they_are_asked_for(pool):
    """Their calls were made: they end."""
    runs = task(runner=pool)(same).map(range(COUNT))
    next(runs)
    pool.shutdown()
    assert [one.get_result(PATIENCE) for one in runs] == list(range(1, COUNT))


def test_somebody_listens_from_then_on(pool, tmp_path):
    """Whoever subscribes after the launch is told the ends that come after that, once each."""
    gate = str(tmp_path / "open")
    under_way = [task(runner=pool)(wait_for)(gate) for _ in range(2)]
    wait_until(lambda: len(list(tmp_path.glob("open-*"))) == 2, "both workers at work")
    runs = task(runner=pool)(same).map(range(20))
    first = next(runs)
    told = []
    with subscribe(told.append):
        (tmp_path / "open").touch()
        rest = [first, *runs]
        assert [one.get_result(PATIENCE) for one in rest] == list(range(20))
        ids = {one.id for one in rest}
        wait_until(lambda: len([event for event in told if event.run_id in ids]) >= 20, "all ends")
    ends = [event.run_id for event in told if type(event) is RunEnded and event.run_id in ids]
    assert sorted(ends) == sorted(ids)
    assert [one.get_result(PATIENCE) for one in under_way] == [gate, gate]


def test_callbacks_and_dependencies_on_them(pool):
    called = threading.Event()
    last = list(task(runner=pool)(same).map(range(COUNT)))[-1]
    last.add_done_callback(lambda run: called.set())
    assert task(runner="thread")(same)(last).get_result(PATIENCE) == COUNT - 1
    assert called.wait(PATIENCE)


UNREAD = """
from pathlib import Path
from woflo import task

@task(runner="pool")
def note(number):
    Path(f"done-{number}").touch()

note(0).get_result(30)
next(note.map(range(1, 101)))
"""


def test_the_program_ends_before_they_are_asked_for(tmp_path):
    """Calls that were made are waited for, as all are."""
    code, output = run(tmp_path, UNREAD)
    assert (code, output) == (0, "")
    assert len(list(tmp_path.glob("done-*"))) == 101
