"""Two calls that make one file in different ways: at once that is an error, one after the other it is told by why."""

from __future__ import annotations

from pathlib import Path

import pytest
from fresh_helpers import ended

from woflo import RunState, gather, script, task, why, workflow
from woflo.errors import ArgumentError, OutputConflictError
from woflo.testing import wait_until

SLOW = "touch begun_{i}; while test -e begun_{i}; do sleep 0.01; done; echo {i} > x.txt; touch {outputs}"


@pytest.fixture
def slow(project):
    """`slow(i)` is a call that makes `x.txt` and is under way; `slow.end(i)` has it end."""
    make = script(SLOW, outputs=["x.txt", "more.txt"], shell=True, name="slow")

    def begun(i):
        run = make(i=i)
        wait_until(Path(f"begun_{i}").exists)
        return run

    begun.make = make
    begun.end = lambda i: Path(f"begun_{i}").unlink()
    return begun


def other(**options):
    return script("echo other > {outputs}", **{"outputs": "x.txt", "shell": True, "name": "other", **options})


@pytest.mark.parametrize("outputs", ["x.txt", "./x.txt", ["y.txt", "more.txt"]])
def test_another_task_at_once(slow, outputs):
    """Whichever of the outputs it is, and by whatever name: told before anything is executed, with both."""
    run = slow(1)
    bad = other(outputs=outputs)()
    error = bad.exception()
    assert isinstance(error, OutputConflictError)
    assert f"slow ({run.id})" in str(error)
    assert f"other ({bad.id}), `echo other >" in str(error)
    assert "txt would be made by two calls at once" in str(error)
    slow.end(1)
    run.get_result()
    assert Path("x.txt").read_text() == "1\n"
    assert ended(other()()) is RunState.SUCCEEDED


def test_a_parameter_that_is_missing_in_the_name(slow):
    """Two calls of one task with different values."""
    run = slow(1)
    assert isinstance(slow.make(i=2).exception(), OutputConflictError)
    same = slow.make(i=1)
    slow.end(1)
    gather(run, same).get_result()


def test_functions_at_once(slow):
    """With a command, and with each other; the same call is none."""

    @task(outputs="x.txt", runner="thread")
    def first(i: int) -> int:
        Path(f"first_{i}").touch()
        wait_until(lambda: not Path(f"first_{i}").exists())
        Path("x.txt").write_text(str(i))
        return i

    run = slow(1)
    assert isinstance(first(1).exception(), OutputConflictError)
    slow.end(1)
    run.get_result()
    runs = [first(1), first(1)]
    wait_until(Path("first_1").exists)
    assert isinstance(first(2).exception(), OutputConflictError)
    Path("first_1").unlink()
    wait_until(lambda: Path("first_1").exists() or not any(run.is_running() for run in runs))
    Path("first_1").unlink(missing_ok=True)
    assert gather(*runs).get_result() == [1, 1]


def test_steps_of_a_workflow_at_once(slow, store):
    """As any calls."""

    @workflow
    def flow() -> str:
        run, bad = slow(1), other()()
        error = bad.exception()
        slow.end(1)
        run.get_result()
        return type(error).__name__

    assert flow().get_result(30) == "OutputConflictError"


def test_one_after_the_other(project):
    """Each makes it, and it is told by whom it was made; one that changes it in place reads what the other made."""
    first = script("echo first > {outputs}", outputs="x.txt", shell=True, name="first")
    first().get_result()
    other()().get_result()
    assert why(first)[0] == "x.txt was made last by another task, other"
    change = script("echo more >> x.txt", inputs="x.txt", outputs="x.txt", shell=True, name="change")
    run = first()
    change(inputs=run).get_result()
    assert Path("x.txt").read_text() == "first\nmore\n"


def test_an_output_that_is_an_input_of_the_same_call(project):
    """Is refused where nobody can tell whether it was changed already: it would never be executed."""
    Path("x.txt").write_text("b\na\n")
    sort = script("sort -o {outputs} {inputs}", inputs="./x.txt", outputs="{name}.txt", name="sort")
    error = sort(name="x").exception()
    assert isinstance(error, ArgumentError)
    assert "'x.txt' is an input and an output of one call" in str(error)
    assert sort(name="y").get_result() == ["y.txt"]
    sort.with_options(force=True)(name="x").get_result()
    assert Path("x.txt").read_text() == "a\nb\n"


def test_a_task_of_another_name_that_does_the_same(project):
    """Is up to date."""
    other()().get_result()
    assert ended(other(name="renamed")()) is RunState.SKIPPED
