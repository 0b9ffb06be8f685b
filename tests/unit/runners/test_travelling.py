"""Exceptions arrive as themselves: class, arguments, attributes, causes, notes, and the story of where they rose."""

import json
import subprocess
import traceback

import pytest

from woflo.runners.processes import shipping, travelling


class Three(Exception):
    """Its `__init__` takes other arguments than `args` keeps."""

    def __init__(self, code, why, where):
        super().__init__(f"{code}: {why}")
        self.code, self.where = code, where


class Keyword(ValueError):
    def __init__(self, *, code):
        super().__init__("keyword only")
        self.code = code


class File(OSError):
    def __init__(self, path, why):
        super().__init__(2, why, path)
        self.why = why


class Reduced(Exception):
    """Says how it is pickled."""

    def __init__(self, one, two):
        super().__init__("reduced")
        self.pair = (one, two)

    def __reduce__(self):
        return (Reduced, self.pair)


class Group(ExceptionGroup):
    def __new__(cls, message, errors, code):
        self = super().__new__(cls, message, errors)
        self.code = code
        return self

    def derive(self, excs):
        return Group(self.message, excs, self.code)

    def __reduce__(self):
        return (Group, (self.message, self.exceptions, self.code))


def raised(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def travelled(error):
    flat = travelling.flatten(error, "in process 7")
    return travelling.restore(shipping.load(shipping.dump(flat, to_caller=True)))


def divide_by(number):
    try:
        return 1 / number
    except ZeroDivisionError as error:
        raise Three(1, "divided", "here") from error


def divide_in_handler(number):
    try:
        return 1 / number
    except ZeroDivisionError:
        raise KeyError("while handling") from None


ERRORS = {
    "plain": ValueError("words", 1),
    "without arguments": ValueError(),
    "three arguments": Three(7, "no", "here"),
    "keyword only": Keyword(code=3),
    "a file": raised(open, "/no/such/file"),
    "two files": OSError(2, "why", "from", None, "to"),
    "own file": File("/path", "gone"),
    "decoding": raised(b"\xff".decode),
    "encoding": raised("\ud800".encode),
    "syntax": raised(compile, "a b", "file", "exec"),
    "import": raised(__import__, "no_such_module"),
    "attribute": raised(getattr, 1, "nope"),
    "exit": SystemExit(3),
    "iteration": StopIteration(5),
    "interrupt": KeyboardInterrupt(),
    "reduced": Reduced(1, 2),
    "process": subprocess.CalledProcessError(2, ["cmd"], b"out", b"err"),
    "json": raised(json.loads, "{"),
    "key": KeyError("key"),
    "timeout": TimeoutError("late"),
}
ATTRIBUTES = {name for error in ERRORS.values() for name in dir(error)} - set(dir(Exception))


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_itself(error):
    """Class, arguments, words and every attribute are what they were."""
    arrived = travelled(error)
    assert type(arrived) is type(error)
    assert arrived.args == error.args
    assert str(arrived) == str(error)
    for name in ATTRIBUTES - {"__weakref__", "name", "obj", "name_from", "with_traceback", "__dict__"}:
        assert getattr(arrived, name, "none") == getattr(error, name, "none"), name


def test_the_name_of_what_is_missing():
    """An `ImportError` tells which module, as a program that handles it asks."""
    assert travelled(ERRORS["import"]).name == "no_such_module"


def test_its_origin():
    """The traceback of where it was raised comes as a note, which says in which process."""
    arrived = travelled(raised(divide_by, 0))
    shown = "".join(traceback.format_exception(arrived))
    for words in ("in process 7", "divide_by", "ZeroDivisionError: division by zero", "direct cause"):
        assert words in shown


def test_its_cause():
    """The chain of causes comes along, each as itself."""
    try:
        try:
            divide_by(0)
        except Three as error:
            raise Keyword(code=4) from error
    except Keyword as error:
        arrived = travelled(error)
    assert type(arrived.__cause__) is Three
    assert (arrived.__cause__.code, arrived.__cause__.where) == (1, "here")
    assert type(arrived.__cause__.__cause__) is ZeroDivisionError


def test_a_long_chain():
    """A chain of a thousand causes, and one that bites its own tail, are cut somewhere."""
    error = ValueError(0)
    for number in range(1, 1_000):
        last, error = error, ValueError(number)
        error.__cause__ = last
    assert travelled(error).args == (999,)
    error.__cause__ = error
    assert travelled(error).args == (999,)


def test_its_notes():
    """Notes stay, in order, before that of its origin."""
    error = Three(1, "with", "notes")
    error.add_note("first")
    error.add_note("second")
    notes = travelled(error).__notes__
    assert notes[:2] == ["first", "second"]
    assert len(notes) == 3


def test_twice():
    """From process to process to process: still itself, with both origins."""
    arrived = travelled(travelled(raised(divide_by, 0)))
    assert type(arrived) is Three
    assert (arrived.code, arrived.where) == (1, "here")
    assert type(arrived.__cause__) is ZeroDivisionError


def test_a_group():
    """Each exception of a group is itself, with its own cause, in groups of groups too."""
    inner = ExceptionGroup("inner", [raised(divide_by, 0), KeyError("k")])
    arrived = travelled(ExceptionGroup("outer", [inner, Three(2, "two", "there")]))
    assert type(arrived) is ExceptionGroup
    assert arrived.message == "outer"
    first, key = arrived.exceptions[0].exceptions
    assert (type(first), first.code, first.where) == (Three, 1, "here")
    assert type(first.__cause__) is ZeroDivisionError
    assert (type(key), key.args) == (KeyError, ("k",))
    assert arrived.exceptions[1].where == "there"


def test_a_group_of_its_own_class():
    """A group that says how it is pickled."""
    arrived = travelled(Group("message", [ValueError(1)], 5))
    assert (type(arrived), arrived.code, arrived.exceptions[0].args) == (Group, 5, (1,))


def test_a_context_that_is_not_shown():
    """`raise … from None` hides what came before, here too."""
    shown = "".join(traceback.format_exception(travelled(raised(divide_in_handler, 0))))
    assert "ZeroDivisionError" not in shown.replace("divide_in_handler", "").split("raised in process")[0]


def test_a_class_of_a_function():
    """A class that cannot be named travels by value."""

    class Local(Exception):
        def __init__(self, one, two):
            super().__init__("local")
            self.one = one

    arrived = travelled(Local(1, 2))
    assert type(arrived) is Local
    assert arrived.one == 1
