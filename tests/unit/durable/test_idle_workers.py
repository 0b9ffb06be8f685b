"""A worker that has nothing to do seldom asks its store, and misses nothing meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from woflo import Worker, get_run, task, use_store
from woflo.durable.engine import engine_of
from woflo.durable.membership import IDLE_LOOK, LOOK
from woflo.stores.sqlite import SQLiteStore
from woflo.testing import wait_until

NOTICED = 1.0
"""Seconds within which a dead worker of this machine is noticed."""
OTHER = """
import sys, threading
from woflo import Worker, task, use_store
from woflo.stores.sqlite import SQLiteStore

@task(name="hang", runner="queue")
def hang():
    print("begun", flush=True)
    threading.Event().wait()

use_store(SQLiteStore(sys.argv[1]))
with Worker([hang]):
    print(hang().id, flush=True)
    threading.Event().wait()
"""
begun, may_end = threading.Event(), threading.Event()


@task(name="hold", runner="queue")
def hold():
    begun.set()
    may_end.wait(60)


@task(name="hang", runner="queue")
def hang():
    """Served by another process."""


@pytest.fixture
def store(tmp_path):
    made = SQLiteStore(tmp_path / "woflo.db")
    before = use_store(made)
    yield made
    use_store(before)
    engine_of(made).close()
    made.close()


def test_it_rests_until_its_next_sign_of_life(store):
    """As long as it holds nothing; a stop of what it executes is looked for twice a second."""
    engine = engine_of(store)
    with Worker([hold], store):
        assert LOOK < engine._seconds_to_rest() <= IDLE_LOOK
        begun.clear(), may_end.clear()
        run = hold()
        assert begun.wait(30)
        assert engine._seconds_to_rest() <= LOOK
        may_end.set()
        run.wait(30)
        wait_until(lambda: engine._seconds_to_rest() > LOOK, timeout=30)


def test_one_that_waits_for_a_run_looks_twice_a_second(store):
    """What becomes of it may be lost on the way."""
    engine = engine_of(store)
    with Worker([hold], store):
        run = hang()
        waiting = threading.Thread(target=run.wait, args=(60,))
        waiting.start()
        wait_until(lambda: engine.following.ids(), timeout=30)
        assert engine._seconds_to_rest() <= LOOK
        run.stop()
        waiting.join(30)


def test_who_begins_while_it_rests_and_is_killed_is_noticed_within_a_second(store):
    """Its first sign of life is heard; from then on it is seen by its lock whether it lives."""
    seconds = []
    with Worker([hold], store):
        for _ in range(4):
            with subprocess.Popen([sys.executable, "-c", OTHER, store.path], stdout=subprocess.PIPE) as other:
                told = {other.stdout.readline().decode().strip() for _ in range(2)}
                (run_id,) = told - {"begun"}
                killed = time.monotonic()
                other.kill()
                wait_until(lambda run_id=run_id: store.get(run_id).worker is None, timeout=30)
                seconds.append(time.monotonic() - killed)
                get_run(run_id).stop()
    assert sorted(seconds)[2] < NOTICED, seconds  # one of them may meet a busy machine
