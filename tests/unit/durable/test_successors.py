"""Runs that go on from others: from the beginning, where they failed, from a step, or with other arguments."""

import asyncio

import pytest
from durable_helpers import PATIENCE, Log, called, crashed_at

from woflo import Worker, complete, continue_as, fork, manual, restart, resume, task, workflow
from woflo.durable.engine import engine_of
from woflo.durable.inside import now, patched, sleep, wait_signal
from woflo.errors import (
    ArgumentError,
    KeyConflictError,
    NonDeterminismError,
    NotInWorkflowError,
    OptionError,
    RunContinuedError,
    RunEndedError,
    RunNotEndedError,
    TaskStoppedError,
    UnknownRunError,
)
from woflo.kernel.state import RunState
from woflo.stores.operations import CONTINUED, Submit
from woflo.stores.rows import Row
from woflo.testing import wait_until

effects = Log()
broken = set()


@pytest.fixture(autouse=True)
def fresh():
    effects.lines.clear()
    broken.clear()


@task
def step(name: str) -> str:
    effects(name)
    if name in broken:
        raise ValueError(name)
    return name


@workflow
def plain(x: str) -> str:
    first = step(f"{x}1").get_result()
    beside = [step(f"{x}2"), step(f"{x}3")]
    time = now()
    last = step(f"{x}4").get_result()
    assert now() >= time
    return " ".join([first, *(run.get_result() for run in beside), last])


@workflow
async def coroutine(x: str) -> str:
    first = await step(f"{x}1")
    middle = await asyncio.gather(step(f"{x}2"), step(f"{x}3"))
    time = now()
    last = await step(f"{x}4")
    assert now() >= time
    return " ".join([first, *middle, last])


@workflow
def patient(x: str) -> str:
    return step(x).get_result() + wait_signal("go")


@workflow
def cleaning(x: str) -> str:
    step("begin").get_result()
    try:
        return step(x).get_result() + step("end").get_result()
    finally:
        step("clean").get_result()


@workflow
def parent(x: str) -> str:
    child = plain("child").get_result()
    return f"{child} {step(x).get_result()}"


@manual
def approve(what: str) -> str: ...


both = pytest.mark.parametrize("kind", [plain, coroutine], ids=["plain", "async"])


def failed(process, kind, *names, key="k"):
    """A run that failed at the step of the first of these names, all of which fail."""
    broken.update(names)
    run = process.call(kind, "a" if kind in (plain, coroutine) else names[0], key=key)
    with pytest.raises(ValueError, match=names[0]):
        run.get_result(PATIENCE)
    broken.clear()
    return run


# -- restart -------------------------------------------------------------------------------------------


@both
def test_restarted_it_begins_anew(world, process, kind):
    """Every step is executed again; the one before stays as it ended; the key finds the new one."""
    run = failed(process, kind, "a3")
    effects.lines.clear()
    again = run.restart()
    assert again.get_result(PATIENCE) == "a1 a2 a3 a4"
    assert sorted(effects.lines) == ["a1", "a2", "a3", "a4"]
    assert world.row(again).continues == run.id and world.row(again).key == "k"
    assert run.state == "FAILED" and world.row(run).state == "FAILED"
    assert world.process().call(kind, "a", key="k").id == again.id


def test_a_successful_run_is_restarted_too(process):
    """Its own handles keep its own result."""
    run = process.call(plain, "a", key="k")
    assert run.get_result(PATIENCE) == "a1 a2 a3 a4"
    again = run.restart()
    assert again.get_result(PATIENCE) == "a1 a2 a3 a4"
    assert len(effects.lines) == 8


def test_it_is_found_by_the_same_tags(world, process):
    """Whatever begins it: a restart, a resumption or a fork."""
    broken.add("a3")
    run = process.call(plain, "a", tags={"customer": "7"})
    run.wait(PATIENCE)
    broken.clear()
    again = run.resume()
    again.get_result(PATIENCE)
    runs = [run, again, again.restart(), again.fork(1)]
    assert sorted(row.id for row in world.store.select(tags={"customer": "7"})) == sorted(one.id for one in runs)
    for one in runs[2:]:
        one.get_result(PATIENCE)


def test_only_the_last_of_a_row_is_restarted(process):
    """Who names an older one is told which that is."""
    run = failed(process, plain, "a1")
    second = restart(run.id, store=process.store)
    for function in (restart, resume):
        with pytest.raises(RunContinuedError, match=second):
            function(run.id, store=process.store)


def test_what_is_under_way_is_not_replaced(world, process):
    """It is to be stopped first."""
    run = process.call(patient, "a")
    world.until(run, "WAITING")
    with pytest.raises(RunNotEndedError, match="WAITING"):
        run.restart()
    run.stop()
    again = run.restart()
    again.send("go", "!")
    assert again.get_result(PATIENCE) == "a!"
    with pytest.raises(TaskStoppedError):
        run.get_result()


def test_a_step_is_no_run_to_be_restarted(world, process):
    """Its workflow is; and what is not there is unknown."""
    run = failed(process, plain, "a1")
    (only,) = world.store.steps(run.id)
    with pytest.raises(RunEndedError, match=run.id):
        restart(only.id, store=process.store)
    for function in (restart, resume):
        with pytest.raises(UnknownRunError):
            function("nobody", store=process.store)


def test_a_worker_executes_it(world, process):
    """Who only asks for it need not know the workflow; a call from a queue is restarted in the same way."""
    queued = step.with_options(runner="queue", key="q")
    run = process.call(queued, "x")
    broken.add("x")
    worker = Worker([queued, plain], process.store)
    worker.start()
    world.until(run, "FAILED")
    broken.clear()
    second = resume(run.id, store=process.store)
    wait_until(lambda: world.store.get(second).state == "SUCCEEDED", timeout=PATIENCE)
    assert worker.drain(PATIENCE)
    assert effects.lines == ["x", "x"]


# -- resume --------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("name", ["a1", "a2", "a3", "a4"])
def test_resumed_it_executes_what_failed(world, process, kind, name):
    """And nothing that succeeded, wherever that stands."""
    run = failed(process, kind, name)
    before = [*effects.lines]
    again = run.resume()
    assert again.get_result(PATIENCE) == "a1 a2 a3 a4"
    counts = {one: effects.count(one) for one in ("a1", "a2", "a3", "a4")}
    assert counts == {one: 1 + (one == name) for one in counts}, before
    assert world.row(again).continues == run.id
    assert process.call(kind, "a", key="k").id == again.id


def test_resumed_twice(world, process):
    """Each inherits from the one before, what that inherited included."""
    first = failed(process, coroutine, "a2")
    broken.add("a4")
    second = first.resume()
    with pytest.raises(ValueError, match="a4"):
        second.get_result(PATIENCE)
    broken.clear()
    third = second.resume()
    assert third.get_result(PATIENCE) == "a1 a2 a3 a4"
    assert [effects.count(f"a{number}") for number in (1, 2, 3, 4)] == [1, 2, 1, 2]


def test_what_followed_the_failure_does_not_count(process):
    """A clean-up that stood in the place of what comes now is executed where its turn is."""
    run = failed(process, cleaning, "x")
    assert effects.lines == ["begin", "x", "clean"]
    again = run.resume()
    assert again.get_result(PATIENCE) == "xend"
    assert effects.lines == ["begin", "x", "clean", "x", "end", "clean"]


def test_a_crash_in_the_resumed_run(world, process):
    """What it inherited and what it did itself is there in the next process."""
    run = failed(process, parent, "p")
    again = run.resume()
    again.get_result(PATIENCE)
    assert [effects.count(f"child{number}") for number in (1, 2, 3, 4)] == [1, 1, 1, 1]
    assert effects.count("p") == 2


@pytest.mark.parametrize("name", ["x", "y"])
def test_it_is_resumed_after_a_crash(world, process, name):
    """The records of before serve until they are its own."""

    @workflow
    def waiting() -> str:
        first = step("x").get_result()
        wait_signal("go")
        return first + step("y").get_result()

    broken.add(name)
    run = process.call(waiting, key="k")
    if name == "y":
        run.send("go")
    with pytest.raises(ValueError, match=name):
        run.get_result(PATIENCE)
    broken.clear()
    again = run.resume()
    if name == "x":
        world.until(again, "WAITING", "signal")
    process.die()
    other = world.process()
    last = other.call(waiting, key="k")
    assert last.id == again.id
    if name == "x":
        last.send("go")
    assert last.get_result(PATIENCE) == "xy"
    assert effects.count("x") == 1 + (name == "x")


def test_a_success_is_not_resumed(process):
    """There is nothing left of it."""
    run = process.call(plain, "a")
    run.get_result(PATIENCE)
    with pytest.raises(RunEndedError, match="restart"):
        run.resume()


# -- fork ----------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("at", range(5))
def test_forked_it_has_the_first_calls(world, process, kind, at):
    """They are not executed again, the others are; the one before is left alone."""
    run = process.call(kind, "a", key="k")
    run.get_result(PATIENCE)
    before = world.store.snapshot().runs
    effects.lines.clear()
    twin = run.fork(at)
    assert twin.get_result(PATIENCE) == "a1 a2 a3 a4"
    left = [name for place, name in ((0, "a1"), (1, "a2"), (2, "a3"), (4, "a4")) if place >= at]
    assert sorted(effects.lines) == left
    assert world.store.snapshot().runs[: len(before)] == before
    assert world.row(twin).continues == run.id and world.row(twin).key is None


def test_a_run_under_way_is_forked(world, process):
    """Both go on; the fork may have a key."""
    run = process.call(patient, "a", key="k")
    world.until(run, "WAITING")
    twin = run.fork(1, key="twin")
    world.until(twin, "WAITING")
    for one in (twin, run):
        one.send("go", "!")
        assert one.get_result(PATIENCE) == "a!"
    assert effects.lines == ["a"]
    assert process.call(patient, "a", key="twin").id == twin.id
    with pytest.raises(KeyConflictError):
        run.fork(1, key="k")


@pytest.mark.parametrize("wrong", [-1, 3, 1.0, True])
def test_there_must_be_so_many_calls(world, process, wrong):
    """The error tells how many there are."""
    run = process.call(patient, "a")
    world.until(run, "WAITING")
    with pytest.raises(OptionError, match="step"):
        fork(run.id, wrong, store=process.store)


def test_branches_come_as_far_as_they_were(world, process):
    """What a branch did before the call at which it is forked is not done again."""

    @workflow
    async def branching() -> str:
        async def branch(name):
            await step(f"{name}1")
            return await step(f"{name}2")

        names = await asyncio.gather(branch("x"), branch("y"))
        await step("between")
        return " ".join([*names, await step("last")])

    run = process.call(branching)
    run.get_result(PATIENCE)
    effects.lines.clear()
    assert run.fork(1).get_result(PATIENCE) == "x2 y2 last"
    assert effects.lines == ["last"]


def test_failures_are_forked_as_they_are(process):
    """Whoever wants them executed again forks before them."""
    run = failed(process, plain, "a1")
    with pytest.raises(ValueError, match="a1"):
        run.fork(1).get_result(PATIENCE)
    assert run.fork(0).get_result(PATIENCE) == "a1 a2 a3 a4"


# -- continue_as ---------------------------------------------------------------------------------------


@workflow
def counting(number: int, last: int) -> str:
    step(f"{number}").get_result()
    if number < last:
        continue_as(number + 1, last=last)
    return f"counted to {number}"


@workflow
async def counting_async(number: int, last: int) -> str:
    await step(f"{number}")
    if number < last:
        continue_as(number + 1, last=last)
    return f"counted to {number}"


endless = pytest.mark.parametrize("kind", [counting, counting_async], ids=["plain", "async"])


@endless
def test_it_goes_on_with_other_arguments(world, process, kind):
    """The handle follows to the last; each run is ended, and has its own steps; the key is the last one's."""
    run = process.call(kind, 1, 4, key="k")
    first = run.id
    assert run.get_result(PATIENCE) == "counted to 4"
    assert effects.lines == ["1", "2", "3", "4"]
    assert run.id != first
    chain = [world.row(run)]
    while chain[-1].continues:
        chain.append(world.store.get(chain[-1].continues))
    assert [row.key for row in chain] == ["k", None, None, None]
    assert {len(world.store.steps(row.id)) for row in chain} == {1}
    assert {str(row.state) for row in chain} == {"SUCCEEDED"}


@endless
def test_the_first_call_finds_the_last_run(world, process, kind):
    """By the key, with the arguments of the call that began it, also from another process."""
    process.call(kind, 1, 3, key="k").get_result(PATIENCE)
    again = world.process().call(kind, 1, 3, key="k")
    assert again.get_result(PATIENCE) == "counted to 3"
    assert len(effects.lines) == 3


@endless
@pytest.mark.parametrize("kept", [False, True], ids=["lost", "kept"])
def test_crashed_at_any_write_it_goes_on(kind, kept):
    """The end of one and the beginning of the next are one write: neither is there without the other."""
    at = 0
    while (store := crashed_at(at, kind, 1, 3, kept=kept)) is not None:
        run = called(store, kind, 1, 3)
        assert run.get_result(PATIENCE) == "counted to 3"
        engine_of(store).close()
        assert set(effects.lines) == {"1", "2", "3"} and len(effects.lines) <= 4
        rows = [row for row in store.snapshot().runs if row.parent_id is None]
        assert [row.state for row in rows] == ["SUCCEEDED"] * 3
        store.close()
        effects.lines.clear()
        at += 1
    assert at >= 6


@endless
def test_a_handle_in_another_process_follows(world, process, kind):
    """It learns from the rows."""

    @workflow
    def waiting(number: int) -> int:
        wait_signal("go")
        if number < 2:
            continue_as(number + 1)
        return number

    run = process.call(waiting, 0, key="k")
    other = world.process().call(waiting, 0, key="k")
    for _ in range(3):
        last = world.store.find("waiting", "k").id
        process.call(waiting, 0, key="k").send("go")
        wait_until(lambda last=last: world.store.get(last).is_terminal, timeout=PATIENCE)
    assert [one.get_result(PATIENCE) for one in (run, other)] == [2, 2]


@endless
def test_a_parent_waits_for_the_last(world, process, kind):
    """Also where it is executed again meanwhile."""

    @workflow
    def above() -> str:
        result = kind(1, 3).get_result()
        wait_signal("go")
        return result

    run = process.call(above, key="k")
    world.until(run, "WAITING", "signal")
    process.die()
    again = world.process().call(above, key="k")
    again.send("go")
    assert again.get_result(PATIENCE) == "counted to 3"
    assert effects.lines == ["1", "2", "3"]


def test_the_first_of_a_long_row_leads_to_the_last(world, process):
    """However many there are between."""
    rows = [
        Row(
            id=f"r{n:04}",
            task="counting",
            state=RunState.SUCCEEDED,
            reason=f"{CONTINUED}r{n + 1:04}",
        )
        for n in range(1500)
    ]
    rows.append(Row(id="r1500", task="counting", state=RunState.SUCCEEDED, result='"at last"'))
    world.store.write(Submit(now=1.0, runs=tuple(rows)))
    handle = process.call(counting, 1, 1)._another("r0000")
    assert handle.get_result(PATIENCE) == "at last"


def test_a_worker_goes_on(world, process):
    """It claims the one that goes on from its queue."""
    run = process.call(counting.with_options(runner="queue"), 1, 3)
    worker = Worker([counting], process.store)
    worker.start()
    assert run.get_result(PATIENCE) == "counted to 3"
    assert worker.drain(PATIENCE)


def test_steps_that_were_called_end_before(world, process):
    """Nothing is lost of them."""

    @workflow
    def hasty(left: int) -> int:
        step("beside")
        if left:
            continue_as(left - 1)
        return left

    run = process.call(hasty, 1)
    first = run.id
    assert run.get_result(PATIENCE) == 0
    assert [row.state for row in world.store.steps(first)] == ["SUCCEEDED"]


def test_code_that_catches_everything_does_not_stop_it(process):
    """What it returns is dropped."""

    @workflow
    def catching(left: int) -> int:
        try:
            if left:
                continue_as(left - 1)
        except BaseException:
            return -1
        return left

    assert process.call(catching, 2).get_result(PATIENCE) == 0


def test_who_stops_it_stops_the_one_that_goes_on(world, process):
    """The handle stands for that one."""

    @workflow
    def endless(number: int) -> None:
        sleep(0.001)
        continue_as(number + 1)

    run = process.call(endless, 0)
    wait_until(lambda: world.store.get(run.id).args != '{"number":0}', timeout=PATIENCE)
    assert run.stop()
    with pytest.raises(TaskStoppedError):
        run.get_result(PATIENCE)


def test_what_cannot_be_meant(process):
    """Wrong arguments fail the run; elsewhere than in a workflow it is a named error."""

    @workflow
    def wrong() -> None:
        continue_as(1)

    with pytest.raises(ArgumentError):
        process.call(wrong).get_result(PATIENCE)
    with pytest.raises(NotInWorkflowError):
        continue_as()


def test_changed_code_is_told_of_a_fork(process):
    """Its records are its own: another call there is a change."""

    class Code:
        name = "old"

    @workflow
    def changing() -> str:
        return step(Code.name).get_result() + step("x").get_result()

    run = process.call(changing)
    run.get_result(PATIENCE)
    Code.name = "new"
    with pytest.raises(NonDeterminismError, match="old"):
        run.fork(1).get_result(PATIENCE)


def test_patched_in_a_resumed_run(process):
    """It had passed the place before."""

    class Code:
        is_new = False

    @workflow
    def changing() -> str:
        first = step("a").get_result()
        if Code.is_new and patched("new"):
            first = "new"
        return first + step("b").get_result() + step("c").get_result()

    broken.add("c")
    run = process.call(changing)
    with pytest.raises(ValueError, match="c"):
        run.get_result(PATIENCE)
    broken.clear()
    Code.is_new = True
    assert run.resume().get_result(PATIENCE) == "abc"


def test_a_question_to_a_person_is_asked_again(world, process):
    """What was answered is not."""

    @workflow
    def asking() -> str:
        return approve("x").get_result() + step("y").get_result()

    broken.add("y")
    run = process.call(asking)
    world.until(run, "WAITING", "run")
    complete(f"{run.id}:0", "yes", store=process.store)
    with pytest.raises(ValueError, match="y"):
        run.get_result(PATIENCE)
    broken.clear()
    assert run.resume().get_result(PATIENCE) == "yesy"
