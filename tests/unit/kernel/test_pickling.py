"""Tasks travel by their name where they can be found under it, else by their parts; handles do not travel."""

from __future__ import annotations

import copy
import pickle

import cloudpickle
import pytest

from woflo import task
from woflo.errors import HandleNotPortableError


@task(runner="sequential", retries=2)
def named(x):
    return x + 1


@task
def plain(x):
    return x


plain_twin = plain.with_options(name="twin", retries=3, runner="sequential")


def undecorated(x):
    return 2 * x


of_undecorated = task(runner="sequential", name="other")(undecorated)


class Holder:
    @task(runner="sequential")
    def method(self, x):
        return x + 3


def travelled(value):
    return cloudpickle.loads(cloudpickle.dumps(value))


def test_a_task_under_its_own_name_is_itself_again():
    """Only the name travels."""
    assert pickle.loads(pickle.dumps(named)) is named
    assert len(pickle.dumps(named)) < 200


def test_a_task_with_other_options_keeps_them():
    """The body is found by name, the options travel."""
    twin = pickle.loads(pickle.dumps(plain_twin))
    assert (twin.name, twin.options.retries, twin.body) == ("twin", 3, plain.body)
    assert twin(5).get_result() == 5


def test_a_task_of_a_function_that_kept_its_name_travels():
    """`other = task(function)` leaves the function under its own name."""
    assert travelled(of_undecorated)(4).get_result() == 8
    assert pickle.loads(pickle.dumps(of_undecorated)).name == "other"


def test_a_task_that_no_module_has_travels_by_value():
    """Closures and lambdas, with what they refer to."""
    factor = 3
    local = task(runner="sequential", name="local")(lambda x: factor * x)
    twin = travelled(local)
    assert (twin.name, twin(5).get_result()) == ("local", 15)


def test_a_task_that_refers_to_itself_travels():
    """A recursive local function holds its own task."""

    @task(runner="sequential")
    def count(n):
        return n if n == 0 else 1 + count(n - 1).get_result()

    twin = travelled(count)
    assert twin(3).get_result() == 3
    assert twin is not count
    assert twin.fn.__closure__[0].cell_contents is twin


def test_a_class_task_and_a_method_travel():
    """With the values that they are bound to."""

    @task(runner="sequential")
    class Twice:
        def __init__(self, x):
            self.x = x

        def run(self):
            return 2 * self.x

    assert travelled(Twice)(4).get_result() == 8
    assert travelled(Holder().method)(4).get_result() == 7
    assert pickle.loads(pickle.dumps(Holder.method)) is Holder.method


def test_options_that_mean_nothing_elsewhere_stay_behind(memory):
    """`after=` names handles of this process."""
    run = task(runner="sequential")(len)("")
    twin = travelled(plain_twin.with_options(after=run))
    assert twin.options.after == ()


@pytest.mark.parametrize("travel", [pickle.dumps, cloudpickle.dumps, copy.copy, copy.deepcopy])
def test_a_handle_does_not_travel(travel):
    """Nor does what holds one; the error says what to pass instead."""
    run = named(1)
    with pytest.raises(HandleNotPortableError, match="get_result"):
        travel(run)
    if travel is not copy.copy:
        with pytest.raises(HandleNotPortableError):
            travel({"a": [run]})
