"""What a task sees of its run, and of its caller's context."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from woflo import current_run, task
from woflo.errors import NoCurrentRunError

value = ContextVar("value", default="unset")
RUNNERS = ["sequential", "thread", "async"]


def test_outside_of_a_task_there_is_no_current_run():
    """A named error says so."""
    with pytest.raises(NoCurrentRunError):
        current_run()


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_task_sees_its_run(runner):
    """Id, name, number of the attempt and parent are those of the handle."""
    seen = []

    @task(runner=runner, name="shown", retries=1)
    def work():
        me = current_run()
        seen.append((me.id, me.task, me.attempt, me.parent_id, me.stop_requested))
        if me.attempt == 1:
            raise ValueError

    run = work()
    run.get_result(timeout=20)
    assert seen == [(run.id, "shown", 1, None, False), (run.id, "shown", 2, None, False)]


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_nested_call_names_its_parent(runner):
    """And afterwards the outer run is current again."""

    @task(runner=runner)
    def inner():
        return current_run().parent_id

    @task(runner=runner)
    def outer():
        parent = inner().get_result(timeout=20)
        return parent == current_run().id

    assert outer().get_result(timeout=20) is True
    with pytest.raises(NoCurrentRunError):
        current_run()


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize("runner", RUNNERS)
def test_the_callers_context_is_copied(runner, kind):
    """The task sees the caller's variables as they were at the call; what it sets stays its own."""

    def plain():
        found = value.get()
        value.set("set by the task")
        return found

    async def coroutine():
        return plain()

    token = value.set("set by the caller")
    try:
        run = task(runner=runner)(plain if kind == "plain" else coroutine)()
    finally:
        value.reset(token)
    assert run.get_result(timeout=20) == "set by the caller"
    assert value.get() == "unset" or runner == "sequential"
    value.set("unset")


def test_the_context_is_that_of_the_call_also_for_what_starts_later(memory):
    """A call that waited for its dependency sees what the caller saw."""
    source = task(runner=memory)(lambda: None)()
    token = value.set("at the call")
    run = task(runner="thread")(lambda _: value.get())(source)
    value.reset(token)
    source.succeed()
    assert run.get_result(timeout=20) == "at the call"


def test_two_tasks_on_one_loop_have_each_their_own_run():
    """Between awaits each sees itself."""

    @task(runner="async")
    async def work():
        before = current_run().id
        await asyncio.sleep(0)
        return before == current_run().id

    async def main():
        return await asyncio.gather(*[work() for _ in range(10)])

    assert asyncio.run(main()) == [True] * 10


def test_a_callback_is_not_inside_the_run():
    """It belongs to whoever gave it, so there is no current run in it."""
    seen = []

    def callback(_):
        try:
            seen.append(current_run().task)
        except NoCurrentRunError:
            seen.append(None)

    @task(runner="async")
    async def inner():
        await asyncio.sleep(0.01)

    @task(runner="async")
    async def outer():
        run = inner()
        run.add_done_callback(callback)
        await run

    outer().get_result(timeout=20)
    assert seen == [None]
