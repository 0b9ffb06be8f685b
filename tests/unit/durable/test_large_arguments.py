"""Values over a megabyte on their way through tasks and workflows."""

from durable_helpers import PATIENCE

from woflo import Worker, send, task, workflow
from woflo.durable.inside import wait_signal

SIZE = 1_500_000


@task(runner="queue")
def doubled(text: str) -> str:
    return text * 2


@task
def shortened(text: str) -> str:
    return text[:SIZE]


@workflow
def there_and_back(text: str) -> str:
    longer = shortened(text * 2).get_result()
    return shortened(longer + wait_signal("more")).get_result()


def test_a_queued_call(world, process):
    """Arguments and result come back; its row stays small."""
    run = process.call(doubled, "é" * SIZE)
    with Worker([doubled], store=process.store):
        assert run.get_result(PATIENCE) == "é" * 2 * SIZE
    row = world.row(run)
    assert len(row.args) < 100 and len(row.result) < 100


def test_a_workflow(world):
    """Steps, signals and the result, also where another process goes on from the journal."""
    first, second = world.process(), world.process()
    run = first.call(there_and_back, "a" * SIZE, key="k")
    world.until(run, "WAITING")
    first.die()
    send(run.id, "more", "b" * SIZE, store=world.store)
    again = second.call(there_and_back, "a" * SIZE, key="k")
    assert again.get_result(PATIENCE) == "a" * SIZE
    assert all(len(step.result) < 100 for step in world.store.steps(run.id))
