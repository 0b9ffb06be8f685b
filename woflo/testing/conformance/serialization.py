"""What cannot travel is told by name; nothing hangs, and the next call works."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from woflo.errors import SerializationError
from woflo.kernel.traits import Traits
from woflo.testing.conformance.checks import Runner, check, isolated
from woflo.testing.conformance.tasks import echo, gate, pass_gate, still_works
from woflo.testing.conformance.tools import configured, error_of, on, value_of


class Explosive:
    """Packs without complaint, and raises when it is loaded."""

    def __init__(self, kind: type[BaseException] = OSError) -> None:
        self.kind = kind

    def __reduce__(self) -> Any:
        return (explode, (self.kind,))


class ExplosiveError(Exception):
    """An exception that raises when it is loaded."""

    def __reduce__(self) -> Any:
        return (explode, (OSError,))


class LockedError(Exception):
    """An exception that cannot be packed."""

    def __init__(self) -> None:
        super().__init__("locked")
        self.lock: Any = threading.Lock()


class Stubborn:
    """Raises when it is packed, something else each time."""

    def __reduce__(self) -> Any:
        raise ZeroDivisionError("packing is refused")


class Huge:
    """Needs more memory to be packed than there is."""

    def __reduce__(self) -> Any:
        return (bytes, (bytes(1 << 62),))


class HugeError(Exception):
    """An exception that needs more memory to be packed than there is."""

    def __init__(self) -> None:
        super().__init__("huge")
        self.huge: Huge = Huge()


def explode(kind: type[BaseException]) -> NoReturn:
    """Where loading gets to."""
    raise kind("loading is refused")


def make_lock() -> Any:
    """A result that cannot be packed."""
    return threading.Lock()


def make_open_file() -> Any:
    """A result that is an open file of text."""
    return open(os.devnull)  # to be open is what it is about


def make_stubborn() -> Stubborn:
    """A result whose packing raises."""
    return Stubborn()


def make_huge() -> Huge:
    """A result for whose packing memory does not suffice."""
    return Huge()


def raise_huge() -> None:
    """Fails with what memory does not suffice for."""
    raise HugeError


def make_explosive(kind: type[BaseException]) -> Explosive:
    """A result that packs, and does not load."""
    return Explosive(kind)


def raise_locked() -> None:
    """Fails with what cannot be packed."""
    raise LockedError


def raise_explosive() -> None:
    """Fails with what does not load."""
    raise ExplosiveError("the original words")


def ignore(_: Any) -> str:
    """Takes anything."""
    return "taken"


def ships(traits: Traits) -> bool:
    """Only there must arguments travel."""
    return traits.isolated and traits.pickles


def _refused(runner: Runner, which: str, fn: Callable[..., Any], *args: Any) -> SerializationError:
    """The error of a call that fails beside others, which it must not harm."""
    with configured(runner, max_concurrency=2) as pair, gate() as held:
        beside = on(pair, pass_gate)(held.where, "beside")
        held.wait_for("beside")
        error = error_of(on(pair, fn)(*args), SerializationError)
        assert error.which == which, f"{error!r} says {error.which!r}"
        still_works(pair)
        held.open()
        assert value_of(beside) == "beside"
    return error


@check(only=ships)
def an_argument_that_cannot_be_packed(runner: Runner) -> None:
    """It is a `SerializationError` that names the argument."""
    error = _refused(runner, "argument", ignore, threading.Lock())
    assert "ignore" in str(error)
    assert "argument 1" in str(error)
    assert "lock" in str(error)
    _refused(runner, "argument", ignore, Stubborn())


@check(only=ships)
def an_argument_that_cannot_be_loaded(runner: Runner) -> None:
    """It is a `SerializationError` that says so, with the reason; also where loading wants to leave."""
    assert "loading is refused" in str(_refused(runner, "argument", ignore, Explosive()))
    for kind in (SystemExit, KeyboardInterrupt):
        _refused(runner, "argument", ignore, Explosive(kind))


@check(only=lambda traits: not traits.pickles)
def an_argument_that_need_not_be_packed(runner: Runner) -> None:
    """Where arguments are not serialised, any object is one."""
    for value in (threading.Lock(), Stubborn(), Explosive()):
        assert value_of(on(runner, ignore)(value)) == "taken"


@check(only=ships)
def an_open_file_as_argument(runner: Runner) -> None:
    """It is refused, with the way out, and not turned into a text in memory that looks like it."""
    with open(os.devnull) as file:
        for argument in (file, [file]):
            error = _refused(runner, "argument", ignore, argument)
            assert "send its path" in str(error)
            assert repr(os.devnull) in str(error)


@check(only=isolated)
def an_open_file_as_result(runner: Runner) -> None:
    """It is refused in the same way."""
    error = _refused(runner, "result", make_open_file)
    assert "send its path" in str(error)
    assert repr(os.devnull) in str(error)


@check(only=isolated)
def a_result_that_cannot_be_packed(runner: Runner) -> None:
    """It is a `SerializationError` that names the task and the reason."""
    error = _refused(runner, "result", make_lock)
    assert "make_lock" in str(error)
    assert "lock" in str(error)
    assert "packing is refused" in str(_refused(runner, "result", make_stubborn))


@check(only=isolated)
def a_result_that_memory_does_not_suffice_for(runner: Runner) -> None:
    """It is the `MemoryError`, as anywhere else in a task, which says what was packed; so for an exception."""
    for which, fn in (("result", make_huge), ("exception", raise_huge)):
        error = error_of(on(runner, fn)(), MemoryError)
        assert any(f"the {which} of {fn.__name__} could not be packed" in note for note in error.__notes__)
        still_works(runner)


@check(only=isolated)
def a_result_that_cannot_be_loaded(runner: Runner) -> None:
    """It is a `SerializationError` with the reason; also where loading wants to leave the program."""
    for kind in (OSError, SystemExit, KeyboardInterrupt):
        error = _refused(runner, "result", make_explosive, kind)
        assert "loading is refused" in str(error)
        assert "make_explosive" in str(error)


@check(only=lambda traits: not traits.isolated)
def results_that_stay_here(runner: Runner) -> None:
    """Where nothing is serialised, the very object comes back, and any exception."""
    lock = threading.Lock()
    assert value_of(on(runner, echo)(lock)) is lock
    assert isinstance(error_of(on(runner, raise_locked)(), LockedError).lock, type(lock))
    error_of(on(runner, raise_explosive)(), ExplosiveError)


@check(only=isolated)
def an_exception_that_cannot_be_packed(runner: Runner) -> None:
    """It is a `SerializationError` that tells the original type, its words and where it was raised."""
    error = _refused(runner, "exception", raise_locked)
    shown = "".join(traceback.format_exception(error))
    assert "LockedError" in shown
    assert "raise_locked" in shown


@check(only=isolated)
def an_exception_that_cannot_be_loaded(runner: Runner) -> None:
    """It is a `SerializationError` that tells the original type, its words and where it was raised."""
    error = _refused(runner, "exception", raise_explosive)
    shown = "".join(traceback.format_exception(error))
    assert "loading is refused" in shown
    assert "ExplosiveError" in shown
    assert "the original words" in shown
    assert "in raise_explosive" in shown


@check(only=isolated)
def retried_like_any_failure(runner: Runner) -> None:
    """A result that cannot travel is a failed attempt, and tried again."""
    run = on(runner, make_lock, retries=1)()
    error_of(run, SerializationError)
    assert run.attempt == 2
