"""A task's failure is raised as what the task raised."""

from __future__ import annotations

import traceback
from typing import Any

from woflo.errors import TaskCrashedError
from woflo.testing.conformance.checks import Runner, check, parallel
from woflo.testing.conformance.tasks import still_works
from woflo.testing.conformance.tools import error_of, on, value_of


class ThreeArgumentsError(Exception):
    """Cannot be made again from its `args`."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason


class KeywordOnlyError(ValueError):
    """Has a required argument that `args` does not know at all."""

    def __init__(self, *, code: int) -> None:
        super().__init__()
        self.code = code


def raise_three() -> None:
    """Raises a class with three required arguments."""
    raise ThreeArgumentsError("a.py", 3, "broken")


def raise_keyword_only() -> None:
    """Raises a class with a required keyword."""
    raise KeywordOnlyError(code=7)


def raise_from() -> None:
    """Raises with a cause, an attribute and a note."""
    try:
        dict[str, int]()["missing"]
    except KeyError as cause:
        error = RuntimeError("outer", 1)
        error.place = "here"  # type: ignore[attr-defined]  # as some libraries do
        error.add_note("look there")
        raise error from cause


def raise_group() -> None:
    """Raises two errors at once."""
    raise ExceptionGroup("both", [ValueError(1), OSError(2, "no such file", "x.txt")])


def leave(code: Any) -> None:
    """Leaves by `sys.exit`."""
    raise SystemExit(code)


def interrupt_itself() -> None:
    """Raises what Ctrl-C raises."""
    raise KeyboardInterrupt


def exhaust_memory() -> int:
    """Asks for more memory than there is address space."""
    return len(bytearray(1 << 62))


def returns_an_exception() -> Exception:
    """An exception as a value is no failure."""
    return ValueError("just a value")


@check()
def required_arguments(runner: Runner) -> None:
    """An exception whose `__init__` needs several arguments arrives as itself, attributes included."""
    error = error_of(on(runner, raise_three)(), ThreeArgumentsError)
    assert (error.path, error.line, error.reason) == ("a.py", 3, "broken")
    assert str(error) == "a.py:3: broken"
    assert error_of(on(runner, raise_keyword_only)(), KeywordOnlyError).code == 7


@check()
def cause_note_and_attributes(runner: Runner) -> None:
    """The cause, the notes and the attributes of an exception arrive with it."""
    error = error_of(on(runner, raise_from)(), RuntimeError)
    assert error.args == ("outer", 1)
    assert error.place == "here"  # type: ignore[attr-defined]
    assert "look there" in error.__notes__
    assert type(error.__cause__) is KeyError


@check()
def the_place_of_the_failure(runner: Runner) -> None:
    """What is printed of a failure tells the function and the line that raised, wherever that was."""
    shown = "".join(traceback.format_exception(error_of(on(runner, raise_three)(), ThreeArgumentsError)))
    assert "in raise_three" in shown
    assert 'raise ThreeArgumentsError("a.py", 3, "broken")' in shown


@check()
def the_same_failure_again(runner: Runner) -> None:
    """Each `get_result` raises the same exception, with a traceback that does not grow."""
    run = on(runner, raise_three)()
    lengths = []
    for _ in range(3):
        try:
            value_of(run)
        except ThreeArgumentsError as error:
            lengths.append(len(traceback.extract_tb(error.__traceback__)))
    assert len(lengths) == 3
    assert len(set(lengths)) == 1


@check()
def groups(runner: Runner) -> None:
    """An `ExceptionGroup` arrives with its members; a system error keeps its number and file."""
    group = error_of(on(runner, raise_group)(), ExceptionGroup)
    first, second = group.exceptions
    assert type(first) is ValueError
    assert isinstance(second, OSError)
    assert (second.errno, second.filename) == (2, "x.txt")


@check()
def an_exception_as_a_value(runner: Runner) -> None:
    """A task that returns an exception has succeeded with it."""
    assert isinstance(value_of(on(runner, returns_an_exception)()), ValueError)


@check()
def leaving(runner: Runner) -> None:
    """`sys.exit` in a task fails it with `TaskCrashedError`, with the exit code; the caller goes on."""
    assert error_of(on(runner, leave)(3), TaskCrashedError).exit_code == 3
    assert error_of(on(runner, leave)(None), TaskCrashedError).exit_code == 0
    assert "no licence" in str(error_of(on(runner, leave)("no licence"), TaskCrashedError))
    still_works(runner)


@check(only=parallel)
def interrupting(runner: Runner) -> None:
    """KeyboardInterrupt raised by a task's code is that task's crash, with its trace."""
    error = error_of(on(runner, interrupt_itself)(), TaskCrashedError)
    assert "KeyboardInterrupt" in str(error)
    assert "interrupt_itself" in error.trace
    still_works(runner)


@check(only=lambda traits: not traits.parallel)
def interrupting_the_caller(runner: Runner) -> None:
    """Where the caller's own thread executes, KeyboardInterrupt is meant for the program, and reaches it."""
    try:
        on(runner, interrupt_itself)()
    except KeyboardInterrupt:
        still_works(runner)
    else:
        raise AssertionError("KeyboardInterrupt was swallowed")


@check()
def memory_that_is_refused(runner: Runner) -> None:
    """`MemoryError` arrives as itself, and the next call works."""
    error_of(on(runner, exhaust_memory)(), MemoryError)
    still_works(runner)
