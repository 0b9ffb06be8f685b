"""Any store and the model in memory, driven by the same random operations, agree on every result and every row."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from directory_helpers import files_fit
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from systems import needs_postgres

from woflo.kernel.state import TERMINAL, RunState
from woflo.stores import blobs
from woflo.stores import operations as ops
from woflo.stores.contract import Span, unwrap
from woflo.stores.directory import DirectoryStore
from woflo.stores.memory import MemoryStore
from woflo.stores.opening import open_store
from woflo.stores.rows import Claim, Row, Signal, Success, Tag, WorkerRow
from woflo.stores.sqlite import SQLiteStore

pytestmark = pytest.mark.unmeasured

IDS = [*"abcd", *(f"{parent}:{place}" for parent in "ab" for place in range(3)), "a:0:0", "unknown"]
TASKS, QUEUES, WORKERS = ["t", "u"], ["q", "r"], ["v", "w", "x"]
TOKENS = ["signal:m", "signal:n", "run:b", "run:unknown", "something else"]

ids = st.sampled_from(IDS)
workers = st.sampled_from(WORKERS)
LARGE = [f'"{"é" * size}"' for size in (100, 120)]
"""In this test a value is large when it has over 80 characters."""
texts = st.sampled_from([None, "1", '"é"', *LARGE])
ends = st.sampled_from(sorted(TERMINAL))
delays = st.sampled_from([None, None, -1.0, 0.0, 2.0, 20.0])
some_tasks = st.sampled_from([("t",), ("t", "u"), ()])
some_queues = st.sampled_from([("q", "r"), ("r", "q"), ("q",), ()])
which = st.integers(0, 1000)
"""Of the claims that there are, old ones included."""


def parent_of(run_id):
    return run_id.rpartition(":")[0] or None


@st.composite
def calls(draw):
    """Runs as they are submitted, some of them with the worker that executes them."""
    run_id = draw(ids.filter(lambda one: one != "unknown"))
    return Row(
        id=run_id,
        task=draw(st.sampled_from(TASKS)),
        queue=draw(st.sampled_from([*QUEUES, "q", None])),
        parent_id=parent_of(run_id),
        key=draw(st.sampled_from([None, None, None, "k", "l"])),
        limit_key=draw(st.sampled_from([None, "one", "two"])),
        args=draw(st.sampled_from(["{}", "{}", *LARGE])),
        priority=draw(st.integers(-1, 1)),
        digest=draw(st.sampled_from(["one", "one", "one", "two"])),
        run_after=draw(st.sampled_from([None, None, 5.0, 50.0])),
        worker=draw(st.sampled_from([None, None, None, *WORKERS])),
    )


@st.composite
def steps(draw):
    """What a run records of itself: ends, intents, manual and uncertain steps that wait, and decisions."""
    parent = draw(st.sampled_from("abcd"))
    states = [RunState.SUCCEEDED, RunState.FAILED, RunState.RUNNING, RunState.WAITING, RunState.PENDING]
    state = draw(st.sampled_from(states))
    return Row(
        id=f"{parent}:{draw(st.integers(0, 4))}",
        task="step",
        state=state,
        queue=None,
        parent_id=parent,
        reason=draw(st.sampled_from([ops.MANUAL, f"{ops.UNCERTAIN}: x"])) if state is RunState.WAITING else None,
        result=draw(texts),
        run_after=draw(st.sampled_from([None, None, 30.0])) if state is RunState.WAITING else None,
        created_at=1.0,
    )


some_steps = st.lists(steps(), max_size=2).map(tuple)
some_calls = st.lists(calls(), max_size=3).map(tuple)
some_tags = st.lists(st.builds(Tag, ids, st.sampled_from("mn"), st.sampled_from("12")), max_size=2).map(tuple)


def outcome(do):
    """What a call returned, or what it was refused with: type and text."""
    try:
        return do()
    except Exception as error:
        return type(error), str(error)


class Agreement(RuleBasedStateMachine):
    """Rules make operations; each is done to both stores, at once or with others in one commit."""

    make = staticmethod(lambda folder: MemoryStore())

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="woflo-machine-"))
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(blobs, "INLINE", 80)
        self.patch.setattr(blobs, "CHUNK", 45)
        self.model, self.store = MemoryStore(), self.make(self.folder)
        self.now = 1.0
        self.claims = [Claim("unknown", "v", 1)]
        self.later = []
        self.adopted = []
        self.is_gathering = self.is_transaction = False

    def teardown(self):
        self.model.close()
        self.store.close()
        self.patch.undo()
        shutil.rmtree(self.folder)

    # -- how operations are done -----------------------------------------------------------------------

    def do(self, kind, **fields):
        operation = kind(now=self.now, **fields)
        if self.is_gathering:
            self.later.append(operation)
            if len(self.later) == 4:
                self.commit()
            return
        if self.is_transaction and isinstance(operation, ops.Claimed):
            self.is_transaction = False
            self.compare(lambda store: self.in_transaction(store, operation))
        else:
            self.compare(lambda store: store.write(operation))

    @staticmethod
    def in_transaction(store, operation):
        with store.transaction() as transaction:
            return transaction.commit(operation)

    def compare(self, do):
        expected, got = outcome(lambda: do(self.model)), outcome(lambda: do(self.store))
        assert got == expected
        self.remember(expected)

    def remember(self, result):
        """All claims that anybody ever had."""
        for one in result if isinstance(result, list) else []:
            row = getattr(one, "row", one)
            if isinstance(row, Row) and row.worker is not None and row.claim not in self.claims:
                self.claims.append(row.claim)

    def claim(self, number):
        """Two of three times one that holds, where there is one; else any that there ever was."""
        holding = [row.claim for row in self.model.snapshot().runs if row.worker is not None]
        among = holding if holding and number % 3 else self.claims
        return among[number // 3 % len(among)]

    def held(self, number, steps=()):
        """A claim, and steps that are mostly those of its run."""
        claim = self.claim(number)
        if number % 5:
            places = [step.id.rpartition(":")[2] for step in steps]
            steps = [
                step.changed(id=f"{claim.run_id}:{place}", parent_id=claim.run_id)
                for step, place in zip(steps, places, strict=True)
            ]
        return {"claim": claim, "steps": tuple(steps)}

    def known(self, run_id, number):
        """A run that is there, mostly."""
        there = [row.id for row in self.model.snapshot().runs]
        return there[number // 4 % len(there)] if there and number % 4 else run_id

    @rule()
    def gather(self):
        """What follows is done in one commit."""
        self.is_gathering = True

    @rule()
    def begin_a_transaction(self):
        """The next write of a holder is done in one."""
        self.is_transaction = self.store.has_transactions

    def commit(self):
        """All that was gathered."""
        self.is_gathering, gathered, self.later = False, self.later, []
        light = [blobs.lightened(one) for one in gathered]
        expected = [outcome(lambda one=one: unwrap(one)) for one in self.model.apply(light)]
        got = [outcome(lambda one=one: unwrap(one)) for one in self.store.apply(light)]
        assert got == expected
        for one in expected:
            self.remember(one)

    @rule(seconds=st.sampled_from([0.5, 1.0, 5.0, 20.0]))
    def time_passes(self, seconds):
        self.now += seconds

    # -- operations ------------------------------------------------------------------------------------

    @initialize(runs=some_calls)
    def begin(self, runs):
        for worker in WORKERS:
            self.beat(worker, 30.0, True)
        fixed = tuple(
            Row(id=run_id, task="t", queue="q", digest="one", parent_id=parent_of(run_id)) for run_id in "abc"
        )
        self.do(ops.Submit, runs=tuple({row.id: row for row in (*fixed, *runs)}.values()))

    @rule(runs=some_calls, tags=some_tags)
    def submit(self, runs, tags):
        self.do(ops.Submit, runs=runs, tags=tags)

    @rule(
        worker=workers,
        limit=st.integers(1, 4),
        tasks=some_tasks,
        queues=some_queues,
        among=st.none() | st.lists(ids, max_size=4).map(tuple),
    )
    def claim_ready(self, worker, limit, tasks, queues, among):
        self.do(ops.ClaimReady, worker=worker, limit=limit, tasks=tasks, queues=queues, ids=among)

    @rule(worker=workers)
    def claim_all(self, worker):
        self.do(ops.ClaimReady, worker=worker, limit=10, tasks=("t", "u"), queues=("q", "r"))

    @rule(
        queue=st.sampled_from(QUEUES),
        most=st.sampled_from([None, None, 1, 2]),
        of_key=st.sampled_from([None, 1, 2]),
        rate=st.sampled_from([None, None, "1/s", "2/5s"]),
    )
    def limit_queue(self, queue, most, of_key, rate):
        if self.store.has_limits:
            self.do(ops.LimitQueue, queue=queue, max_concurrency=most, max_per_key=of_key, rate_limit=rate)

    @rule(queue=st.sampled_from(QUEUES), is_paused=st.booleans())
    def pause_queue(self, queue, is_paused):
        if self.store.has_limits:
            self.do(ops.PauseQueue, queue=queue, is_paused=is_paused)

    @rule(task=st.sampled_from(TASKS), is_paused=st.booleans())
    def pause_schedule(self, task, is_paused):
        if self.store.has_limits:
            self.do(ops.PauseSchedule, task=task, is_paused=is_paused)

    @rule(names=st.lists(st.sampled_from("xyz"), max_size=3), record=st.sampled_from(["{}", '{"a": 1}']))
    def keep_successes(self, names, record):
        made = tuple(Success(name, "t", "run", self.now, record) for name in names)
        self.do(ops.KeepSuccesses, successes=made)

    @rule(names=st.lists(st.sampled_from("xyz"), max_size=2).map(tuple))
    def forget_successes(self, names):
        self.do(ops.ForgetSuccesses, targets=names)

    @rule(worker=workers, lease=st.sampled_from([0.0, 3.0, 30.0]), is_first=st.booleans())
    def beat(self, worker, lease, is_first):
        row = WorkerRow(id=worker, host="here", pid=1, lease_until=self.now + lease)
        self.do(ops.Beat, worker=row, is_first=is_first)

    @rule(worker=workers)
    def leave(self, worker):
        self.do(ops.Leave, worker=worker)

    @rule(dead=st.lists(workers, max_size=2).map(tuple), tells=st.booleans(), begun=st.lists(which, max_size=3))
    def recover(self, dead, tells, begun):
        begun = tuple(self.claim(number) for number in begun)
        self.do(ops.Recover, dead=dead, told=dead[:1] if tells else (), begun=begun)

    @rule(number=which, steps=some_steps, runs=some_calls, tags=some_tags, further=st.booleans())
    def record(self, number, steps, runs, tags, further):
        self.do(ops.Record, **self.held(number, steps), calls=runs, tags=tags, comes_further=further)

    @rule(number=which, steps=some_steps, state=ends, result=texts, error=texts, reason=texts)
    def finish(self, number, steps, state, result, error, reason):
        told = {"state": state, "result": result, "error": error, "reason": reason}
        self.do(ops.Finish, **self.held(number, steps), **told)

    @rule(
        number=which,
        steps=some_steps,
        tokens=st.lists(st.sampled_from(TOKENS), max_size=3).map(tuple),
        delay=delays,
        further=st.booleans(),
    )
    def park(self, number, steps, tokens, delay, further):
        until = None if delay is None else self.now + delay
        told = {"waits_for": tokens, "run_after": until, "comes_further": further}
        self.do(ops.Park, **self.held(number, steps), reason="waits", **told)

    @rule(number=which, child=which)
    def park_for_a_child(self, number, child):
        claim = self.claim(number)
        there = [row.id for row in self.model.steps(claim.run_id)]
        tokens = (f"run:{there[child % len(there)]}",) if there else ("signal:m",)
        self.do(ops.Park, claim=claim, reason="step", waits_for=tokens)

    @rule(number=which, steps=some_steps, delay=delays, failed=st.booleans(), reason=texts, error=texts)
    def release(self, number, steps, delay, failed, reason, error):
        until = None if delay is None else self.now + delay
        told = {"failed": failed, "reason": reason, "error": error}
        self.do(ops.Release, **self.held(number, steps), run_after=until, **told)

    @rule(number=which, steps=some_steps, name=st.sampled_from("mn"), step=steps(), further=st.booleans())
    def take_signal(self, number, steps, name, step, further):
        *others, own = self.held(number, (*steps, step))["steps"]
        told = {"steps": tuple(others), "name": name, "step": own, "comes_further": further}
        self.do(ops.TakeSignal, claim=self.claim(number), **told)

    @rule(
        number=which,
        steps=some_steps,
        name=st.sampled_from("xy"),
        value=st.sampled_from(["1", *LARGE]),
        further=st.booleans(),
    )
    def publish(self, number, steps, name, value, further):
        self.do(ops.Publish, **self.held(number, steps), name=name, value=value, comes_further=further)

    @rule(
        number=which,
        run_id=ids,
        signal=st.integers(0, 9),
        name=st.sampled_from("mn"),
        value=st.sampled_from(["1", *LARGE]),
    )
    def send(self, number, run_id, signal, name, value):
        self.do(ops.Send, id=str(signal), run_id=self.known(run_id, number), name=name, value=value)

    @rule(number=which, run_id=ids, error=texts)
    def request_stop(self, number, run_id, error):
        self.do(ops.RequestStop, run_id=self.known(run_id, number), error=error)

    @rule(number=which, run_id=ids, state=ends, result=texts, error=texts)
    def complete(self, number, run_id, state, result, error):
        self.do(ops.Complete, run_id=self.known(run_id, number), state=state, result=result, error=error)

    @rule(number=which, run_id=ids, row=calls(), steps=some_steps, hands_over=st.booleans())
    def go_on(self, number, run_id, row, steps, hands_over):
        row = row.changed(continues=self.known(run_id, number), worker=None)
        self.do(ops.Continue, row=row, steps=steps, hands_over=hands_over)

    @rule(number=which, steps=some_steps, row=calls(), runs=some_calls)
    def finish_and_go_on(self, number, steps, row, runs):
        held = self.held(number, steps)
        successor = row.changed(continues=held["claim"].run_id, worker=None)
        told = {"state": RunState.SUCCEEDED, "reason": f"{ops.CONTINUED}{row.id}", "successors": (successor,)}
        self.do(ops.Finish, **held, calls=runs, **told)

    @rule(number=which, run_id=ids, token=st.none() | st.sampled_from(TOKENS))
    def wake(self, number, run_id, token):
        self.do(ops.Wake, run_id=self.known(run_id, number), token=token)

    @rule(number=which)
    def forget(self, number):
        self.do(ops.Forget, claim=self.claim(number))

    @rule(after=st.sampled_from([0.0, blobs.REST]))
    def sweep(self, after):
        self.now += after
        self.do(ops.Sweep)

    @rule(number=which, among=st.lists(ids, max_size=3), before=st.none() | st.sampled_from([1.0, 5.0, 20.0]))
    def prune(self, number, among, before):
        self.do(ops.Prune, ids=tuple(self.known(run_id, number) for run_id in among), before=before)

    @rule(number=which, run_id=ids, to=st.sampled_from(["x", "x", "y"]))
    def set_aside(self, number, run_id, to):
        self.do(ops.SetAside, run_id=self.known(run_id, number), to=to, error="1")

    @rule(runs=st.lists(calls(), min_size=1, max_size=3, unique_by=lambda row: row.id), tags=some_tags)
    def adopt(self, runs, tags):
        runs = [row.changed(worker=None) for row in runs]
        signal = Signal(id=f"adopted-{self.now}", run_id=runs[0].id, name="m", value="1", sent_at=self.now)
        signals = () if signal in self.adopted else (signal,)
        self.adopted += signals
        beside = {"signals": signals, "published": ((runs[0].id, "x", "3"),), "tags": tags}
        self.do(ops.Adopt, runs=tuple(runs), **beside)

    # -- what must hold --------------------------------------------------------------------------------

    @invariant()
    def they_hold_the_same(self):
        assert self.store.snapshot() == self.model.snapshot()

    @invariant()
    def they_find_the_same(self):
        for read in (
            lambda store: store.next_time(),
            lambda store: store.next_time(("q", "r"), self.now),
            lambda store: store.select(states=[RunState.PENDING, RunState.WAITING], tasks=["t"], after="a", limit=3),
            lambda store: [store.steps(run_id) for run_id in "ab"],
            lambda store: [store.get(run_id) for run_id in IDS[-3:]],
            lambda store: [store.find(task, key) for task in TASKS for key in "kl"],
            lambda store: store.published("a"),
            lambda store: store.select(tags={"m": "1"}),
            lambda store: store.select(tags={"m": "1"}, newest_first=True, after="c"),
            lambda store: store.select(key="k", created=Span(since=2.0), ended=Span(until=30.0)),
            lambda store: store.signals("a"),
        ):
            assert read(self.store) == read(self.model)

    @invariant()
    def what_is_named_is_there(self):
        """Each large value that a row names can be read; nobody has two files or tables that say otherwise."""
        for row in self.model.snapshot().runs:
            assert self.store.whole_row(row) == self.model.whole_row(row)

    @invariant()
    def a_worker_has_what_is_running(self):
        """The states that cannot be are not there."""
        for row in self.model.snapshot().runs:
            assert row.worker is None or row.state is RunState.RUNNING
            assert row.state is RunState.RUNNING or not row.stop_requested or row.is_terminal
            assert row.attempt >= 0 and row.fence >= row.attempt


class DirectoryAgreement(Agreement):
    """The store in a folder; now and then another one, opened on the same folder, goes on in its place."""

    make = staticmethod(lambda folder: DirectoryStore(folder / "store"))

    def __init__(self):
        super().__init__()
        self.idle = self.make(self.folder)

    def teardown(self):
        self.idle.close()
        super().teardown()

    @rule()
    def another_instance(self):
        self.store, self.idle = self.idle, self.store

    @rule()
    def looked_at(self):
        """Nobody did anything by hand: nothing is changed by that."""
        self.store.look()

    @invariant()
    def each_run_has_its_file(self):
        """In the folder of its state, and there is no other."""
        assert files_fit(self.store)


class SQLiteAgreement(Agreement):
    """The store in a file."""

    make = staticmethod(lambda folder: SQLiteStore(folder / "runs.db"))


class PostgresAgreement(Agreement):
    """The store in PostgreSQL."""

    make = staticmethod(lambda folder: open_store(PostgresAgreement.cluster.new_url()))


_settings = settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
TestMemory = Agreement.TestCase
TestMemory.settings = settings(_settings, max_examples=10)
TestDirectory = DirectoryAgreement.TestCase
TestDirectory.settings = _settings
TestSQLite = SQLiteAgreement.TestCase
TestSQLite.settings = _settings


@needs_postgres
class TestPostgres(PostgresAgreement.TestCase):
    settings = settings(_settings, max_examples=30)

    @pytest.fixture(autouse=True)
    def _server(self, postgres):
        PostgresAgreement.cluster = postgres
