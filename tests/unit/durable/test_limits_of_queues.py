"""What is set for queues and schedules holds for workers; calls of a batch are kept together or not at all."""

import threading
from contextlib import closing, nullcontext

import pytest

import woflo
from woflo import (
    Worker,
    batch,
    configure_queue,
    pause_queue,
    pause_schedule,
    queues,
    resume_queue,
    resume_schedule,
    task,
)
from woflo.durable.choice import use_store
from woflo.durable.engine import engine_of
from woflo.durable.schedules import Schedules
from woflo.errors import KeyConflictError, OptionError, SerializationError, StoreError
from woflo.kernel.outcome import Outcome
from woflo.kernel.state import RunState
from woflo.kernel.task import Task
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import ClaimReady, LimitQueue, Submit
from woflo.stores.rows import Row
from woflo.stores.sqlite import SQLiteStore
from woflo.testing.clock import FakeClock
from woflo.testing.patience import PATIENCE


@pytest.fixture
def store():
    made = MemoryStore()
    before = use_store(made)
    yield made
    use_store(before)
    engine_of(made).close()
    made.close()


@task(runner="queue")
def double(x: int) -> int:
    return 2 * x


def test_no_more_execute_than_the_queue_allows(store):
    """However many places the worker has; all come to their turn."""
    configure_queue("default", max_concurrency=2)
    under_way, most, lock = [], [], threading.Lock()

    @task(runner="queue")
    def counted(x: int) -> int:
        with lock:
            under_way.append(x)
            most.append(len(under_way))
        with lock:
            under_way.remove(x)
        return x

    with Worker([counted], store=store, concurrency=8):
        runs = [counted(number) for number in range(30)]
        assert [run.get_result(timeout=PATIENCE) for run in runs] == list(range(30))
    assert max(most) <= 2


def test_the_key_of_a_call_is_stored(store):
    """`limit_key` stands in the row; a worker that has one of a full key takes others."""
    configure_queue("default", max_per_key=1)
    gate, begun = threading.Event(), threading.Event()

    @task(runner="queue")
    def of(customer: str) -> str:
        if customer == "slow":
            begun.set()
            gate.wait(PATIENCE)
        return customer

    with Worker([of], store=store):
        first = of.with_options(limit_key="one")("slow")
        assert begun.wait(PATIENCE)
        second = of.with_options(limit_key="one")("second")
        assert of.with_options(limit_key="two")("other").get_result(timeout=PATIENCE) == "other"
        assert (store.get(second.id).limit_key, store.get(second.id).state) == ("one", RunState.PENDING)
        gate.set()
        assert [first.get_result(timeout=PATIENCE), second.get_result(timeout=PATIENCE)] == ["slow", "second"]


def test_a_worker_goes_on_at_the_next_slot(store):
    """By the clock of the store: it begins as many as the rate allows, and the next when the period is over."""
    with FakeClock(1000.0) as clock:
        configure_queue("default", rate_limit="2/m")
        runs = [double(number) for number in range(3)]
        with Worker([double], store=store):
            assert [run.get_result(timeout=PATIENCE) for run in runs[:2]] == [0, 2]
            assert queues()["default"].next_at == 1060.0
            assert engine_of(store)._seconds_to_rest() <= 60.0
            clock.advance(60.0)
            assert runs[2].get_result(timeout=PATIENCE) == 4


def test_a_paused_queue_waits(store):
    """A worker takes nothing from it until it goes on."""
    pause_queue("default")
    run = double(2)
    with Worker([double], store=store) as worker:
        idle = threading.Event()
        worker.serving.when_idle = idle.set
        engine_of(store).wake()
        assert idle.wait(PATIENCE)
        assert store.get(run.id).state is RunState.PENDING
        resume_queue("default")
        assert run.get_result(timeout=PATIENCE) == 4
    assert queues() == {}


def test_names_that_nothing_tells_of_are_warned_of(store, caplog):
    """A queue, or a schedule, is paused all the same; what is known, or was paused, is not told."""
    double(2)
    for pause in (pause_queue, resume_queue):
        pause("default")
    pause_schedule("double")
    resume_schedule("double")
    assert not caplog.records
    for pause in (pause_queue, pause_schedule):
        pause("doubel")
    resume_queue("mail")
    resume_schedule("nobody")
    told = [record.getMessage() for record in caplog.records]
    assert [one.partition(":")[0] for one in told] == [
        "the queue 'doubel' is not known here",
        "the task 'doubel' is not known here",
        "the queue 'mail' was not paused",
        "the schedule of 'nobody' was not paused",
    ]
    assert "did you mean 'double'?" in told[1]
    assert queues()["doubel"].is_paused
    assert store.paused_schedules() == ["doubel"]


@pytest.mark.parametrize(("missed", "made_up"), [("one", 1), ("all", 3), ("none", 0)])
def test_a_paused_schedule_makes_no_ticks(store, missed, made_up):
    """Those of the pause are made up for as the task says, when it goes on."""

    @task(runner="queue", schedule="@every 10m", missed=missed)
    def tidy() -> None: ...

    with FakeClock(6000.0) as clock:
        schedules = Schedules(store, [tidy], lambda _: "{}", "w")
        schedules.start()
        clock.advance(600.0)
        schedules.submit_due()
        pause_schedule(tidy)
        for _ in range(3):
            clock.advance(600.0)
            schedules.submit_due()
        assert len(store.snapshot().runs) == 1
        resume_schedule(tidy)
        schedules.submit_due()
        schedules.submit_due()
        assert len(store.snapshot().runs) == 1 + made_up


def test_what_cannot_be_meant_is_refused(store, tmp_path):
    """Each wrong limit, and a store that keeps none, by name."""
    for wrong in ({"max_concurrency": 0}, {"max_per_key": 1.5}, {"rate_limit": "fast"}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            configure_queue("mail", **wrong)
    with pytest.raises(OptionError, match="queue"):
        pause_queue(" ")
    with pytest.raises(OptionError, match="no schedule"):
        pause_schedule(double)
    with pytest.raises(StoreError, match="folder"):
        configure_queue("mail", max_concurrency=1, store=f"dir:{tmp_path}")


def test_a_batch_is_one_write(store, monkeypatch):
    """All its calls are in one operation; the handles are as any others."""
    written = []
    write = store.write
    monkeypatch.setattr(store, "write", lambda one: written.append(one) or write(one))
    with batch():
        runs = [double(number) for number in range(5)]
        assert store.snapshot().runs == []
    assert [len(one.runs) for one in written if isinstance(one, Submit)] == [5]
    with Worker([double], store=store):
        assert [run.get_result(timeout=PATIENCE) for run in runs] == [0, 2, 4, 6, 8]


def test_a_batch_is_kept_as_a_whole_or_not_at_all(store):
    """A call that is refused takes the others with it, and is named; so does an exception in the block."""
    double.with_options(key="k")(1)
    with pytest.raises(KeyConflictError, match="'k'"), batch():
        one = double(1)
        double.with_options(key="k")(2)
    with pytest.raises(ZeroDivisionError), batch():
        other = double(1)
        1 / 0
    assert len(store.snapshot().runs) == 1
    assert isinstance(one.exception(), KeyConflictError)
    assert isinstance(other.exception(), OptionError)


def test_nobody_waits_for_a_call_that_is_not_kept_yet(store):
    """It would be for ever: a named error. After the block the handle is as any other."""
    with batch():
        run = double(1)
        with pytest.raises(OptionError, match="after the block"):
            run.get_result(timeout=PATIENCE)
        with batch():
            inner = double(2)
        assert store.snapshot().runs == []
    claim = ClaimReady(now=1e10, worker="w", limit=9, tasks=(double.name,), queues=("default",))
    assert [row.id for row in store.write(claim)] == [run.id, inner.id]
    assert woflo.batch is batch


GIVEN = [
    {},
    {"key": "k", "priority": 3, "limit_key": "one", "queue": "mail"},
    {"retries": 2, "timeout": 5.0, "tags": {"part": "one"}},
    {"delay": 60.0},
    {"deadline": 60.0},
]


@pytest.mark.parametrize("options", GIVEN, ids=lambda options: " ".join(options) or "none")
@pytest.mark.parametrize("arguments", [((1,), {}), ((), {"x": 1}), (([1],), {})], ids=["plain", "by name", "a list"])
def test_a_call_of_a_batch_is_kept_as_any_other(options, arguments):
    """Its row says the same, whatever its options and arguments are, and its handle does the same."""

    @task(runner="queue")
    def anything(x) -> str:
        return str(x)

    found, (args, kwargs) = [], arguments
    for together in (False, True):
        with FakeClock(1e9), closing(MemoryStore()) as made:
            before = use_store(made)
            with batch() if together else nullcontext():
                run = anything.with_options(**options)(*args, **kwargs)
            row = made.get(run.id)
            attributes = (run.state, run.attempt, run.is_running(), run.is_kept, run.parent_id)
            found.append((row.changed(id=""), made.tags(run.id), attributes))
            assert run.stop()
            assert made.get(run.id).state is RunState.STOPPED
            engine_of(made).close()
            use_store(before)
    assert found[0] == found[1]


def test_a_call_of_a_batch_may_be_skipped(store):
    """Whoever says which calls need not be executed is asked about these, too."""

    class Known:
        def called(self, run, handles):
            """There are none."""

        def admit(self, run):
            return Outcome("known")

    known = Task(double.body, double.options.changed({"admission": Known()}))
    with batch():
        run = known(1)
    assert run.get_result(timeout=PATIENCE) == "known"
    assert store.snapshot().runs == []


def test_arguments_that_cannot_be_stored_are_refused_at_the_call(store):
    """Also in a batch, whose other calls are kept."""

    @task(runner="queue")
    def strict(x: int) -> int:
        return x

    with batch():
        strict(1)
        with pytest.raises(SerializationError, match="'x'"):
            strict("one")
    assert len(store.snapshot().runs) == 1


def test_a_claim_from_a_queue_without_limits_asks_nothing_more(tmp_path, monkeypatch):
    """What is due, the claim, and that there is no limit: three statements, whatever is set for other queues."""
    kept = SQLiteStore(tmp_path / "w.db")
    kept.write(LimitQueue(now=1.0, queue="other", max_concurrency=1))
    kept.write(Submit(now=1.0, runs=(Row(id="a", task="t"),)))
    asked = []
    writing = kept._writing
    ask = writing._ask
    monkeypatch.setattr(
        writing, "_ask", lambda statements: asked.extend(name for name, _ in statements) or ask(statements)
    )
    assert len(kept.write(ClaimReady(now=1.0, worker="w", limit=9, tasks=("t",), queues=("default",)))) == 1
    assert asked == ["wake_due", "claim_in_queue", "is_limited"]
    kept.close()
