"""What the tests of durable runs share: processes that die, go on and wait for each other, all within one."""

import threading

from woflo.durable.choice import use_store
from woflo.durable.engine import engine_of
from woflo.kernel import clock, runtime
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import Recover
from woflo.testing import wait_until
from woflo.testing.crashing import CrashingStore

PATIENCE = 10
"""Seconds after which what should have happened is taken never to happen."""


class Process:
    """One of several that share a store: it has an engine of its own, and dies alone."""

    def __init__(self, store, hold=0.0):
        self.store = CrashingStore(store)
        self.engine = engine_of(self.store)
        self.engine.hold = hold

    def call(self, task, *args, **options):
        """A handle of a call that is made in this process."""
        before = use_store(self.store)
        try:
            return task.with_options(**options)(*args)
        finally:
            use_store(before)

    def die(self):
        """As by SIGKILL; the others notice it at once."""
        self.engine.abandon()
        self.store.store.write(Recover(now=clock.now(), dead=(self.engine.id,)))


class World:
    """A store, and the processes that use it."""

    def __init__(self):
        self.store = MemoryStore()
        self._processes = []

    def process(self, hold=0.0):
        self._processes.append(Process(self.store, hold))
        return self._processes[-1]

    def close(self):
        for process in self._processes:
            process.engine.close()
            process.store.close()
        self.store.close()

    def row(self, run):
        return self.store.get(run.id)

    def steps(self, run):
        """What is recorded of a run, as pairs of task and state."""
        return [(row.task, str(row.state)) for row in self.store.steps(run.id)]

    def until(self, run, state, reason=""):
        """Wait until the store has it in this state, for this reason."""

        def there():
            row = self.row(run)
            return row.state == state and reason in (row.reason or "")

        wait_until(there, f"{run!r} {state} {reason}", timeout=PATIENCE)


def called(store, task, *args, key="k"):
    """A handle of a call in this store."""
    before = use_store(store)
    engine_of(store).hold = 0.0
    try:
        return task.with_options(key=key)(*args)
    finally:
        use_store(before)


def crashed_at(at, task, *args, kept=False):
    """The store after the process died at its write of this number, or None where it came to its end before."""
    store = MemoryStore()
    crashing = CrashingStore(store, at, kept=kept)
    before = set(runtime.current.live)
    try:
        run = called(crashing, task, *args)
        wait_until(lambda: crashing.has_crashed.is_set() or not run.is_running(), timeout=PATIENCE)
    except Exception:
        assert crashing.has_crashed.is_set()
    engine = engine_of(crashing)
    wait_until(lambda: not engine.executions, timeout=PATIENCE)
    wait_until(lambda: not runtime.current.live - before, timeout=PATIENCE)  # here threads outlive it
    engine.abandon()
    crashing.close()
    store.write(Recover(now=clock.now(), dead=(engine.id,)))
    return store if crashing.has_crashed.is_set() else None


class Log:
    """What code has done, in order; from any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self.lines = []

    def __call__(self, line):
        with self._lock:
            self.lines.append(line)

    def count(self, line):
        return self.lines.count(line)
