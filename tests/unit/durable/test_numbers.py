"""An int where a float is annotated: what is told at first is what is told again."""

import pytest

from woflo import task, use_store, workflow
from woflo.durable.choice import current_store
from woflo.durable.engine import engine_of


@task
def half(n: int) -> float:
    return n // 2


@workflow
def shown(n: int) -> str:
    return repr(half(n).get_result())


@workflow
def sleepy(n: int) -> float:
    return n


@pytest.fixture(autouse=True)
def in_memory():
    before = use_store("memory:")
    yield
    engine_of(current_store()).close()
    use_store(before)


def test_an_int_for_a_float():
    """PEP 484 allows it; a replay must not find another value than the first execution had."""
    run = shown(8)
    assert run.get_result() == "4.0"
    assert current_store().steps(run.id)[0].result == "4.0"
    again = sleepy(3)
    assert (again.get_result(), type(again.get_result())) == (3.0, float)
