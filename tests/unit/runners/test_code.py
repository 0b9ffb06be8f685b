"""The code of tasks for workers that live long: packed once, and again when what it refers to has changed."""

import pickle
import sys
import textwrap
from types import ModuleType, SimpleNamespace
from weakref import WeakKeyDictionary, WeakValueDictionary

import cloudpickle
import pytest
from unit_helpers import in_thread

from woflo import task
from woflo.kernel.body import Body
from woflo.runners.processes import code, wire
from woflo.runners.processes.code import Codes
from woflo.runners.processes.pooled import PooledWorker


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
    """What a worker would make of it, which has classes of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cloudpickle.cloudpickle, "_DYNAMIC_CLASS_TRACKER_BY_ID", WeakValueDictionary())
        patch.setattr(cloudpickle.cloudpickle, "_DYNAMIC_CLASS_TRACKER_BY_CLASS", WeakKeyDictionary())
        return pickle.loads(found.data).call((), {}, 1)


BEGINNING = """
import abc, dataclasses, enum, re, typing
STEP = 1
LIST = [1]
class Thing:
    x = 1
    parts = {"a": [1]}
    def read(self):
        return STEP
    @staticmethod
    def read_static():
        return LIST
    @property
    def size(self):
        return len(LIST)
class Heir(Thing):
    pass
class Kind(enum.Enum):
    ONE = 1
    def read(self):
        return STEP
@dataclasses.dataclass
class Point:
    x: int = 1
class Pair(typing.NamedTuple):
    left: int = 1
class Base(abc.ABC):
    @abc.abstractmethod
    def read(self): ...
OBJECT = Thing()
TABLE = {"a": 1}
look = TABLE.get
NESTED = ((1, [1]), {"a": {"b": {1}}})
PATTERN = re.compile("a")
def with_default(value=1, *, named=LIST):
    return value, list(named)
def with_attribute():
    return getattr(with_attribute, "x", None)
def make():
    inside = [1]
    def fn():
        return inside
    return fn
closed = make()
def helper():
    return STEP
@task(runner="sequential")
def other():
    return STEP
@task(runner="sequential")
def work():
    return {expression}
"""


def beginning(expression):
    return BEGINNING.replace("{expression}", expression)


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
    "an attribute of a class": ("Thing.x", "Thing.x = 2", 2),
    "a new attribute of a class": ("getattr(Thing, 'y', None)", "Thing.y = 2", 2),
    "inside an attribute of a class": ("Thing.parts", "Thing.parts['a'].append(2)", {"a": [1, 2]}),
    "a base of a class": ("Heir.x", "Thing.x = 2", 2),
    "what a method uses": ("Heir().read()", "STEP = 2", 2),
    "what a static method uses": ("Thing.read_static()", "LIST.append(2)", [1, 2]),
    "what a property uses": ("Thing().size", "LIST.append(2)", 2),
    "another method": ("Thing().read()", "Thing.read = lambda self: 7", 7),
    "what a member uses": ("Kind.ONE.read()", "STEP = 2", 2),
    "a method of a data class": ("hasattr(Point, 'y')", "Point.y = 1", True),
    "an attribute of a named tuple": ("hasattr(Pair, 'y')", "Pair.y = 1", True),
    "a class that is registered": ("issubclass(Thing, Base)", "Base.register(Thing)", True),
    "an object": ("OBJECT.x", "OBJECT.x = 2", 2),
    "behind a bound builtin": ("look('a')", "TABLE['a'] = 2", 2),
    "deep inside": ("NESTED", "NESTED[1]['a']['b'].add(2)", ((1, [1]), {"a": {"b": {1, 2}}})),
    "an attribute of a function": ("with_attribute()", "with_attribute.x = 2", 2),
    "a default": ("with_default()", "with_default.__defaults__ = (2,)", (2, [1])),
    "only the type of a default": ("with_default()", "with_default.__defaults__ = (True,)", (True, [1])),
    "inside a default": ("with_default()", "LIST.append(2)", (1, [1, 2])),
    "a named default": ("with_default()", "with_default.__kwdefaults__['named'] = [3]", (1, [3])),
    "the code of a function": ("helper()", "helper.__code__ = (lambda: 9).__code__", 9),
    "inside a closure": ("closed()", "closed().append(2)", [1, 2]),
    "its own default": ("work.fn.__defaults__", "work.fn.__defaults__ = (5,)", (5,)),
    "a name that was not": ("LATER if 'LATER' in globals() else 'not yet'", "LATER = 7", 7),
}


UNCHANGED = sorted(
    {expression for expression, _, _ in CHANGES.values()} | {"len(LIST)", "PATTERN", "Point()", "Pair(1)"}
)


@pytest.mark.parametrize(("expression", "change", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change(expression, change, expected):
    """It is packed anew, under a number of its own, and a worker gets what the caller has now."""
    main, codes = Script(beginning(expression)), Codes()
    before = codes.get(main.body())
    first = result(before)
    assert first == main.body().call((), {}, 1)
    main.exec(change)
    after = codes.get(main.body())
    assert after.number != before.number
    assert result(after) == expected
    assert repr(result(after)) != repr(first)
    assert result(before) == first


@pytest.mark.parametrize("expression", UNCHANGED)
def test_without_a_change(expression):
    """It keeps its number, so that workers which have it are not sent it again; and what is unrelated is no change."""
    main, codes = Script(beginning(expression)), Codes()
    before = codes.get(main.body())
    main.exec("UNRELATED = 1")
    result(before)  # loading it here is what a worker does
    assert codes.get(main.body()) is before


def test_it_is_packed_only_where_it_has_to_be(packed):
    """Globals that cannot change inside are compared; only others are packed to be compared."""
    for expression, expected in (("STEP", 1), ("helper()", 1), ("LIST", 1), ("OBJECT.x", 5)):
        main, codes = Script(beginning(expression)), Codes()
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
    main = Script(beginning("STEP"))
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
    main, codes = Script(beginning("LIST")), Codes()
    codes.get(main.body())
    main.exec("import threading; LIST = threading.Lock()")
    for _ in range(2):
        with pytest.raises(TypeError, match="lock"):
            codes.get(main.body())
    main.exec("LIST = [3]")
    assert result(codes.get(main.body())) == [3]


# -- globals that several functions share ----------------------------------------------------------------


@pytest.fixture
def shared(monkeypatch):
    """A script whose globals are those of `__main__`, as in a worker."""
    module = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    script = Script.__new__(Script)
    script.names = vars(module)
    script.exec("""
        from woflo import task
        STEP, LIST, OTHER = 1, [1], 1
        class Thing: x = 1
        @task(runner="sequential")
        def one(): return STEP, len(LIST), Thing.x
        @task(runner="sequential")
        def two(): return STEP, len(LIST), Thing.x
        @task(runner="sequential")
        def third(): return OTHER
    """)
    return script


@pytest.mark.parametrize(
    ("change", "back"),
    [("STEP = 2", "STEP = 1"), ("LIST.append(2)", "LIST.pop()"), ("Thing.x = 2", "Thing.x = 1")],
)
def test_there_and_back(shared, change, back):
    """Another function has brought another value meanwhile: this one brings its own again, once."""
    codes = Codes()
    one, two, third = (codes.get(shared.body(name)) for name in ("one", "two", "third"))
    assert codes.get(shared.body("one")) is one
    assert codes.get(shared.body("two")) is two
    shared.exec(change)
    assert codes.get(shared.body("two")) is not two
    shared.exec(back)
    again = codes.get(shared.body("one"))
    assert again is not one
    assert again.data == one.data
    assert codes.get(shared.body("one")) is again
    assert codes.get(shared.body("third")) is third


def test_a_call_that_was_made_before_a_change(shared):
    """Where it reaches a worker after others, what these have loaded is loaded again for the next ones."""
    codes, sent = Codes(), []
    pool = SimpleNamespace(codes=codes, runtime=SimpleNamespace(reactor=None, on_reactor=lambda: True))
    worker = PooledWorker(pool, None)
    worker.child = SimpleNamespace(send_raw=lambda data, fd: sent.extend(wire.Decoder().feed(data, [])))

    def send(code):
        sent.clear()
        run = SimpleNamespace(_number=len(worker.calls), _code=code, _head=code.head, _content=())
        worker.send([run])
        return [(kind, number) for kind, number, _, _ in sent if kind == wire.CODE]

    before = codes.get(shared.body("one"))
    shared.exec("STEP = 2")
    after = codes.get(shared.body("one"))
    assert send(after) == [(wire.CODE, after.number)]
    assert send(after) == []
    assert send(before) == [(wire.CODE, before.number)]
    assert send(after) == [(wire.CODE, after.number)]
    assert send(after) == []


def test_two_threads_pack_at_once(monkeypatch):
    """What changes while a code is being packed is found by the next use, whichever of the two was kept."""
    main, codes, pack = Script(beginning("STEP")), Codes(), code._packed

    def packed(body):
        data = pack(body)
        monkeypatch.setattr(code, "_packed", pack)
        main.exec("STEP = 2")
        inner = in_thread(codes.get, body)()
        assert result(inner) == 2
        return data

    monkeypatch.setattr(code, "_packed", packed)
    first = codes.get(main.body())
    assert result(first) == 1
    assert result(codes.get(main.body())) == 2
    assert codes.get(main.body()).number not in (first.number, 0)
