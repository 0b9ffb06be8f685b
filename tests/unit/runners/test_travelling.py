"""Exceptions arrive as themselves: class, arguments, attributes, causes, notes, and the story of where they rose."""

import json
import subprocess
import traceback

import pytest

from woflo.errors import TaskCrashedError
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


class Stateful(Exception):
    """Says what of it is pickled."""

    def __init__(self, keep, leave):
        super().__init__(keep)
        self.keep, self.leave = keep, leave

    def __getstate__(self):
        return {"keep": self.keep, "leave": None}

    def __reduce__(self):
        return (_stateful, (), self.__getstate__())


def _stateful():
    return Stateful.__new__(Stateful)


def test_a_state_of_its_own():
    """What a class says about its pickling is held to."""
    arrived = travelled(Stateful("kept", "left"))
    assert (type(arrived), arrived.keep, arrived.leave) == (Stateful, "kept", None)


def test_how_many_causes():
    """The first ones of a chain stay, down to the limit."""
    error = ValueError(0)
    for number in range(1, 20):
        last, error = error, ValueError(number)
        error.__cause__ = last
    seen, arrived = [], travelled(error)
    while arrived is not None:
        seen.append(arrived.args[0])
        arrived = arrived.__cause__
    assert seen == list(range(19, 18 - travelling.MAX_CAUSES, -1))


def test_a_crash_tells_its_story_once():
    """A crash that a task passes on has its own trace, and no other one beside it; so has what it caused."""
    crash = TaskCrashedError("gone", signal="SIGKILL", trace="the trace")
    assert travelled(crash).__notes__ == ["trace of the crash:\nthe trace"]
    wrapped = ValueError("outer")
    wrapped.__cause__ = crash
    arrived = travelled(wrapped)
    assert arrived.__cause__.signal == "SIGKILL"
    assert arrived.__cause__.__notes__ == crash.__notes__


def test_in_words():
    """For where it cannot be loaded: class, origin, and the whole traceback."""
    words = travelling.describe(raised(divide_by, 0), "in process 7")
    for part in ("the exception was Three, raised in process 7:\n", "divide_by", "ZeroDivisionError", "1: divided"):
        assert part in words


class Kept(Exception):
    """Says what its state is, which pickle does not ask an exception for."""

    def __init__(self, one, two):
        super().__init__(f"{one} {two}")
        self.one, self.two = one, two

    def __getstate__(self):
        return {"one": self.one}


class Renewed(OSError):
    """Says what it is made of, which pickle does not ask an exception for either."""

    def __init__(self, *, code):
        super().__init__(code, "why")
        self.code = code

    def __getnewargs__(self):
        return (self.code,)


@pytest.mark.parametrize("error", [Kept(1, 2), Renewed(code=5)], ids=lambda error: type(error).__name__)
def test_half_of_a_way_to_pickle_it(error):
    """A class with another `__init__` and only such a method arrives as itself."""
    arrived = travelled(error)
    assert type(arrived) is type(error)
    assert (arrived.args, str(arrived)) == (error.args, str(error))
    del arrived.__notes__  # where it was raised
    assert vars(arrived) == vars(error)
