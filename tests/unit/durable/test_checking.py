"""Runs in flight are replayed dry against the code as it is now: what does not fit is named, nothing is done."""

import asyncio

import pytest
from durable_helpers import PATIENCE, Log

from woflo import as_completed, check, current_run, gather, manual, resume, task, workflow
from woflo.durable.inside import continue_as, now, patched, random, sleep, sleep_until, uuid4, wait_signal
from woflo.errors import NonDeterminismError, OptionError
from woflo.testing import wait_until

effects = Log()


class Code:
    """What the workflow executes just now."""

    body = None


@pytest.fixture(autouse=True)
def fresh():
    effects.lines.clear()


@task
def step(x: int) -> int:
    effects(f"step {x}")
    return x


@manual
def approve(x: int) -> int: ...


@workflow
def changing(x: int) -> int:
    return Code.body(x)


@workflow
async def changing_async(x: int) -> int:
    return await asyncio.to_thread(Code.body, x)


@workflow
async def native(x: int) -> int:
    return await Code.body(x)


@workflow
def child(x: int) -> int:
    return step(x).get_result() + wait_signal("go")


@workflow
def another(x: int) -> int:
    return step(x).get_result() + wait_signal("go")


def before(x):
    value = step(x).get_result() + step(x + 1).get_result()
    current_run().publish("shown", value)
    random()
    uuid4()
    return value + wait_signal("go")


def a_comment(x):
    # another one
    print(x)
    return before(x)


def more_behind_it(x):
    value = before(x)
    return value + step(99).get_result()


def inserted(x):
    step(x).get_result()
    step(77).get_result()
    return before(x)


def patched_in(x):
    if patched("new"):
        step(77).get_result()
    return before(x)


def less(x):
    return step(x).get_result()


def other_wait(x):
    value = step(x).get_result() + step(x + 1).get_result()
    sleep(0)
    return value


FITS = [before, a_comment, more_behind_it, patched_in]


def raises(x):
    raise KeyError("REGION")


MISFITS = {
    raises: ('step{"x":1}', "the workflow raised KeyError('REGION') (test_checking.py:"),
    inserted: ('step{"x":2}', 'step{"x":77}'),
    less: ('step{"x":2}', "was not called again"),
    other_wait: ("woflo.publish", "woflo.sleep"),
}

kinds = pytest.mark.parametrize("kind", [changing, changing_async], ids=["plain", "async"])


def parked(world, process, kind, x=1):
    """A run that has its records, and waits for a signal."""
    Code.body = before
    run = process.call(kind, x, key=f"{kind.name} {x}")
    world.until(run, "WAITING", "signal")
    return run


def checked(world, *workflows):
    """The result of a check, which has left everything as it was."""
    rows, done = world.store.snapshot(), [*effects.lines]
    found = check(*workflows, store=world.store)
    assert world.store.snapshot() == rows
    assert effects.lines == done
    return found


@kinds
@pytest.mark.parametrize("change", FITS, ids=lambda change: change.__name__)
def test_what_fits(world, process, kind, change):
    """Nothing is told of it; nothing is written or executed."""
    parked(world, process, kind)
    Code.body = change
    assert checked(world, kind) == (1, (), {})


@kinds
@pytest.mark.parametrize("change", MISFITS, ids=lambda change: change.__name__)
def test_what_does_not_fit(world, process, kind, change):
    """The run, its workflow, what is recorded and what was called; the same as it would be told when it goes on."""
    run = parked(world, process, kind)
    Code.body = change
    found = checked(world, kind)
    (misfit,) = found.misfits
    assert (found.fitting, misfit.run_id, misfit.task) == (0, run.id, kind.name)
    recorded, called = MISFITS[change]
    assert recorded in misfit.problem and called in misfit.problem
    run.send("go", 1)
    with pytest.raises(NonDeterminismError) as caught:
        run.get_result(PATIENCE)
    assert misfit.problem in str(caught.value)
    assert checked(world, kind).misfits == found.misfits
    Code.body = before
    assert checked(world, kind).fitting == 1
    resume(run.id, store=process.store)
    wait_until(lambda: not run.is_running(), timeout=PATIENCE)
    assert run.get_result() == 4


@workflow
def waits_behind_them(x: int) -> int:
    value = Code.called(x).get_result()
    return len(value) + wait_signal("go") if isinstance(value, list) else value + wait_signal("go")


@task
def numbers(x: int) -> int:
    effects(f"numbers {x}")
    return x


@task(name="numbers")
def changed_numbers(x: int) -> list[str]:
    return [str(x)]


@workflow
def number_child(x: int) -> int:
    return x


@workflow(name="number_child")
def changed_number_child(x: int) -> list[str]:
    return [str(x)]


@pytest.mark.parametrize(
    ("recorded", "changed"),
    [(numbers, changed_numbers), (number_child, changed_number_child)],
    ids=["step", "child"],
)
def test_a_result_that_the_code_cannot_read_any_more(world, process, recorded, changed):
    """It is told by a check, and the run waits for a decision: mended code goes on from the same record."""
    Code.called = recorded
    run = process.call(waits_behind_them, 2, key="k")
    world.until(run, "WAITING", "signal")
    Code.called = changed
    (misfit,) = checked(world, waits_behind_them).misfits
    assert f'call 1 is recorded as {recorded.name}{{"x":2}}, and the result of' in misfit.problem
    assert "is stored as 2, which the annotation list[str] does not describe" in misfit.problem
    run.send("go", 1)
    with pytest.raises(NonDeterminismError) as caught:
        run.get_result(PATIENCE)
    assert misfit.problem in str(caught.value)
    world.until(run, "WAITING", "non-determinism")
    Code.called = recorded
    resume(run.id, store=process.store)
    wait_until(lambda: not run.is_running(), timeout=PATIENCE)
    assert run.get_result() == 3


def test_it_goes_as_far_as_the_record(world, process):
    """Steps that are beside each other, groups, time, children, and a person: none is waited for."""

    def everything(x):
        beside = [step(n) for n in range(3)]
        total = sum(run.get_result() for run in as_completed(beside))
        total += sum(gather(step(4), step(5)).get_result())
        sleep(0.01)
        sleep_until(now())
        below = child(x)
        effects("sent")
        total += approve(x).get_result()
        below.send("go", 1)
        return total + below.get_result()

    Code.body = everything
    run = process.call(changing, 1)
    world.until(run, "WAITING", "run")
    wait_until(lambda: any(row.task == "child" and row.reason == "signal" for row in world.store.steps(run.id)))
    sent = effects.count("sent")
    rows = world.store.snapshot()
    assert check(changing, child, store=world.store) == (2, (), {})
    assert world.store.snapshot() == rows
    assert effects.count("sent") == sent + 1
    run.stop()


def test_children_are_checked_too(world, process):
    """By themselves; what they are called by fits."""

    def calling(x):
        return child(x).get_result()

    Code.body = calling
    run = process.call(changing, 1)
    wait_until(lambda: any(row.reason == "signal" for row in world.store.steps(run.id)), timeout=PATIENCE)
    renamed = workflow(name="child")(another.fn)

    @workflow(name="child")
    def changed(x: int) -> int:
        return step(x + 1).get_result()

    assert checked(world, changing, renamed) == (2, (), {})
    found = checked(world, changing, changed)
    (misfit,) = found.misfits
    assert (found.fitting, misfit.task) == (1, "child")
    assert checked(world, changing).unknown == {"child": 1}
    run.stop()


@pytest.mark.parametrize("fits", [True, False])
def test_branches_of_an_async_workflow(world, process, fits):
    """One branch waits; what another has recorded is checked all the same."""

    async def branch(name, *numbers):
        for number in numbers:
            await step(number)
            await asyncio.sleep(0)
        return await wait_signal(name)

    async def old(x):
        return sum(await asyncio.gather(branch("a", 1), branch("b", 2, 3)))

    async def new(x):
        return sum(await asyncio.gather(branch("a", 1), branch("b", 2, 4)))

    Code.body = old
    run = process.call(native, 1)
    world.until(run, "WAITING", "signal")
    if not fits:
        Code.body = new
    found = checked(world, native)
    assert [("branch 1" in one.problem, 'step{"x":4}' in one.problem) for one in found.misfits] == (
        [] if fits else [(True, True)]
    )
    run.stop()


def test_what_has_ended_or_not_begun_is_not_replayed(world, process):
    """Nor is a run whose code fits whatever it is."""

    def ending(x):
        return step(x).get_result()

    Code.body = ending
    process.call(changing, 1).get_result(PATIENCE)
    later = process.call(changing, 2, delay=3600)
    Code.body = inserted
    assert checked(world, changing) == (0, (), {})
    later.stop()


def test_arguments_that_do_not_fit_any_more(world, process):
    """A parameter that is gone stops a run as well."""
    run = parked(world, process, changing)

    @workflow(name="changing")
    def fewer() -> int:
        return 1

    (misfit,) = checked(world, fewer).misfits
    assert "'x'" in misfit.problem
    run.stop()


def test_other_workflows_are_counted(world, process):
    """Nobody knows whether they fit."""
    runs = [parked(world, process, kind) for kind in (changing, changing_async)]
    assert checked(world, changing) == (1, (), {"changing_async": 1})
    for run in runs:
        run.stop()


def test_a_run_that_went_on_from_another(world, process):
    """The records that it inherited count where the same is called."""

    def failing(x):
        step(x).get_result()
        if fail:
            raise ValueError(x)
        return wait_signal("go")

    fail = [1]
    Code.body = failing
    run = process.call(changing, 1)
    with pytest.raises(ValueError, match="1"):
        run.get_result(PATIENCE)
    fail.clear()
    again = run.resume()
    world.until(again, "WAITING", "signal")
    assert checked(world, changing) == (1, (), {})
    Code.body = lambda x: step(x + 5).get_result()
    assert len(checked(world, changing).misfits) == 1
    again.stop()


def test_a_child_that_went_on(world, process):
    """Its last run tells its result."""

    @workflow
    def counting(number: int) -> int:
        if number < 3:
            continue_as(number + 1)
        return number

    def calling(x):
        return step(counting(x).get_result()).get_result() + wait_signal("go")

    Code.body = calling
    run = process.call(changing, 1)
    world.until(run, "WAITING", "signal")
    assert checked(world, changing, counting) == (1, (), {})
    run.stop()


def test_what_is_no_workflow(world):
    """A step is not checked by itself."""
    with pytest.raises(OptionError, match="step"):
        check(step, store=world.store)
