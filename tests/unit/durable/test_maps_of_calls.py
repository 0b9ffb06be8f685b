"""A map on the queue runner stores what it launches at once in one transaction, and is lazy all the same."""

from itertools import count

import pytest
from durable_helpers import PATIENCE

from woflo import Worker, batch, find_runs, task
from woflo.durable.choice import use_store
from woflo.durable.engine import engine_of
from woflo.errors import ArgumentError, KeyConflictError, StoreError
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import Submit


@pytest.fixture
def store():
    made = MemoryStore()
    before = use_store(made)
    yield made
    use_store(before)
    engine_of(made).close()
    made.close()


@task(runner="queue")
def add(x: int, y: int = 0) -> int:
    return x + y


def submitted(store, monkeypatch):
    """How many calls each write has."""
    numbers = []
    write = store.write

    def counted(operation):
        if isinstance(operation, Submit):
            numbers.append(len(operation.runs))
        return write(operation)

    monkeypatch.setattr(store, "write", counted)
    return numbers


@pytest.mark.parametrize("constants", [{}, {"y": 1}], ids=["by place", "and by name"])
def test_what_is_launched_at_once_is_one_write(store, monkeypatch, constants):
    """In the order of the items, which is that of the handles, and that of the ids."""
    numbers = submitted(store, monkeypatch)
    runs = list(add.map(range(100), **constants))
    assert numbers == [100]
    assert [row.id for row in store.select()] == [run.id for run in runs]
    with Worker([add], store=store):
        assert [run.get_result(PATIENCE) for run in runs] == [x + constants.get("y", 0) for x in range(100)]


def test_an_endless_input_is_taken_as_it_is_read(store, monkeypatch):
    """Calls are kept a bounded number ahead of the reader, again and again."""
    numbers = submitted(store, monkeypatch)
    taken = []
    runs = add.map(taken.append(number) or number for number in count())
    ahead = runs.ahead
    assert taken == []
    next(runs)
    assert len(taken) == ahead
    for _ in range(2 * ahead):
        next(runs)
    assert len(taken) <= 3 * ahead + 1
    assert sum(numbers) == len(taken)
    assert len(numbers) <= 6


def test_the_input_is_outside_of_the_transaction(store):
    """What it calls by itself is kept at once: it may wait for that."""
    seen = []

    def items():
        run = add(1)
        seen.append(store.get(run.id) is not None)
        yield 1
        raise ZeroDivisionError

    runs = add.map(items())
    assert next(runs).is_running()
    with pytest.raises(ZeroDivisionError):
        next(runs)
    assert seen == [True]
    assert len(store.select()) == 2


def test_a_call_that_is_refused_is_told_at_its_turn(store):
    """The others are kept: those before it and those behind."""
    add.with_options(key="k")(2)
    runs = add.with_options(key="k").map([2, 3, 2])
    assert next(runs).is_running()
    with pytest.raises(KeyConflictError, match="'k'"):
        next(runs)
    assert next(runs).is_running()
    assert len(store.select()) == 1
    wrong = add.map([1], [2], z=3)
    with pytest.raises(ArgumentError):
        next(wrong)


def test_a_store_that_fails_is_told_by_each(store, monkeypatch):
    """Nothing is kept, and nobody waits for it."""

    def fail(operation):
        raise StoreError("made up")

    monkeypatch.setattr(store, "write", fail)
    runs = add.map(range(2))
    for _ in range(2):
        with pytest.raises(StoreError, match="made up"):
            next(runs)
    assert list(runs) == []


def test_within_a_batch_it_is_part_of_that(store):
    """All or none, as any call there."""
    with batch():
        runs = list(add.map(range(3)))
        assert store.select() == []
    assert [row.id for row in store.select()] == [run.id for run in runs]


def test_tags_are_kept_with_calls_of_a_batch(store):
    """And with those of a map."""
    tagged = add.with_options(tags={"part": "one"})
    with batch():
        first = tagged(1)
    second = next(tagged.map([2]))
    assert [run.id for run in find_runs(tags={"part": "one"})] == [first.id, second.id]
