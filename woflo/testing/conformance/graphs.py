"""Runs that wait for runs: dependencies, `gather`, `wait`, `as_completed`, mixed with other runners."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from woflo import RunState, as_completed, gather, quote, wait
from woflo.errors import TaskStoppedError, UpstreamFailedError
from woflo.testing.conformance.checks import Runner, check, parallel
from woflo.testing.conformance.tasks import echo, gate, linger, pass_gate
from woflo.testing.conformance.tools import configured, error_of, folder, on, value_of
from woflo.testing.patience import PATIENCE, wait_until


@dataclass
class Pair:
    """A dataclass that may hold handles."""

    left: Any
    right: Any


def add(a: int, b: int) -> int:
    """A sum."""
    return a + b


def total(numbers: list[int]) -> int:
    """A sum of many."""
    return sum(numbers)


def fail() -> int:
    """Fails."""
    raise LookupError("upstream")


def touch(path: Path, *_: Any) -> None:
    """Leaves a trace."""
    path.touch()


def kind_of(value: Any) -> str:
    """The name of a value's type."""
    return type(value).__name__


@check()
def a_handle_as_argument(runner: Runner) -> None:
    """A handle among the arguments is replaced by its value, once that is there."""
    plus = on(runner, add)
    assert value_of(plus(plus(1, 2), b=plus(3, 4))) == 10
    assert value_of(plus(on("thread", add)(1, 1), 1)) == 3  # type: ignore[arg-type]  # a runner's name is one too


@check()
def handles_in_containers(runner: Runner) -> None:
    """Handles are found in lists, tuples, dicts and dataclasses; other values stay as they are."""
    one, two = on(runner, echo)(1), on(runner, echo)(2)
    given: dict[str, Any] = {"list": [one, 5], "tuple": (two,), "pair": Pair(one, [two]), "else": "text"}
    expected = {"list": [1, 5], "tuple": (2,), "pair": Pair(1, [2]), "else": "text"}
    assert value_of(on(runner, echo)(given)) == expected
    assert given["list"][0] is one


@check()
def layers(runner: Runner) -> None:
    """A graph of several layers gives what plain calls would."""
    layer = [on(runner, echo)(n) for n in range(4)]
    for _ in range(2):
        pairs = zip(layer, layer[1:] + layer[:1], strict=True)
        layer = [on(runner, add)(left, right) for left, right in pairs]
    assert value_of(on(runner, total)(layer)) == 24


@check()
def a_failed_dependency(runner: Runner) -> None:
    """What depends on a failure is not executed; its error has the first failure as its cause."""
    with folder() as where:
        first = on(runner, touch)(where / "first", on(runner, fail)())
        second = on(runner, touch)(where / "second", [first])
        for run in (first, second):
            assert type(error_of(run, UpstreamFailedError).__cause__) is LookupError
            assert run.state is RunState.UPSTREAM_FAILED
        assert value_of(on(runner, add)(1, 2)) == 3
        assert not list(where.iterdir())


@check()
def the_order_without_a_value(runner: Runner) -> None:
    """`after` makes a run wait for others without taking their values."""
    with folder() as where:
        first = on(runner, touch)(where / "first")
        second = on(runner, Path.exists).with_options(after=[first])(where / "first")
        assert value_of(second) is True


@check(only=lambda traits: not traits.isolated)
def quoted(runner: Runner) -> None:
    """A quoted handle is passed as it is."""
    run = on(runner, echo)(1)
    assert value_of(on(runner, kind_of)(quote(run))) == type(run).__name__


@check(only=parallel)
def stopped_while_waiting(runner: Runner) -> None:
    """A run that waits for its dependency can be stopped; the dependency goes on."""
    with gate() as held, folder() as where:
        first = on(runner, pass_gate)(held.where, "first")
        second = on(runner, touch)(where / "second", first)
        assert second.state is RunState.PENDING
        assert second.stop() is True
        error_of(second, TaskStoppedError)
        held.open()
        assert value_of(first) == "first"
        assert not (where / "second").exists()


@check()
def gathering(runner: Runner) -> None:
    """`gather` is a run whose value is the list of values in the order given, of any runners."""
    runs = [on(kind, echo)(n) for n, kind in enumerate((runner, "thread", "sequential", runner))]  # type: ignore[arg-type]
    assert value_of(gather(*runs)) == [0, 1, 2, 3]
    assert value_of(on(runner, total)(gather(*runs))) == 6
    assert value_of(gather()) == []
    error_of(gather(runs[0], on(runner, fail)(), runs[1]), LookupError)


@check(only=parallel)
def gathering_until_the_first_failure(runner: Runner) -> None:
    """With `fail_fast` the first failure ends the group and stops the others."""
    with folder() as where:
        long = on(runner, linger)(where / "marker")
        wait_until((where / "marker").exists, "start of the task")
        group = gather(long, on(runner, fail)(), fail_fast=True)
        error_of(group, LookupError)
        assert long.wait(PATIENCE)
        assert long.state is RunState.STOPPED


@check(only=parallel)
def waiting_for_the_first(runner: Runner) -> None:
    """`wait` returns at the first end, the first failure or the last end, whichever is asked for."""
    with configured(runner, max_concurrency=3) as some, gate() as held:
        slow = on(some, pass_gate)(held.where, "slow")
        quick = on(some, echo)(1)
        done, not_done = wait([slow, quick], PATIENCE, return_when="FIRST_COMPLETED")
        assert (done, not_done) == ({quick}, {slow})
        failing = on(some, fail)()
        assert failing in wait([slow, failing], PATIENCE, return_when="FIRST_EXCEPTION").done
        assert wait([slow], timeout=0.01).not_done == {slow}
        held.open()
        assert wait([slow, quick, failing], PATIENCE).done == {slow, quick, failing}


@check(only=parallel)
def in_the_order_of_their_ends(runner: Runner) -> None:
    """`as_completed` gives each run once, when it has ended, of any runners."""
    with configured(runner, max_concurrency=3) as some, gate() as held:
        slow = on(some, pass_gate)(held.where, "slow")
        other = on("thread", echo)(2)  # type: ignore[arg-type]
        quick = on(some, echo)(1)
        ended = []
        for run in as_completed([slow, quick, other], timeout=PATIENCE):
            ended.append(run)
            if len(ended) == 2:
                held.open()
        assert ended[2] is slow
        assert set(ended[:2]) == {quick, other}
