"""`crash_everywhere` finds what a crash breaks in a user's workflow, and nothing where nothing is broken."""

import asyncio

import pytest
from durable_helpers import Log

from woflo import Happened, current_run, gather, manual, sleep, task, wait_signal, workflow
from woflo.errors import OptionError
from woflo.kernel import clock
from woflo.stores.memory import MemoryStore
from woflo.testing import FakeClock, crash_everywhere

done = Log()


@pytest.fixture(autouse=True)
def fresh():
    done.lines.clear()


@task
def step(number: int) -> int:
    done(number)
    return number


@task
async def astep(number: int) -> int:
    done(number)
    return number


@workflow
def child(number: int) -> int:
    sleep(60)
    return step(number).get_result()


@workflow
async def achild(number: int) -> int:
    await sleep(60)
    return await astep(number)


@manual
def approve(what: str) -> bool: ...


@task(runner="queue")
def elsewhere(number: int) -> int:
    done(number)
    return number


@workflow
def everything(number: int) -> list[int]:
    first = step(number).get_result()
    beside = [step(number + 1), step(number + 2)]
    below = child(number + 3).get_result()
    sleep(3600)
    told = wait_signal("told")
    assert approve("this").get_result()
    return [first, *(run.get_result() for run in beside), below, told]


@workflow
async def everything_async(number: int) -> list[int]:
    first = await astep(number)
    beside = await asyncio.gather(astep(number + 1), astep(number + 2))
    below = await achild(number + 3)
    await sleep(3600)
    told = await wait_signal("told")
    assert await approve("this")
    return [first, *beside, below, told]


@pytest.mark.parametrize("kind", [everything, everything_async], ids=["plain", "async"])
@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_a_sound_workflow_survives(kind, store):
    """With children, signals, sleeps of an hour, a manual step; each write is crashed at, before it and after it."""
    report = crash_everywhere(kind, 1, signals={"told": 9}, answers={approve: True}, store=store).check()
    assert report.ended.value == [1, 2, 3, 4, 9]
    places = {(crash.write, crash.kept) for crash in report.crashes}
    assert len(places) == len(report.crashes) >= 2 * 9
    assert set(report.twice) <= {"step", "astep"}
    assert report.twice
    assert "without a crash it returned [1, 2, 3, 4, 9]" in str(report)


@task
def pay(amount: int) -> int:
    with current_run().transaction() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS paid (amount INTEGER)")
        connection.execute("INSERT INTO paid VALUES (?)", (amount,))
    return amount


@workflow
def paying() -> int:
    return pay(1).get_result() + pay(2).get_result()


def rows(store):
    with store.transaction() as transaction:
        return transaction.connection.execute("SELECT * FROM paid ORDER BY amount").fetchall()


def test_what_is_written_in_a_transaction_is_there_once():
    """The steps execute again, and their rows are as many as without a crash."""
    report = crash_everywhere(paying, effects=rows).check(may_run_twice=[pay])
    assert report.effects == [(1,), (2,)]
    assert report.twice["pay"] >= 2


def test_an_effect_that_happens_twice_is_told():
    """By the values, and by the write at which it happens; without an error of its own where nobody asked."""

    @workflow
    def counting() -> int:
        return step(5).get_result()

    report = crash_everywhere(counting, before=done.lines.clear, effects=lambda _: list(done.lines))
    with pytest.raises(AssertionError) as told:
        report.check()
    assert "counting does not survive every crash" in str(told.value)
    assert 'before write 1 (the record of step("number":5)): the effects were [5, 5] and not [5]' in str(told.value)
    assert [crash.write for crash in report.wrong] == [1]
    with pytest.raises(AssertionError, match="step executed again after 1 crash"):
        crash_everywhere(counting).check(may_run_twice=[])


def test_simulated_crashes_are_not_logged(caplog):
    """A test that fails shows what went wrong, and not hundreds of lines of what was meant to; the rest is told."""

    @task(retries=1)
    def at_the_second(number: int) -> int:
        if current_run().attempt == 1:
            raise ValueError("not yet")
        return number

    @workflow
    def twice() -> int:
        return at_the_second(1).get_result() + at_the_second(2).get_result()

    with caplog.at_level("INFO", logger="woflo"):
        crash_everywhere(twice).check()
    assert "SimulatedCrashError" not in caplog.text
    assert "not yet" in caplog.text


def test_a_result_that_differs_is_told():
    """What the code takes from outside of its steps is another one when it goes on."""
    numbers = iter(range(100))

    @workflow
    def careless() -> int:
        number = next(numbers)
        step(1).get_result()
        return number

    report = crash_everywhere(careless)
    with pytest.raises(AssertionError, match=r"crash after write 1 \(the record of step.*it returned \d+"):
        report.check()
    assert crash_everywhere(careless, same=lambda one, other: True).check().wrong == ()


def test_where_it_stops_is_told():
    """Code that goes another way than its journal."""
    is_first = iter([True, False] * 50)

    @workflow
    def turning() -> int:
        return (step if next(is_first) else astep)(1).get_result()

    report = crash_everywhere(turning, same=lambda *_: True)
    stopped = [crash for crash in report.crashes if crash.ended.stopped]
    assert stopped
    assert "step" in stopped[0].ended.stopped
    assert str(stopped[0]) in str(report)


def test_a_failure_is_an_end_too():
    """The same failure after every crash; pauses between attempts are skipped."""

    @task(retries=2, retry_sleep_time=3600)
    def fails() -> None:
        done("fails")
        raise KeyError("always")

    @workflow
    def failing() -> None:
        fails().get_result()

    report = crash_everywhere(failing).check()
    assert isinstance(report.ended.error, KeyError)
    assert done.count("fails") % 3 == 0


def test_a_worker_serves_its_steps():
    """Those that it leaves to a queue."""

    @workflow
    def delegating() -> int:
        return elsewhere(3).get_result() + step(4).get_result()

    assert crash_everywhere(delegating, serving=[elsewhere]).check().ended.value == 7


def test_what_does_not_end_is_refused():
    """It says what is missing; what is no workflow is told apart."""

    @workflow
    def waiting() -> None:
        wait_signal("never")

    with pytest.raises(OptionError, match=r"does not end without a crash either: it stayed WAITING .*signal.*give"):
        crash_everywhere(waiting)
    with pytest.raises(OptionError, match="step is no workflow"):
        crash_everywhere(step, 1)
    with pytest.raises(OptionError, match="store='nowhere'"):
        crash_everywhere(paying, store="nowhere")


def test_a_clock_of_the_test_is_used():
    """And left as it was found; the stores are made by whoever knows better."""
    made = []

    def new():
        made.append(MemoryStore())
        return made[-1]

    with FakeClock(1000.0) as faked:
        report = crash_everywhere(child, 1, store=new).check()
        assert clock.current() is faked
        assert faked.now() >= 1000 + 60 * len(made)
    assert len(made) == len(report.crashes) + 1
    assert not isinstance(clock.current(), FakeClock)


@task(retries=2, retry_sleep_time=600)
def refuses(number: int) -> int:
    raise ValueError(f"not {number}")


@workflow
def pauses_between_attempts(number: int) -> str:
    gather(child(number), child(number + 1)).get_result()
    try:
        gather(refuses(number), refuses(number + 1)).get_result()
    except ValueError as error:
        step(number)
        return str(error)
    return "accepted"


def test_pauses_between_attempts_cost_no_time():
    """Nor in a group of steps, nor where groups of processes that died have never ended."""
    report = crash_everywhere(pauses_between_attempts, 1, timeout=10).check()
    assert report.ended.value == "not 1"


def test_steps_that_ask_are_told_from_those_that_know():
    """One whose process died waits for a person, which is told; one that can look whether it happened runs once."""

    @task(on_crash="ask")
    def asks() -> int:
        return 1

    def has_happened(key):
        return Happened(7) if "done" in done.lines else None

    @task(on_crash=has_happened)
    def knows() -> int:
        done("done")
        return 7

    @workflow
    def asking() -> int:
        return asks().get_result()

    @workflow
    def knowing() -> int:
        return knows().get_result()

    report = crash_everywhere(asking)
    assert report.twice == {}
    assert len(report.wrong) == 2
    assert all("it stayed WAITING (step uncertain: asks" in str(crash) for crash in report.wrong)
    crash_everywhere(knowing, before=done.lines.clear, effects=lambda _: list(done.lines)).check(may_run_twice=[])
