"""Values come back whole, as often as wanted, and calls take arguments as Python does."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from woflo.errors import ArgumentError
from woflo.testing.conformance.checks import Runner, check, parallel
from woflo.testing.conformance.tasks import echo, gate, pass_gate
from woflo.testing.conformance.tools import configured, on, raised, value_of
from woflo.testing.patience import PATIENCE

KB, MB = 1 << 10, 1_000_000
_VALUES = (None, True, 0, -1.5, "ü", b"", (), [1, [2]], {"a": {3}}, ..., 1 << 100, range(3), ValueError)


def zeros(size: int) -> bytes:
    """A result of this many bytes."""
    return bytes(size)


def measured(data: bytes) -> int:
    """The length of an argument."""
    return len(data)


def received(a: int, /, b: int = 2, *rest: int, c: int = 3, **more: int) -> tuple[Any, ...]:
    """All its arguments."""
    return a, b, rest, c, more


def one_argument(a: int) -> int:
    """Takes one argument, and not two."""
    return a


@check()
def results_of_many_kinds(runner: Runner) -> None:
    """A result equals what the task returned, whatever it is."""
    values = list(_VALUES)
    assert value_of(on(runner, echo)(values)) == values
    assert value_of(on(runner, echo)()) is None


@check()
def results_of_many_sizes(runner: Runner) -> None:
    """Results from nothing to 1 MB return, also where a pipe or a frame is just full."""
    runs = {size: on(runner, zeros)(size) for size in (0, 64 * KB - 1, 64 * KB, 64 * KB + 1, 70 * KB, MB)}
    for size, run in runs.items():
        assert value_of(run) == bytes(size)


@check()
def a_result_of_100_mb(runner: Runner) -> None:
    """A result of 100 MB returns."""
    assert len(value_of(on(runner, zeros)(100 * MB))) == 100 * MB


@check()
def arguments_of_many_sizes(runner: Runner) -> None:
    """Arguments from nothing to 5 MB arrive."""
    runs = {size: on(runner, measured)(bytes(size)) for size in (0, 64 * KB, 70 * KB, 5 * MB)}
    assert {size: value_of(run) for size, run in runs.items()} == {size: size for size in runs}


@check()
def arguments_as_python_has_them(runner: Runner) -> None:
    """Positional, keyword, default and variadic arguments arrive as a plain call would pass them."""
    assert value_of(on(runner, received)(1)) == received(1)
    assert value_of(on(runner, received)(1, 5, 6, c=7, d=8)) == received(1, 5, 6, c=7, d=8)


@check()
def wrong_arguments_are_told_by_the_call(runner: Runner) -> None:
    """A wrong number or name of arguments raises `ArgumentError` from the call itself."""
    for args, kwargs in (((), {}), ((1, 2), {}), ((), {"b": 1})):
        error = raised(ArgumentError, partial(on(runner, one_argument), *args, **kwargs))
        assert "one_argument" in str(error)


@check()
def the_result_again(runner: Runner) -> None:
    """`get_result` gives the same as often as it is asked."""
    run = on(runner, echo)(["value"])
    assert value_of(run) is value_of(run)
    assert run.get_result(timeout=0) == ["value"]
    assert run.exception() is None


@check()
def the_result_in_many_threads(runner: Runner) -> None:
    """Threads that wait for one run all get its result."""
    with gate() as held:
        if not runner.traits.parallel:
            held.open()
        run = on(runner, pass_gate)(held.where, "one")
        results: list[Any] = []
        threads = [threading.Thread(target=lambda: results.append(value_of(run))) for _ in range(16)]
        for thread in threads:
            thread.start()
        held.open()
        for thread in threads:
            thread.join(PATIENCE)
    assert results == ["one"] * 16


@check(only=parallel)
def waiting_that_runs_out(runner: Runner) -> None:
    """Waiting with a timeout that passes raises the plain `TimeoutError`, and the run goes on."""
    with gate() as held:
        run = on(runner, pass_gate)(held.where, "one")
        assert run.wait(timeout=0.01) is False
        for ask in (run.get_result, run.exception):
            assert type(raised(TimeoutError, partial(ask, timeout=0.01))) is TimeoutError
        assert run.is_running()
        held.open()
        assert value_of(run) == "one"


@check(only=parallel)
def runs_at_the_same_time(runner: Runner) -> None:
    """The call returns before its code has run, and two runs execute at the same time."""
    with configured(runner, max_concurrency=2) as pair, gate() as held:
        runs = [on(pair, pass_gate)(held.where, name) for name in ("one", "two")]
        held.wait_for("one", "two")
        assert all(run.is_running() for run in runs)
        held.open()
        assert [value_of(run) for run in runs] == ["one", "two"]


@check()
def mapping(runner: Runner) -> None:
    """`map` gives a handle per item in the order of the items, constants spread to all."""
    results = [value_of(run) for run in on(runner, received).map(range(5), 7)]
    assert results == [received(n, 7) for n in range(5)]
