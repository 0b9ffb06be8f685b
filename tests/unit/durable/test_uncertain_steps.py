"""A step that was cut off by a crash, and must not simply be executed again: a person decides, or a function knows."""

import asyncio
import threading

import pytest
from durable_helpers import PATIENCE, Log

from woflo import Happened, Worker, complete, gather, resume, task, workflow
from woflo.durable.inside import sleep
from woflo.errors import OptionError, RunEndedError, UncertainError
from woflo.kernel import clock
from woflo.stores.operations import Recover
from woflo.testing import wait_until

bank = Log()
"""The keys of all payments that were made."""
asked = Log()
begun = threading.Semaphore(0)
gate = threading.Event()


@pytest.fixture(autouse=True)
def fresh():
    bank.lines.clear()
    asked.lines.clear()
    while begun.acquire(blocking=False):
        pass
    gate.clear()
    Told.answer = None
    yield
    gate.set()


class Told:
    """What `verify` says."""

    answer = None


def pay(cents):
    """The payment is made; the process may die before anybody knows."""
    bank(cents)
    begun.release()
    gate.wait(PATIENCE)
    return f"paid {cents}"


def verify(key, cents):
    asked((key, cents))
    if isinstance(Told.answer, Exception):
        raise Told.answer
    return Told.answer


async def verify_async(key, cents):
    await asyncio.sleep(0)
    return verify(key, cents)


@task(on_crash="ask")
def charge(cents: int) -> str:
    return pay(cents)


@task(on_crash="ask")
async def charge_async(cents: int) -> str:
    return await asyncio.to_thread(pay, cents)


@task(on_crash="ask", runner="thread")
def charge_elsewhere(cents: int) -> str:
    return pay(cents)


@task
def double(x: int) -> int:
    bank(f"double {x}")
    return 2 * x


@workflow
def order(step: str, cents: int) -> str:
    cents = double(cents).get_result()
    return STEPS[step](cents).get_result()


@workflow
async def order_async(step: str, cents: int) -> str:
    cents = await double(cents)
    return await STEPS[step](cents)


STEPS = {
    "plain": charge,
    "coroutine": charge_async,
    "other runner": charge_elsewhere,
    "verified": charge.with_options(on_crash=verify),
    "coroutine, verified": charge_async.with_options(on_crash=verify_async),
    "other runner, verified": charge_elsewhere.with_options(on_crash=verify),
}
KINDS = [pytest.param(order, id="in a plain workflow"), pytest.param(order_async, id="in an async one")]
asking = pytest.mark.parametrize("step", ["plain", "coroutine", "other runner"])
verifying = pytest.mark.parametrize("step", ["verified", "coroutine, verified", "other runner, verified"])
kinds = pytest.mark.parametrize("kind", KINDS)


def cut_off(world, kind, step):
    """A run whose process died when its step was under way, as another process has it."""
    process = world.process()
    process.call(kind, step, 5, key="k")
    assert begun.acquire(timeout=PATIENCE)
    process.die()
    gate.set()
    other = world.process()
    return other, other.call(kind, step, 5, key="k")


def step_of(world, run):
    return next(row for row in world.store.steps(run.id) if row.task.startswith("charge"))


def told(run):
    """The error that whoever waits gets."""
    with pytest.raises(UncertainError) as caught:
        run.get_result(PATIENCE)
    return str(caught.value)


def result(run):
    """As `get_result`, past the moment in which the handle has not heard of the decision yet."""
    wait_until(lambda: not run.is_running(), timeout=PATIENCE)
    return run.get_result()


@kinds
@asking
def test_the_intent_is_kept_before_the_step_begins(world, kind, step):
    """RUNNING, without a worker; the record takes its place."""
    run = world.process().call(kind, step, 5)
    assert begun.acquire(timeout=PATIENCE)
    row = step_of(world, run)
    assert (row.state, row.worker, row.queue) == ("RUNNING", None, None)
    gate.set()
    assert run.get_result(PATIENCE) == "paid 10"
    assert step_of(world, run).state == "SUCCEEDED"


@kinds
@asking
def test_a_person_is_asked_once(world, kind, step):
    """The run waits, its reason names step and arguments, who waits for it is told; nothing is executed."""
    _, run = cut_off(world, kind, step)
    message = told(run)
    row = step_of(world, run)
    assert f'{row.task}{{"cents":10}} ({row.id})' in message
    world.until(run, "WAITING", f"step uncertain: {row.task}")
    assert row.state == "WAITING"
    assert bank.lines == ["double 5", 10]


@kinds
@asking
def test_it_happened(world, kind, step):
    """With this value, which the workflow then gets."""
    other, run = cut_off(world, kind, step)
    told(run)
    complete(step_of(world, run).id, "seen in the books", store=other.store)
    assert result(run) == "seen in the books"
    assert bank.lines == ["double 5", 10]


@kinds
@asking
def test_it_failed(world, kind, step):
    """The workflow gets this error."""
    other, run = cut_off(world, kind, step)
    told(run)
    complete(step_of(world, run).id, error=ValueError("no money"), store=other.store)
    with pytest.raises(ValueError, match="no money"):
        result(run)
    assert bank.lines == ["double 5", 10]


@kinds
@asking
def test_it_is_executed_again(world, kind, step):
    """As was decided; nothing that is recorded is."""
    other, run = cut_off(world, kind, step)
    told(run)
    resume(step_of(world, run).id, store=other.store)
    assert result(run) == "paid 10"
    assert bank.lines == ["double 5", 10, 10]


@kinds
@pytest.mark.parametrize("again", [True, False])
def test_the_decision_comes_while_it_is_held(world, kind, again):
    """The workflow has not been parked for it yet."""
    process = world.process(hold=PATIENCE)
    process.call(kind, "plain", 5, key="k")
    assert begun.acquire(timeout=PATIENCE)
    process.die()
    gate.set()
    other = world.process(hold=1.0)
    run = other.call(kind, "plain", 5, key="k")
    wait_until(lambda: step_of(world, run).state == "WAITING", timeout=PATIENCE)
    assert world.row(run).state == "RUNNING"
    if again:
        resume(step_of(world, run).id, store=other.store)
    else:
        complete(step_of(world, run).id, "paid 10", store=other.store)
    assert result(run) == "paid 10"
    assert bank.count(10) == 1 + again


@kinds
def test_a_crash_while_it_waits_asks_no_second_time(world, kind):
    """The question is on disk; the next process waits for the same answer."""
    other, run = cut_off(world, kind, "plain")
    told(run)
    question = step_of(world, run)
    other.die()
    third = world.process()
    again = third.call(kind, "plain", 5, key="k")
    told(again)
    assert step_of(world, again) == question
    complete(question.id, "paid 10", store=third.store)
    assert result(again) == "paid 10"


@kinds
@verifying
def test_a_function_knows_that_it_happened(world, kind, step):
    """It is given the key and the arguments; the step is not executed, and the value is recorded."""
    Told.answer = Happened("receipt 7")
    _, run = cut_off(world, kind, step)
    assert run.get_result(PATIENCE) == "receipt 7"
    assert asked.lines == [(step_of(world, run).id, 10)]
    assert bank.lines == ["double 5", 10]


@kinds
@verifying
def test_a_function_knows_that_it_failed(world, kind, step):
    """The error is that of the step."""
    Told.answer = Happened(error=KeyError("account"))
    _, run = cut_off(world, kind, step)
    with pytest.raises(KeyError, match="account"):
        run.get_result(PATIENCE)
    assert bank.lines == ["double 5", 10]


@kinds
@verifying
def test_a_function_knows_that_it_did_not_happen(world, kind, step):
    """It is executed, once."""
    _, run = cut_off(world, kind, step)
    assert run.get_result(PATIENCE) == "paid 10"
    assert len(asked.lines) == 1
    assert bank.lines == ["double 5", 10, 10]


@kinds
@verifying
@pytest.mark.parametrize(
    ("answer", "shown"),
    [(ConnectionError("bank is closed"), "ConnectionError: bank is closed"), (True, "it returned True")],
    ids=["raises", "something else"],
)
def test_a_function_that_cannot_tell(world, kind, step, answer, shown):
    """A person is asked, and is told why; after that the function is not."""
    Told.answer = answer
    other, run = cut_off(world, kind, step)
    assert shown in told(run)
    assert len(asked.lines) == 1
    resume(step_of(world, run).id, store=other.store)
    assert result(run) == "paid 10"
    assert len(asked.lines) == 1


def test_others_beside_it_go_on(world):
    """Steps that are under way are recorded, and only then the run is parked."""

    @workflow
    def both(cents: int) -> list[str | int]:
        return gather(charge(cents), double(cents)).get_result()

    process = world.process()
    process.call(both, 5, key="k")
    assert begun.acquire(timeout=PATIENCE)
    process.die()
    gate.set()
    other = world.process()
    run = other.call(both, 5, key="k")
    told(run)
    assert dict(world.steps(run))["double"] == "SUCCEEDED"
    complete(step_of(world, run).id, "done", store=other.store)
    assert result(run) == ["done", 10]


def test_a_run_that_was_stopped_asks_nobody(world):
    """The question goes with it."""
    other, run = cut_off(world, order, "plain")
    told(run)
    question = step_of(world, run).id
    assert run.stop()
    assert step_of(world, run).state == "STOPPED"
    with pytest.raises(RunEndedError):
        complete(question, 1, store=other.store)


def test_a_timeout_is_not_counted_while_a_person_is_asked(world):
    """Of an attempt: none is under way."""

    @task(on_crash="ask", timeout=0.05)
    def charge(cents: int) -> str:
        return pay(cents)

    @workflow
    def brief(cents: int) -> str:
        return charge(cents).get_result()

    process = world.process()
    process.call(brief, 5, key="k")
    assert begun.acquire(timeout=PATIENCE)
    process.die()
    gate.set()
    other = world.process(hold=0.5)
    run = other.call(brief, 5, key="k")
    told(run)
    assert step_of(world, run).state == "WAITING"


def test_retries_write_no_second_intent(world, process):
    """An attempt that failed is known to have failed."""
    tried = []

    @task(on_crash="ask", retries=2)
    def flaky() -> int:
        tried.append(1)
        if len(tried) < 3:
            raise ValueError
        return 1

    @workflow
    def patient() -> int:
        sleep(0)
        return flaky().get_result()

    assert process.call(patient).get_result(PATIENCE) == 1
    assert len(tried) == 3


def test_a_program_that_ends_in_order_asks_nobody(world):
    """What did not begin is not uncertain."""
    process = world.process()

    @workflow
    def slow() -> str:
        sleep(0.3)
        return charge(1).get_result()

    gate.set()
    run = process.call(slow, key="k")
    process.engine.close()
    assert world.process().call(slow, key="k").get_result(PATIENCE) == "paid 1"
    assert not [row for row in world.store.steps(run.id) if row.reason]


# -- calls from a queue --------------------------------------------------------------------------------


def cut_off_call(world, charging):
    """A call whose worker died when it was under way, and a worker that knows it."""
    process = world.process()
    run = process.call(charging, 5)
    first = with_worker(process, charging)
    assert begun.acquire(timeout=PATIENCE)
    process.engine.abandon()
    world.store.write(Recover(now=clock.now(), dead=(process.engine.id,)))
    gate.set()
    first.serving.threads.end()
    other = world.process()
    worker = with_worker(other, charging)
    return other, worker, run


def with_worker(process, charging):
    worker = Worker([charging], process.store)
    worker.start()
    return worker


def test_a_queued_call_is_asked_about(world):
    """The claim was its intent; it waits, and whoever decides ends it."""
    charging = charge.with_options(runner="queue")
    other, worker, run = cut_off_call(world, charging)
    world.until(run, "WAITING", 'uncertain: charge{"cents":5}')
    assert bank.lines == [5]
    complete(run.id, "paid", store=other.store)
    world.until(run, "SUCCEEDED")
    assert worker.drain(PATIENCE)


def test_a_queued_call_is_executed_again(world):
    """When somebody decides so."""
    charging = charge.with_options(runner="queue")
    other, worker, run = cut_off_call(world, charging)
    world.until(run, "WAITING", "uncertain")
    resume(run.id, store=other.store)
    world.until(run, "SUCCEEDED")
    assert bank.lines == [5, 5]
    assert worker.drain(PATIENCE)


@pytest.mark.parametrize("kind", [charge, charge_async], ids=["plain", "async"])
@pytest.mark.parametrize("answer", [Happened("receipt"), None, ConnectionError("closed")], ids=["yes", "no", "unknown"])
def test_a_queued_call_is_verified(world, kind, answer):
    """It happened; it did not, and is executed; nobody knows, and a person is asked."""
    Told.answer = answer
    charging = task(runner="queue", on_crash=verify, name="charge")(kind.fn)
    _, worker, run = cut_off_call(world, charging)
    if isinstance(answer, Exception):
        world.until(run, "WAITING", "on_crash could not tell: ConnectionError: closed")
    else:
        world.until(run, "SUCCEEDED")
    assert asked.lines == [(run.id, 5)]
    assert bank.lines == ([5, 5] if answer is None else [5])
    assert worker.drain(PATIENCE)


@pytest.mark.parametrize("wrong", ["always", 7, None, dict])
def test_what_cannot_be_meant(wrong):
    """At decoration, by name."""
    with pytest.raises(OptionError, match="on_crash"):
        task(on_crash=wrong)(pay)


def test_a_workflow_has_none(world):
    """Its code is executed as often as it takes."""
    with pytest.raises(OptionError, match="on_crash"):
        order.with_options(on_crash="ask")
    with pytest.raises(OptionError, match="on_crash"):
        workflow(on_crash="ask")(order.fn)


def test_the_store_is_asked_no_more_than_before(world, process):
    """A step without an `on_crash` of its own has no intent: one write, its record."""
    writes = process.store.writes
    process.call(doubling, 2).get_result(PATIENCE)
    assert process.store.writes - writes == 3  # the call, the step, the end


@workflow
def doubling(x: int) -> int:
    return double(x).get_result()
