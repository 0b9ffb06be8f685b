"""Handles among the arguments: found, waited for, replaced; and what a failure does to the rest."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit_helpers import in_thread

from woflo import RunState, quote, task
from woflo.errors import ArgumentError, UpstreamFailedError
from woflo.kernel.graph import find_handles, substitute

Pair = namedtuple("Pair", "left right")


@dataclass
class Box:
    value: Any
    other: Any = 2


@dataclass(frozen=True, slots=True)
class Slotted:
    kind: ClassVar[str] = "slotted"
    value: Any


class Plain:
    """Nothing that is searched."""


def work(*args, **kwargs):
    return args, kwargs


@pytest.fixture
def source(memory):
    return task(runner=memory)(work)()


def value_of(run):
    return "value"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda h: [h],
        lambda h: (1, h),
        lambda h: {"a": h},
        lambda h: {h},
        lambda h: frozenset([h]),
        lambda h: Pair(1, h),
        lambda h: Box(h),
        lambda h: Slotted(h),
        lambda h: OrderedDict(a=h),
        lambda h: defaultdict(list, a=h),
        lambda h: [[[h]]],
        lambda h: {"a": [Box(h)]},
        lambda h: Box(Pair([h], 1)),
        lambda h: [0] * 100_000 + [h],
        lambda h: [[[[[h]]]]],
        lambda h: {"k": Box([[(h,)]])},
    ],
)
def test_a_handle_in_a_container_is_found_and_replaced(source, wrap):
    """In whatever kind of container, which keeps its type; the caller's own container stays as it was."""
    original, expected = wrap(source), wrap("value")
    found, touched = find_handles([original], {})
    assert (found, touched) == ([source], True)
    replaced = substitute(original, value_of)
    assert replaced == expected
    assert type(replaced) is type(expected)
    assert find_handles([original], {})[0] == [source]


def test_the_search_goes_deeper_than_the_stack(source):
    """A handle below ten thousand lists is found, and replaced."""
    original = source
    for _ in range(10_000):
        original = [original]
    assert find_handles([original], {}) == ([source], True)
    replaced = substitute(original, value_of)
    while isinstance(replaced, list):
        (replaced,) = replaced
    assert replaced == "value"


def test_any_number_of_handles_in_a_list_are_awaited(memory):
    """Not only the first thousand."""
    made = task(runner=memory)(work)
    runs = [made() for _ in range(1001)]
    total = made(runs)
    for run in runs[:-1]:
        run.succeed(1)
    assert total.state is RunState.PENDING
    runs[-1].succeed(1)
    assert total.attempts[0].args == ([1] * 1001,)


def test_what_is_there_twice_is_looked_at_once(source):
    """However many ways lead to it; and it is one object after the replacement too."""
    original = [source]
    for _ in range(100):
        original = [original, original]
    assert find_handles([original], {}) == ([source], True)
    left, right = substitute(original, value_of)
    assert left is right


def test_what_contains_itself_is_passed_as_it_is():
    """The search ends."""
    original: list[Any] = [{}]
    original[0]["back"] = original
    assert find_handles([original], {}) == ([], False)
    assert substitute(original, value_of) is original


@pytest.mark.parametrize("at", [0, 1])
def test_a_handle_in_what_contains_itself_is_an_error(memory, at):
    """It could not be replaced everywhere, and is not left there silently."""
    source = task(runner=memory)(work)()
    original: list[Any] = [[]]
    original[0].append(original)
    (original if at else original[0]).append(source)
    run = task(runner=memory)(work)(original)
    source.succeed(1)
    with pytest.raises(ArgumentError, match="contains itself"):
        run.get_result(timeout=0)


@pytest.mark.parametrize("plain", [list(range(100_000)), dict.fromkeys(range(100_000), 0.5), [Plain()] * 100_000])
def test_plain_items_are_not_looked_at_one_by_one(plain):
    """Their kinds are, which the interpreter collects by itself: no line of Python is executed for each item."""
    lines = 0

    def count(frame, event, argument):
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        find_handles([plain], {})
    finally:
        sys.settrace(before)
    assert lines < 100


@given(
    st.recursive(
        st.integers() | st.text(max_size=3) | st.none(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.tuples(inner, inner)
            | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        ),
        max_leaves=20,
    )
)
def test_what_holds_no_handle_is_passed_as_it_is(value):
    """Not even a copy is made."""
    assert find_handles([value], {"name": value}) == ([], False)
    assert substitute(value, value_of) is value


def test_a_quoted_value_is_passed_unsearched(memory, source):
    """A handle in it stays a handle, and is not waited for."""
    run = task(runner=memory)(work)(quote([source]), name=quote(source))
    assert run.state is RunState.RUNNING
    assert run.attempts[0].args == ([source],)
    assert run.attempts[0].kwargs == {"name": source}


def test_a_call_waits_for_all_its_handles_and_gets_their_values(memory):
    """PENDING until the last of them has its value."""
    made = task(runner=memory)(work)
    first, second = made(), made()
    run = made(first, [second], again=first)
    first.succeed(1)
    assert run.state is RunState.PENDING
    second.succeed(2)
    assert run.state is RunState.RUNNING
    assert (run.attempts[0].args, run.attempts[0].kwargs) == ((1, [2]), {"again": 1})


def test_after_is_waited_for_and_not_passed(memory):
    """`after=` orders calls without a value between them."""
    made = task(runner=memory)(work)
    first, second = made(), made()
    run = made.with_options(after=[first, second])(7)
    first.succeed()
    assert run.state is RunState.PENDING
    second.succeed()
    assert run.attempts[0].args == (7,)


def test_what_has_ended_already_is_no_wait(memory):
    """A finished handle is its value, a failed one fails the call at once."""
    made = task(runner=memory)(work)
    good, bad = made(), made()
    good.succeed(3)
    bad.fail(ValueError("bad"))
    assert made(good).attempts[0].args == (3,)
    assert made(bad).state is RunState.UPSTREAM_FAILED


def test_a_failed_dependency_is_told_with_the_first_failure_as_cause(memory):
    """Along a chain the cause stays the one that failed; nothing in between was executed."""
    made = task(runner=memory)(work)
    first = made()
    chain = [first]
    for _ in range(3):
        chain.append(made(chain[-1]))
    first.fail(ValueError("the first"))
    for run in chain[1:]:
        assert (run.state, run.attempt) == (RunState.UPSTREAM_FAILED, 0)
        with pytest.raises(UpstreamFailedError) as caught:
            run.get_result(timeout=0)
        assert caught.value.__cause__ is first.exception()


@pytest.mark.parametrize("how", ["fail", "stop"])
def test_a_failure_takes_no_independent_branch_with_it(memory, how):
    """What does not depend on it goes on; what does learns of it."""
    made = task(runner=memory)(work)
    one, other = made(), made()
    after_one, after_other = made(one), made(other)
    one.fail() if how == "fail" else (one._ask_to_stop(0), one.fail())
    other.succeed()
    assert after_one.state is RunState.UPSTREAM_FAILED
    assert after_other.state is RunState.RUNNING


@pytest.mark.parametrize("good", [True, False])
def test_a_chain_of_twenty_thousand_needs_no_recursion(memory, good):
    """Each link is told after the one before it, not within it."""

    class Links(memory):
        def _launch(self, attempt):
            super()._launch(attempt)
            if attempt.args:
                self.succeed(attempt.args[0] + 1)

    made = task(runner=Links)(work)
    first = run = made()
    for _ in range(20_000):
        run = made(run)
    assert sys.getrecursionlimit() < 20_000
    if good:
        first.succeed(0)
        assert run.get_result(timeout=0) == 20_000
    else:
        first.fail(ValueError("at the root"))
        assert run.exception(timeout=0).__cause__ is first.exception()


def test_a_failure_and_a_success_at_the_same_time_do_not_launch_the_call(memory):
    """Where one thread brings the failure and another the last success, the failure decides."""
    told, go_on = threading.Event(), threading.Event()

    class Lock:
        """Holds the thread of the failure up just after it was counted."""

        def __init__(self):
            self.lock = threading.Lock()

        def __enter__(self):
            self.lock.acquire()

        def __exit__(self, *exc):
            self.lock.release()
            if threading.current_thread() is not threading.main_thread() and not told.is_set():
                told.set()
                go_on.wait(1)

    class Watched(memory):
        def __init__(self, *args):
            super().__init__(*args)
            if self._args:
                self._lock = Lock()

    made = task(runner=Watched)(work)
    bad, good = made(), made()
    run = made(bad, good)
    failed = in_thread(bad.fail)
    told.wait(5)
    good.succeed(1)
    go_on.set()
    failed()
    assert run.attempts == ()
    assert run.state is RunState.UPSTREAM_FAILED


def test_an_argument_that_cannot_be_rebuilt_fails_the_run(memory):
    """An error while values are put in their places lands in the handle."""

    class Picky(list):
        def __init__(self, items=()):
            if "value" in items:
                raise ValueError("picky")
            super().__init__(items)

    made = task(runner=memory)(work)
    source = made()
    run = made(Picky([source]))
    source.succeed("value")
    assert run.state is RunState.FAILED
    assert str(run.exception()) == "picky"


def test_arguments_are_let_go_at_the_end(memory):
    """A finished handle keeps no argument alive."""
    import weakref

    class Big: ...

    big = Big()
    gone = weakref.ref(big)
    run = task(runner=memory)(work)(big)
    del big
    run.succeed()
    run.attempts = ()
    run._current = None
    assert gone() is None


def test_a_handle_cannot_depend_on_itself(memory):
    """Cycles cannot be written: an argument exists before the call that takes it."""
    made = task(runner=memory)(work)
    box = []
    run = made(box)
    box.append(run)
    assert run.state is RunState.RUNNING
