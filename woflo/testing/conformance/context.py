"""`current_run()` tells a task about its run, on every runner."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from woflo import current_run, task
from woflo.errors import NoCurrentRunError
from woflo.kernel.traits import Traits
from woflo.testing.conformance.checks import Runner, check
from woflo.testing.conformance.tools import on, raised, value_of

_language: ContextVar[str] = ContextVar("language", default="none")


def tell() -> tuple[Any, ...]:
    """What a task sees of its run."""
    here = current_run()
    return here.id, here.task, here.attempt, here.parent_id, here.stop_requested


def tell_of_child() -> tuple[Any, ...]:
    """What a task sees, and what the task that it calls sees."""
    return current_run().id, value_of(task(runner="sequential")(tell)())


async def tell_async() -> tuple[Any, ...]:
    """What a coroutine sees before and after it waits."""
    import asyncio

    before = tell()
    await asyncio.sleep(0)
    assert tell() == before
    return before


def language() -> str:
    """The value of a context variable of the caller."""
    return _language.get()


def in_process(traits: Traits) -> bool:
    """Only there does a caller's context reach."""
    return not traits.isolated


@check()
def who_am_i(runner: Runner) -> None:
    """The id, the task's name and the attempt are those of the handle; a call from outside has no parent."""
    for run in (on(runner, tell, name="teller")(), on(runner, tell_async, name="teller")()):
        assert value_of(run) == (run.id, "teller", 1, None, False)
        assert run.parent_id is None


@check()
def who_called_me(runner: Runner) -> None:
    """A call made by a task has that task's run as its parent, across every border."""
    run = on(runner, tell_of_child)()
    own, child = value_of(run)
    assert own == run.id
    assert child[0] != run.id
    assert child[3] == run.id


@check()
def outside_of_a_task(runner: Runner) -> None:
    """Outside of a task, and after one, there is no current run."""
    value_of(on(runner, tell)())
    raised(NoCurrentRunError, current_run)


@check(only=in_process)
def variables_of_the_caller(runner: Runner) -> None:
    """Where attempts execute in this process, they see the context variables of their call."""
    token = _language.set("called")
    try:
        run = on(runner, language)()
    finally:
        _language.reset(token)
    assert value_of(run) == "called"
    assert value_of(on(runner, language)()) == "none"
