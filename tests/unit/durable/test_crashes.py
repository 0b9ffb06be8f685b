"""Whole programs, crashed at every write: nothing is lost, nothing that is recorded happens again."""

import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from workflow_programs import achild, child, effects, programs, signals_in

from woflo.durable.choice import use_store
from woflo.durable.engine import engine_of
from woflo.kernel import clock
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import Recover, Send
from woflo.testing import wait_until
from woflo.testing.crashing import CrashingStore

PATIENCE = 20


def run_program(workflow, program, store, key):
    """A handle of the program's workflow, in this store."""
    before = use_store(store)
    try:
        return workflow.with_options(key=key)(json.dumps(program), "", 1)
    finally:
        use_store(before)


def send_signals(store, program, root):
    """All that the program will ever wait for, to every run."""
    for name, count in signals_in(program).items():
        for number in range(count):
            store.write(Send(now=clock.now(), id=f"{root}/{name}/{number}", run_id=root, name=name, value=str(number)))


def engine_on(store):
    engine = engine_of(store)
    engine.hold = 0.0
    return engine


def finished(workflow, program, crash_at=None, kept=False):
    """What the program gives, what it did, and whether it crashed on its way."""
    store = MemoryStore()
    crashing = CrashingStore(store, crash_at, kept=kept)
    engine = engine_on(crashing)
    done_before, recorded = Counter(), set()
    effects.done.clear()
    try:
        run = run_program(workflow, program, crashing, "the one")
        send_signals(store, program, run.id)
        wait_until(lambda: crashing.has_crashed.is_set() or not run.is_running(), timeout=PATIENCE)
        wait_until(lambda: not engine.executions, timeout=PATIENCE)
    except Exception:
        if not crashing.has_crashed.is_set():
            raise
    if not crashing.has_crashed.is_set():
        engine.close()
        close(crashing, store)
        return run.get_result(0.1), Counter(effects.done), None
    done_before = Counter(effects.done)
    recorded = {row.id: row for row in store.snapshot().runs if row.is_terminal}
    engine.abandon()
    store.write(Recover(now=clock.now(), dead=(engine.id,)))
    second = engine_on(store)
    run = run_program(workflow, program, store, "the one")
    send_signals(store, program, run.id)
    result = run.get_result(PATIENCE)
    second.close()
    check_done(recorded, done_before, Counter(effects.done))
    check_rows(store)
    close(crashing, store)
    return result, Counter(effects.done), crashing


def close(*stores):
    for store in stores:
        store.close()


def check_done(recorded, before, after):
    """A step that was recorded at the crash did not execute again."""
    for row in recorded.values():
        where = json.loads(row.args).get("where")
        if where is not None and row.queue is None:
            assert after[where] == before[where] == 1, (row, before[where], after[where])


def check_rows(store):
    """Everything that was called has ended, and no run is held by anybody."""
    rows = store.snapshot().runs
    assert all(row.is_terminal and row.worker is None for row in rows), [row for row in rows if not row.is_terminal]


@pytest.mark.parametrize("workflow", [child, achild], ids=["plain", "async"])
@given(program=programs)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_program_crashed_at_any_write_ends_as_if_it_had_not(workflow, program):
    """The same result; every step at least once, and twice only where it was in flight."""
    expected, done, _ = finished(workflow, program)
    assert set(done.values()) <= {1}
    for kept in (False, True):
        at = 0
        while True:
            result, again, crashing = finished(workflow, program, at, kept)
            if crashing is None:
                break
            assert result == expected
            assert set(again) == set(done)
            assert set(again.values()) <= {1, 2}
            at += 1
