"""An int where a float is annotated: what is told at first is what is told again."""

from woflo import task, workflow
from woflo.durable.choice import current_store


@task
def half(n: int) -> float:
    return n // 2


@workflow
def shown(n: int) -> str:
    return repr(half(n).get_result())


@workflow
def sleepy(n: int) -> float:
    return n


def test_an_int_for_a_float(store):
    """PEP 484 allows it; a replay must not find another value than the first execution had."""
    run = shown(8)
    assert run.get_result() == "4.0"
    assert current_store().steps(run.id)[0].result == "4.0"
    again = sleepy(3)
    assert (again.get_result(), type(again.get_result())) == (3.0, float)
