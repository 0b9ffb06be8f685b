"""A wrong number or name of arguments raises where the call is written; nothing is executed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pytest

from woflo import task
from woflo.errors import ArgumentError


def plain(a, b=2): ...
def positional_only(a, /, b): ...
def keyword_only(a, *, b): ...
def rest(a, *more): ...
def names(a, **more): ...
async def coroutine(a): ...


@dataclass
class Fields:
    a: int
    b: int = 2

    def run(self): ...


class Init:
    def __init__(self, a, *, b): ...
    def run(self): ...


class Empty:
    def run(self): ...


class Holder:
    def method(self, a): ...

    @task
    def in_class(self, a): ...


class Call:
    def __call__(self, a): ...


CASES = [
    (plain, [(1,), (1, 2)], [(), (1, 2, 3)], [{"a": 1}, {"a": 1, "b": 2}], [{"b": 1}, {"a": 1, "c": 1}]),
    (positional_only, [(1, 2)], [(1,), (1, 2, 3)], [], [{"a": 1, "b": 2}]),
    (keyword_only, [], [(1,), (1, 2)], [{"a": 1, "b": 2}], [{"b": 1}]),
    (rest, [(1,), (1, 2, 3, 4)], [()], [{"a": 1}], [{"more": 1}]),
    (names, [(1,)], [(), (1, 2)], [{"a": 1, "z": 2}], [{"z": 2}]),
    (coroutine, [(1,)], [(), (1, 2)], [{"a": 1}], [{"b": 1}]),
    (Fields, [(1,), (1, 2)], [(), (1, 2, 3)], [{"a": 1}], [{"c": 1}]),
    (Init, [], [(1,)], [{"a": 1, "b": 2}], [{"a": 1}]),
    (Empty, [()], [(1,)], [], [{"a": 1}]),
    (partial(plain, 1), [(), (2,)], [(1, 2)], [{"b": 3}], [{"c": 1}]),
    (partial(plain, b=1), [(1,)], [()], [{"a": 3}], [{"c": 1}]),
    (Holder().method, [(1,)], [(), (1, 2)], [{"a": 1}], [{"b": 1}]),
    (Call(), [(1,)], [(), (1, 2)], [{"a": 1}], [{"b": 1}]),
]


def short(value):
    return getattr(value, "__name__", str(value)[:30])


@pytest.mark.parametrize(("fn", "good", "bad", "good_names", "bad_names"), CASES, ids=short)
def test_what_the_signature_takes_is_taken_and_the_rest_raises_at_the_call(
    memory, fn, good, bad, good_names, bad_names
):
    """The signature decides, at the call, for whatever kind of callable the task was made of."""
    made = task(runner=memory)(fn)
    for args in good:
        made(*args)
    for kwargs in good_names:
        made(**kwargs)
    for args in bad:
        with pytest.raises(ArgumentError):
            made(*args)
    for kwargs in bad_names:
        with pytest.raises(ArgumentError) as caught:
            made(**kwargs)
        assert isinstance(caught.value, TypeError)


def test_the_error_tells_the_signature():
    """The message names the task, what it takes, and what was wrong."""
    with pytest.raises(ArgumentError, match=r"plain\(a, b=2\).*'c'"):
        task(plain)(1, c=3)


def test_a_task_in_a_class_is_bound_as_a_method_is():
    """Called on an instance it has `self` already; on the class it wants it."""
    with pytest.raises(ArgumentError):
        Holder().in_class()
    with pytest.raises(ArgumentError):
        Holder.in_class(1)
    bound = Holder().in_class.with_options(runner="sequential")
    assert bound(1).get_result() is None


def test_a_task_in_a_class_may_be_made_of_what_is_no_function():
    """A partial is not bound to an instance by Python, so neither is the task made of it."""

    class Tools:
        power = task(runner="sequential")(partial(pow, 2))
        length = task(runner="sequential")(len)

    assert Tools().power(3).get_result() == 8
    assert Tools().length([1, 2]).get_result() == 2


def test_a_wrong_call_leaves_nothing_behind(memory):
    """No run exists after an error at the call."""
    from woflo.kernel import runtime

    before = set(runtime.current.live)
    with pytest.raises(ArgumentError):
        task(runner=memory)(plain)()
    assert set(runtime.current.live) == before


def test_a_wrong_value_is_the_tasks_own_failure():
    """What the signature cannot know lands in the handle."""
    run = task(runner="sequential")(len)(3)
    assert isinstance(run.exception(), TypeError)
    assert not isinstance(run.exception(), ArgumentError)
