"""`track` is shown wherever code of a task executes: on every runner, in steps of workflows and jobs, in workflows."""

from __future__ import annotations

import asyncio
import io

import pytest
from every_runner import RUNNERS
from systems import needs_processes

from woflo import Job, sleep, subscribe, task, track, workflow
from woflo.durable.engine import engine_of
from woflo.jobs import runners as runners_of_jobs
from woflo.kernel.events import ProgressMade
from woflo.runners import PoolTaskRun

SHOWN = ["pages: 1 of 4, read", "pages: 2 of 4, read", "pages: 3 of 4, read", "pages: 4 of 4, read"]
STEPS = [(n, 4) for n in (0, 1, 1, 2, 2, 3, 3, 4)]


@pytest.fixture(autouse=True)
def pools():
    yield
    for pool in (RUNNERS.get("pool"), PoolTaskRun, *runners_of_jobs._made.values()):
        if pool is not None:
            pool.shutdown()


def pages() -> int:
    """Iterates over four items."""
    return sum(1 for _ in track(range(4), message="read"))


async def pages_async() -> int:
    """The same in a coroutine."""
    found = 0
    for _ in track(range(4), message="read"):
        await asyncio.sleep(0)
        found += 1
    return found


async def numbers():
    """What is iterated over by `async for`."""
    for number in range(4):
        yield number


async def pages_as_they_come() -> int:
    """Over what comes."""
    return sum([1 async for _ in track(numbers(), 4, "read")])


class Pages:
    """The same in a class."""

    def run(self) -> int:
        return pages()


def shown_by(call):
    """The lines of progress, and the events, that a call leads to."""
    stream, told = io.StringIO(), []
    with subscribe("progress", stream=stream, mode="lines"), subscribe(told.append):
        assert call() == 4
    lines = [line for line in stream.getvalue().splitlines() if " of " in line]
    return lines, [(event.done, event.total) for event in told if isinstance(event, ProgressMade)]


@pytest.mark.parametrize("body", [pages, pages_async, pages_as_they_come, Pages])
@pytest.mark.parametrize("runner", RUNNERS)
def test_on_every_runner(runner, body):
    """Each item is told before and after, and each quarter shown, whatever the code is and whatever executes it."""
    made = task(runner=RUNNERS[runner], name="pages")(body)
    assert shown_by(lambda: made().get_result(30)) == (SHOWN, STEPS)


def test_inline_within_asyncio():
    """On the caller's loop, too."""
    made = task(runner="async", name="pages")(pages_async)

    async def main():
        return await made()

    assert shown_by(lambda: asyncio.run(main())) == (SHOWN, STEPS)


@pytest.mark.parametrize("body", [pages, pages_async])
@pytest.mark.parametrize("runner", [None, *RUNNERS])
def test_in_steps_of_workflows(store, runner, body):
    """By the name of the step, in plain and async workflows."""
    made = task(runner=None if runner is None else RUNNERS[runner], name="pages")(body)

    @workflow
    def plain() -> int:
        return made().get_result()

    @workflow
    async def on_loop() -> int:
        return await made()

    assert shown_by(lambda: plain().get_result(30)) == (SHOWN, STEPS)
    assert shown_by(lambda: on_loop().get_result(30)) == (SHOWN, STEPS)


@needs_processes
@pytest.mark.parametrize("runner", [None, "thread", "multiprocess", "pool"])
def test_in_steps_of_jobs(store, tmp_path, runner):
    """By the name of the step in the file."""
    named = "" if runner is None else f", runner: {runner}"
    (tmp_path / "job.yaml").write_text(f"tasks: {{pages: {{task: read{named}}}}}")
    job = Job.load(tmp_path / "job.yaml", tasks=[task(name="read")(pages)])
    assert shown_by(lambda: job().get_result(60)["pages"]) == (SHOWN, STEPS)


@task(runner="thread")
def step(n: int) -> int:
    """Nothing much."""
    return n


def test_in_the_code_of_a_workflow_itself(store):
    """It is told as that of the workflow, plain or async."""

    @workflow(name="pages")
    def plain() -> int:
        return sum(1 for n in track(range(4), message="read") if step(n).get_result() == n)

    @workflow(name="pages")
    async def on_loop() -> int:
        return sum([1 for n in track(range(4), message="read") if await step(n) == n])

    assert shown_by(lambda: plain().get_result(30)) == (SHOWN, STEPS)
    assert shown_by(lambda: on_loop().get_result(30)) == (SHOWN, STEPS)


def test_what_a_workflow_replays_is_not_told_again(store):
    """After it was parked its code begins anew; how far it is goes on from where it was."""
    engine_of(store).hold = 0.0

    @workflow(name="pages")
    def parked() -> int:
        for n in track(range(4), message="read"):
            step(n).get_result()
            if n == 1:
                sleep(0.05)
        return 4

    @workflow(name="pages")
    async def parked_async() -> int:
        for n in track(range(4), message="read"):
            await step(n)
            if n == 1:
                await sleep(0.05)
        return 4

    for made in (parked, parked_async):
        lines, steps = shown_by(lambda made=made: made().get_result(30))
        assert lines == SHOWN
        assert steps == STEPS


def test_a_heartbeat_in_the_code_of_a_workflow_is_refused(store):
    """By a word: what takes long is a step."""
    from woflo import current_run
    from woflo.errors import NotDurableError

    @workflow
    def beating() -> None:
        current_run().heartbeat(3)

    assert isinstance(beating().exception(30), NotDurableError)
