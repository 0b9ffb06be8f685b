"""A call whose code cannot be packed names the value that is to blame, where it stands, and the way out."""

from __future__ import annotations

import threading

import pytest
from systems import needs_processes
from unit_helpers import PATIENCE

from woflo import task
from woflo.errors import SerializationError
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.runners.multiprocess import SpawnProcess

pytestmark = needs_processes
LOCK = threading.Lock()
SPAWNED = MultiprocessTaskRun.configured(process_type=SpawnProcess)


def by_value(function):
    """As a function of a script, which no other process can import."""
    function.__module__ = "__main__"
    return function


def uses_a_global():
    def work(x):
        with LOCK:
            return x

    return work


def uses_a_closure():
    lock = threading.Lock()

    def work(x):
        return [x for _ in range(1) if lock]

    return work


def uses_a_function_that_uses_it():
    inner = uses_a_closure()
    inner.__name__ = "inner"
    other = task(inner)

    def work(x):
        return other(x)

    return work


def uses_a_method_of_it():
    ask = threading.Condition().notify

    def work(x):
        return ask()

    return work


def a_class_that_uses_it():
    class Work:
        def __init__(self, x):
            self.x = x

        def run(self):
            with LOCK:
                return self.x

    return Work


@pytest.mark.parametrize("runner", [PoolTaskRun, SPAWNED])
@pytest.mark.parametrize(
    ("make", "told", "which"),
    [
        (uses_a_global, "the global 'LOCK' that work uses could not be packed: TypeError", "global"),
        (uses_a_closure, "'lock' in the closure of work could not be packed: TypeError", "closure"),
        (uses_a_function_that_uses_it, "'lock' in the closure of inner could not be packed: TypeError", "closure"),
        (uses_a_method_of_it, "'ask' in the closure of work could not be packed: TypeError", "closure"),
        (a_class_that_uses_it, "the global 'LOCK' that run uses could not be packed: TypeError", "global"),
    ],
)
def test_what_the_code_refers_to_is_named(runner, make, told, which):
    """However far from the task it is; the arguments are not blamed for it."""
    error = task(runner=runner)(by_value(make()))(1).exception(PATIENCE)
    assert type(error) is SerializationError
    assert told in str(error)
    assert "make it inside the task" in str(error)
    assert error.which == which


@pytest.mark.parametrize("runner", [PoolTaskRun, SPAWNED])
def test_an_argument_is_named_as_before(runner):
    """By its place and type."""
    error = task(runner=runner)(by_value(lambda x: x))(LOCK).exception(PATIENCE)
    assert "(argument 1, of type lock)" in str(error)
    assert error.which == "argument"
