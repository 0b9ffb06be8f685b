"""What a run shows of itself while it is under way, and who may look."""

import asyncio

import pytest

from woflo import Worker, current_run, published, sleep, task, wait_signal, workflow
from woflo.errors import NotDurableError, OptionError, RunSuspectError, SerializationError


@task
def page(number: int) -> int:
    current_run().publish("page", number)
    return number


@workflow
def pages(count: int) -> int:
    current_run().publish("count", count)
    total = 0
    for number in range(count):
        total += page(number).get_result()
        current_run().publish("total", total)
    wait_signal("done")
    current_run().publish("count", "all")
    return total


@workflow
async def beside() -> None:
    async def one(name: str) -> None:
        current_run().publish(name, "begun")
        await sleep(0)
        current_run().publish(name, "ended")

    await asyncio.gather(one("left"), one("right"))


@task(runner="queue")
def shows_and_fails() -> None:
    current_run().publish("seen", True)
    raise ValueError("after that")


@workflow
def writes_too_early() -> None:
    with current_run().transaction():
        pass


@workflow
def enqueues() -> None:
    current_run().enqueue(shows_and_fails)


@workflow
def shows_what_is_no_json() -> None:
    current_run().publish("x", object())


def test_the_last_value_of_each_name_is_seen_from_outside(world, process):
    """While it waits, by the handle and by the id alone."""
    run = process.call(pages, 3)
    world.until(run, "WAITING")
    assert run.published() == published(run.id, store=world.store) == {"count": 3, "page": 2, "total": 3}
    run.send("done")
    run.get_result(10)
    assert run.published() == {"count": "all", "page": 2, "total": 3}


def test_what_was_shown_is_not_shown_again(world, process):
    """Whoever goes on with the workflow comes by, and does not go back to values of before."""
    run = process.call(pages, 2, key="k")
    world.until(run, "WAITING")
    seen = []
    end = world.store.listen(lambda: seen.append(world.store.published(run.id)["count"]))
    process.die()
    again = world.process().call(pages, 2, key="k")
    again.send("done")
    again.get_result(10)
    end()
    assert seen == sorted(seen, key=["2", '"all"'].index)


def test_branches_show_in_their_own_places(process):
    assert process.call(beside).wait(10)


def test_a_call_that_failed_has_shown_it_all_the_same(world, process):
    run = process.call(shows_and_fails)
    with Worker([shows_and_fails], store=process.store):
        assert isinstance(run.exception(10), ValueError)
    assert published(run.id, store=world.store) == {"seen": True}


@pytest.mark.parametrize("flow", [writes_too_early, enqueues])
def test_what_belongs_into_a_step_is_refused_in_the_workflow(process, flow):
    """Its code may be executed more than once."""
    error = process.call(flow).exception(10)
    assert isinstance(error, NotDurableError)
    assert "code of a workflow" in str(error)
    assert not isinstance(error, RunSuspectError)


def test_what_is_no_json_is_named(process):
    error = process.call(shows_what_is_no_json).exception(10)
    assert isinstance(error, SerializationError)
    assert "published as 'x'" in str(error)


def test_outside_of_a_store_there_is_nothing_to_show_it_by():
    """A plain run says so."""
    error = page.with_options(runner="thread")(1).exception(10)
    assert isinstance(error, NotDurableError)


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800"])
def test_a_name_that_not_every_store_keeps_is_refused(process, name):
    """Where it is published, and where a signal of that name is sent."""

    @workflow
    def shows() -> None:
        current_run().publish(name, 1)

    run = process.call(shows)
    with pytest.raises(OptionError, match="must be a text"):
        run.get_result(10)
    with pytest.raises(OptionError, match="must be a text"):
        run.send(name)
