"""`map`: one call per item, lazily."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from systems import HAS_PROCESSES
from unit_helpers import eventually, in_thread

from woflo import as_completed, quote, task
from woflo.errors import ArgumentError, MapLengthError, OptionError

RUNNERS = ["sequential", "thread", "async", *(["multiprocess", "pool"] if HAS_PROCESSES else [])]


def pair(a, b=None, c=None):
    return (a, b, c)


@pytest.fixture
def inline():
    return task(runner="sequential")(pair)


def test_items_are_spread_and_other_values_go_to_every_call(inline):
    """Iterables give one value to each call; text, mappings, handles and plain values are constants."""
    assert list(inline.map([1, 2], "ab", c={"k": 1}).results()) == [(1, "ab", {"k": 1}), (2, "ab", {"k": 1})]
    assert list(inline.map([1, 2], (3, 4)).results()) == [(1, 3, None), (2, 4, None)]
    assert list(inline.map(range(2), inline("x")).results()) == [
        (0, ("x", None, None), None),
        (1, ("x", None, None), None),
    ]


def test_a_quoted_iterable_is_a_constant(inline):
    """`quote` keeps a list together."""
    assert list(inline.map([1, 2], quote([3, 4])).results()) == [(1, [3, 4], None), (2, [3, 4], None)]


def test_keywords_are_constants(inline):
    """A list given by name is given whole."""
    assert list(inline.map([1], c=[1, 2]).results()) == [(1, None, [1, 2])]


def test_nothing_to_spread_is_an_error(inline):
    """A call per item needs items."""
    for values in [(), (3,), ("text",), (quote([1]),)]:
        with pytest.raises(OptionError, match=r"pair\.map"):
            inline.map(*values)


@pytest.mark.parametrize("values", [("abc", "xyz"), ({"a": 1},), (b"abc",)])
def test_texts_and_dictionaries_are_told_to_go_whole_to_each_call(inline, values):
    """Who meant their items is told how to spread them."""
    with pytest.raises(OptionError, match=r"whole to each call, list\(\.\.\.\)"):
        inline.map(*values)
    assert list(inline.map(*map(list, values)).results())


def test_a_map_is_no_argument(inline):
    """Nobody can put values in its place; the call is refused, and told the ways."""
    for given in (inline.map([1, 2]), [inline.map([1, 2])]):
        with pytest.raises(ArgumentError, match=r"list\(\.\.\.\)"):
            inline(given)
    assert inline(list(inline.map([1, 2]))).get_result()[0] == [(1, None, None), (2, None, None)]
    made = inline.map([1, 2])
    assert inline(quote(made)).get_result()[0] is made


def test_lengths_must_agree(inline):
    """At once where they are known, else when the shorter one ends; nothing is dropped silently."""
    with pytest.raises(MapLengthError, match=r"2, 3"):
        inline.map([1, 2], [1, 2, 3])
    for left, right in [([1, 2], iter([1])), (iter([1]), iter([1, 2])), (iter([1, 2]), [1])]:
        with pytest.raises(MapLengthError):
            list(inline.map(left, right))


def test_an_endless_input_is_taken_only_so_far(memory):
    """Never more than `ahead` calls are open before the reader, and each read makes room."""
    taken = []

    def items():
        for number in count():
            taken.append(number)
            yield number

    runs = task(runner=memory.configured(max_concurrency=4))(pair).map(items())
    assert taken == []
    for read in range(1, 30):
        next(runs).succeed()
        assert len(taken) <= read + runs.ahead
    assert len(taken) < 29 + 2 * runs.ahead


def test_handles_come_in_the_order_of_the_items(memory):
    """However their runs end."""
    runs = list(task(runner=memory)(pair).map(range(5)))
    for run in reversed(runs):
        run.succeed()
    assert [run.attempts[0].args for run in runs] == [(n,) for n in range(5)]


def test_results_raise_the_first_failure(inline):
    """The values before it have been given."""

    @task(runner="sequential")
    def inverse(x):
        return 1 / x

    results = inverse.map([1, 0, 2]).results()
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_map_is_read_with_async_for(inline):
    """The same handles, on a loop."""

    async def main():
        return [await run async for run in task(runner="async")(pair).map([1, 2])]

    assert asyncio.run(main()) == [(1, None, None), (2, None, None)]


def test_a_wrong_call_is_told_when_it_is_made(inline):
    """The check of arguments is that of any call."""
    with pytest.raises(ArgumentError):
        list(inline.map([1], nope=3))


def test_what_was_launched_is_not_lost_when_the_input_raises(memory):
    """An input that fails is told to the reader; the handles from before it can still be read."""

    def items():
        yield 1
        yield 2
        raise OSError("no more")

    runs = task(runner=memory)(pair).map(items())
    seen = []
    with pytest.raises(OSError, match="no more"):
        for run in runs:
            seen.append(run)  # noqa: PERF402  # what came before the error is asked for
    assert len(seen) + len(list(runs)) == 2


@pytest.mark.parametrize("runner", RUNNERS)
def test_what_the_input_raises_comes_after_the_results_before_it(runner):
    """As with the builtin `map`; lengths that differ are no exception."""

    def items():
        yield 1
        yield 2
        raise OSError("no more")

    for inputs, kind in [((items(),), OSError), ((iter([1, 2]), iter([None] * 3)), MapLengthError)]:
        results = task(runner=runner)(pair).map(*inputs).results()
        assert [next(results), next(results)] == [(1, None, None), (2, None, None)]
        with pytest.raises(kind):
            next(results)


def test_after_a_wrong_call_a_map_goes_on(inline):
    """The error stands in the place of its result alone."""

    class Picky:
        def __iter__(self):
            return iter([1, 2, 3])

    @task(runner="sequential")
    def one(x):
        return x

    check = one.body.check_call

    def refuse_two(body, args, kwargs):
        if args == (2,):
            raise ArgumentError("two")
        check(body, args, kwargs)

    one.body.check_call = refuse_two
    runs = one.map(Picky())
    assert next(runs).get_result() == 1
    with pytest.raises(ArgumentError):
        next(runs)
    assert [run.get_result() for run in runs] == [3]


@pytest.mark.parametrize("runner", RUNNERS)
def test_as_completed_of_an_endless_map_launches_ahead_of_its_reader_alone(runner):
    """It hands out what has ended while the map launches more, never more than the map would by itself."""
    made = task(runner=runner)(pair).map(count())
    made.ahead = 4
    taken = []
    items = as_completed(made)
    for run in items:
        taken.append(run.get_result()[0])
        if len(taken) == 20:
            break
    assert sorted(taken) == sorted(set(taken))
    assert max(taken) < 20 + made.ahead
    assert list(as_completed(task(runner=runner)(pair).map([]))) == []


def test_as_completed_of_a_map_gives_the_first_that_ends(memory):
    """While others are open; those are no fewer for it."""
    made = task(runner=memory)(pair).map(range(6))
    made.ahead = 4
    launched = []
    order = iter(as_completed(made))
    take, made.take_launched = made.take_launched, lambda held: launched.append(take(held)) or launched[-1]
    first = in_thread(next, order)
    eventually(lambda: launched and launched[0][2]._watchers)
    for at in (2, 1):
        launched[0][at].succeed()
        assert (first if at == 2 else in_thread(next, order))() is launched[0][at]
    assert [len(runs) for runs in launched] == [4, 0]
    last = in_thread(list, order)
    eventually(lambda: len(launched) > 2)
    assert len(launched[2]) == 2
    for run in [launched[0][0], launched[0][3], *launched[2]]:
        run.succeed()
    assert len(last()) == 4


def test_as_completed_of_a_map_raises_what_its_input_raised(inline):
    """After the calls that were launched before."""

    def broken():
        yield from range(3)
        raise OSError("the input is broken")

    order = iter(as_completed(inline.map(broken())))
    assert sorted(next(order).get_result()[0] for _ in range(3)) == [0, 1, 2]
    with pytest.raises(OSError, match="the input is broken"):
        next(order)


@pytest.mark.parametrize("runner", ["thread", "async"])
def test_as_completed_async_of_an_endless_map(runner):
    """The same where it is iterated over on a loop."""

    async def main():
        taken = []
        async for run in as_completed(task(runner=runner)(pair).map(count())):
            taken.append((await run)[0])
            if len(taken) == 2000:
                break
        return taken

    assert len(set(asyncio.run(main()))) == 2000
