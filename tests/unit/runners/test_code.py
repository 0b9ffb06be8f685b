"""The code of tasks for workers that live long: packed once, and again when what it refers to has changed."""

import pickle
import textwrap

import pytest

from woflo import task
from woflo.kernel.body import Body
from woflo.runners.processes import code
from woflo.runners.processes.code import Codes


class Script:
    """A program typed piece by piece, as in a notebook: `main.exec(...)` changes its globals."""

    def __init__(self, text):
        self.names = {"__name__": "__main__", "task": task}
        self.exec(text)

    def exec(self, text):
        exec(textwrap.dedent(text), self.names)

    def body(self, name="work"):
        return self.names[name].body


@pytest.fixture
def packed(monkeypatch):
    """How often something was packed."""
    times = []
    pack = code._packed
    monkeypatch.setattr(code, "_packed", lambda body: times.append(body) or pack(body))
    return times


def result(found):
    """What a worker would make of it."""
    return pickle.loads(found.data).call((), {}, 1)


BEGINNING = """
STEP = 1
LIST = [1]
def helper():
    return STEP
@task(runner="sequential")
def other():
    return STEP
@task(runner="sequential")
def work():
    return {expression}
"""
CHANGES = {
    "a number": ("STEP", "STEP = 2", 2),
    "a number within a comprehension": ("[STEP for _ in range(1)]", "STEP = 2", [2]),
    "a number within a lambda": ("(lambda: STEP)()", "STEP = 2", 2),
    "what a helper uses": ("helper()", "STEP = 2", 2),
    "a helper": ("helper()", "def helper(): return 3", 3),
    "what another task uses": ("other.body.call((), {}, 1)", "STEP = 2", 2),
    "inside a list": ("LIST", "LIST.append(2)", [1, 2]),
    "another list": ("LIST", "LIST = [5]", [5]),
    "only the type of a number": ("STEP", "STEP = 1.0", 1.0),
    "a name that is no more": ("STEP if 'STEP' in globals() else 'gone'", "del STEP", "gone"),
    "a name that was not": ("LATER if 'LATER' in globals() else 'not yet'", "LATER = 7", 7),
}


@pytest.mark.parametrize(("expression", "change", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change(expression, change, expected):
    """It is packed anew, under a number of its own, and a worker gets what the caller has now."""
    main, codes = Script(BEGINNING.format(expression=expression)), Codes()
    before = codes.get(main.body())
    first = result(before)
    assert first == main.body().call((), {}, 1)
    main.exec(change)
    after = codes.get(main.body())
    assert after.number != before.number
    assert result(after) == expected
    assert (result(after), type(result(after))) != (first, type(first))
    assert result(before) == first


@pytest.mark.parametrize("expression", ["STEP", "helper()", "other.body.call((), {}, 1)", "LIST", "len(LIST)"])
def test_without_a_change(expression):
    """It keeps its number, so that workers which have it are not sent it again; and what is unrelated is no change."""
    main, codes = Script(BEGINNING.format(expression=expression)), Codes()
    before = codes.get(main.body())
    main.exec("UNRELATED = 1")
    assert codes.get(main.body()) is before


def test_it_is_packed_only_where_it_has_to_be(packed):
    """Globals that cannot change inside are compared; only others are packed to be compared."""
    for expression, expected in (("STEP", 1), ("helper()", 1), ("LIST", 5)):
        main, codes = Script(BEGINNING.format(expression=expression)), Codes()
        packed.clear()
        for _ in range(5):
            codes.get(main.body())
        assert len(packed) == expected, expression


def test_what_a_closure_holds():
    """A value that a closure sees change is sent as it is now."""

    def made():
        count = 1

        def advance():
            nonlocal count
            count += 1

        return Body(lambda: count), advance

    (body, advance), codes = made(), Codes()
    before = codes.get(body)
    assert codes.get(body) is before
    advance()
    after = codes.get(body)
    assert (result(before), result(after)) == (1, 2)
    assert after.number != before.number


def test_objects_that_can_be_called():
    """A callable object changes as it likes."""

    class Adder:
        step = 1

        def __call__(self):
            return self.step

    adder, codes = Adder(), Codes()
    body = Body(adder)
    before = codes.get(body)
    assert codes.get(body) is before
    adder.step = 5
    assert result(codes.get(body)) == 5


GLOBAL = 1


@task(runner="sequential")
def known_by_name():
    return GLOBAL


def test_a_function_of_a_module(monkeypatch, packed):
    """It travels by its name, once, whatever happens to its module here."""
    codes = Codes()
    before = codes.get(known_by_name.body)
    monkeypatch.setitem(globals(), "GLOBAL", [2])
    assert codes.get(known_by_name.body) is before
    assert len(packed) == 1
    assert pickle.loads(before.data) is known_by_name.body
    assert len(before.data) < 300


def test_functions_that_name_each_other():
    """Asking what has changed comes to an end, and finds it behind the circle."""
    main, codes = (
        Script("""
        STEP = 1
        def one(n): return two(n - 1) if n else STEP
        def two(n): return one(n - 1) if n else STEP
        @task(runner="sequential")
        def work(n=3): return one(n) if n else work
        """),
        Codes(),
    )
    before = codes.get(main.body())
    assert codes.get(main.body()) is before
    main.exec("STEP = 9")
    assert result(codes.get(main.body())) == 9


def test_two_pools():
    """Each counts for itself: what one has sent the other has not."""
    main = Script(BEGINNING.format(expression="STEP"))
    one, two = Codes(), Codes()
    first = one.get(main.body())
    assert two.get(main.body()) is not first
    main.exec("STEP = 2")
    changed = one.get(main.body())
    assert changed is not first
    assert one.get(main.body()) is changed
    assert result(two.get(main.body())) == 2


def test_what_cannot_be_packed():
    """The error is told by each use, and the last code that could be is not used instead."""
    main, codes = Script(BEGINNING.format(expression="LIST")), Codes()
    codes.get(main.body())
    main.exec("import threading; LIST = threading.Lock()")
    for _ in range(2):
        with pytest.raises(TypeError, match="lock"):
            codes.get(main.body())
    main.exec("LIST = [3]")
    assert result(codes.get(main.body())) == [3]
