"""Values as bytes and back: small ones in the frame, large ones in memory of their own, which is closed afterwards."""

import os
import pickle
import sys
import threading
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st
from systems import needs_proc

from woflo.errors import SerializationError
from woflo.runners.processes import shipping
from woflo.testing.procfs import descriptors

pytestmark = needs_proc

SMALL = shipping.SMALL
MB = 1_000_000

sizes = st.sampled_from([0, 1, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL])
blocks = st.builds(lambda size, fill: bytes([fill]) * size, sizes, st.integers(0, 255))
atoms = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | blocks
values = st.recursive(atoms, lambda some: st.lists(some, max_size=4) | st.dictionaries(st.text(max_size=3), some))


@pytest.fixture
def nothing_open():
    """Whatever the test does, it leaves no descriptor."""
    before = descriptors()
    yield
    assert descriptors() == before


@pytest.fixture
def of_main(monkeypatch):
    """Defines things as a script would: in `__main__`."""

    def define(text):
        names = {"__name__": "__main__"}
        exec(text, names)
        for name, value in names.items():
            if not name.startswith("__"):
                monkeypatch.setattr(sys.modules["__main__"], name, value, raising=False)
        return types.SimpleNamespace(**names)

    return define


def block(size):
    """A buffer that does not travel within the pickle, and whose bytes differ."""
    return pickle.PickleBuffer(bytearray(os.urandom(1024) * (size // 1024 + 1))[:size])


# -- there and back ------------------------------------------------------------------------------------


@given(values, st.booleans())
def test_any_value(value, to_caller):
    """It comes back equal, whatever its size and the way, and so it does as one piece of bytes."""
    assert shipping.load(shipping.dump(value, to_caller=to_caller)) == value
    assert pickle.loads(shipping.dump_in_memory(value, to_caller=to_caller)) == value


@pytest.mark.parametrize(("size", "in_frame"), [(0, True), (SMALL - 100, True), (SMALL + 1, False), (5 * MB, False)])
def test_where_it_travels(nothing_open, size, in_frame):
    """Up to the limit in the frame, above it in memory whose descriptor no other program inherits."""
    parcel = shipping.dump(bytes(size))
    assert (parcel.fd is None) == in_frame
    if parcel.fd is not None:
        assert len(parcel.data) < 100
        assert os.fstat(parcel.fd).st_size > size
        assert not os.get_inheritable(parcel.fd)
    assert shipping.load(parcel) == bytes(size)


def test_buffers(nothing_open):
    """Large buffers stand behind the pickle one after another, small ones within it; all come back in order."""
    buffers = [block(size) for size in (MB, 10, SMALL, SMALL - 1, 2 * MB)]
    parcel = shipping.dump(buffers)
    lengths = [int.from_bytes(parcel.data[at : at + 8], "little") for at in range(0, len(parcel.data), 8)]
    assert lengths[1:] == [MB, SMALL, 2 * MB]
    assert os.fstat(parcel.fd).st_size == sum(lengths)
    assert list(map(bytes, shipping.load(parcel))) == list(map(bytes, buffers))


def test_buffers_are_the_receivers_own(nothing_open):
    """They can be written to, and hold nothing open."""
    first = shipping.dump(block(MB))
    one = shipping.load(first)
    one[:3] = b"new"
    assert one[:3] == b"new"
    one.close()


def test_mapped_buffers(nothing_open):
    """Mapped ones stay where they are: two receivers see the same memory, and neither can write to it."""
    sent = block(MB)
    parcel = shipping.dump([sent, sent])
    twin = shipping.Parcel(parcel.data, os.dup(parcel.fd))
    content = bytes(sent)
    seen = os.dup(parcel.fd)
    start = int.from_bytes(parcel.data[:8], "little")
    one, two = shipping.load(parcel, mapped=True)[0], shipping.load(twin, mapped=True)[0]
    assert bytes(one) == bytes(two) == content
    os.pwrite(seen, b"changed", start)
    os.close(seen)
    assert bytes(one[:7]) == bytes(two[:7]) == b"changed"
    with pytest.raises(TypeError, match="read-only"):
        one[0] = 0
    del one, two


def test_without_nameless_memory(monkeypatch, nothing_open):
    """Where the system has no such memory a nameless file does."""
    monkeypatch.delattr(os, "memfd_create", raising=False)
    value = [bytes(MB), block(MB)]
    parcel = shipping.dump(value)
    assert os.fstat(parcel.fd).st_nlink == 0
    assert not os.get_inheritable(parcel.fd)
    got = shipping.load(parcel)
    assert (got[0], bytes(got[1])) == (bytes(MB), bytes(value[1]))
    del got


def test_without_reading_at_a_place(monkeypatch, nothing_open):
    """Where the system cannot read at a place into memory, it is gone to that place; nothing else is different."""
    monkeypatch.delattr(os, "preadv", raising=False)
    buffers = [block(size) for size in (MB, SMALL, 2 * MB)]
    assert list(map(bytes, shipping.load(shipping.dump(buffers)))) == list(map(bytes, buffers))
    parcel = shipping.dump(block(MB))
    os.ftruncate(parcel.fd, os.fstat(parcel.fd).st_size - 100)
    with pytest.raises(EOFError, match=f"100 of {MB} bytes"):
        shipping.load(parcel)


# -- what pickle refuses, and what belongs to `__main__` -------------------------------------------------


def test_what_pickle_refuses(nothing_open):
    """Closures and lambdas travel by value, also behind a large value that plain pickle had begun to write."""
    base = 10
    for big in (b"", bytes(MB)):
        got, fn = shipping.load(shipping.dump([big, lambda x: x + base]))
        assert (got, fn(1)) == (big, 11)
        assert pickle.loads(shipping.dump_in_memory([big, lambda x: x + base]))[1](2) == 12


def test_things_of_main(of_main):
    """Away from the caller they travel by value; back to the caller by name, for there they are."""
    main = of_main("class Point:\n    pass\n")
    away, back = shipping.dump(main.Point()), shipping.dump(main.Point(), to_caller=True)
    assert b"cloudpickle" in away.data
    assert b"cloudpickle" not in back.data
    assert b"cloudpickle" in shipping.dump_in_memory(main.Point())
    assert b"cloudpickle" not in shipping.dump_in_memory(main.Point(), to_caller=True)
    assert type(shipping.load(back)) is main.Point


def test_the_name_of_main_in_a_large_value(of_main, nothing_open):
    """It is found behind and before pieces that are written as they are."""
    main = of_main("class Point:\n    pass\n")
    for value in ([main.Point(), bytes(MB)], [bytes(MB), main.Point()]):
        parcel = shipping.dump(value)
        size = int.from_bytes(parcel.data[:8], "little")
        assert b"cloudpickle" in os.pread(parcel.fd, size, 0)
        assert bytes(MB) in shipping.load(parcel)


def test_text_that_only_looks_like_main():
    """It arrives as the text that it is."""
    for value in ("__main__", ["__main__"] * 3, b"__main__" * 20_000):
        assert shipping.load(shipping.dump(value)) == value


def test_functions_of_main_share_their_globals(of_main):
    """What one function sets there, another one sees, and it is the receiver's own `__main__`."""
    main = of_main("def one(): pass\ndef two(): pass\n")
    here = vars(sys.modules["__main__"])
    for name in ("one", "two"):
        fn = types.FunctionType(getattr(main, name).__code__, here, name)
        fn.__module__ = "__main__"
        setattr(main, name, fn)
    one, two = shipping.load(shipping.dump([main.one, main.two]))
    assert one.__globals__ is two.__globals__ is here
    assert one is not main.one


# -- what cannot be done ---------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [b"", bytes(MB), "buffer"], ids=["small", "large", "buffer"])
def test_what_cannot_be_packed(nothing_open, before):
    """The error is pickle's own, and memory that was begun is closed."""
    value = [block(MB) if before == "buffer" else before, threading.Lock()]
    with pytest.raises(TypeError, match="lock"):
        shipping.dump(value)
    with pytest.raises(TypeError, match="lock"):
        shipping.dump_in_memory(value)


def refuse_to_load():
    raise ZeroDivisionError("in loading")


class Unloadable:
    def __reduce__(self):
        return (refuse_to_load, ())


@pytest.mark.parametrize("size", [0, MB])
def test_what_cannot_be_loaded(nothing_open, size):
    """The error is that of the value, or, with words for it, names which value of what it was."""
    with pytest.raises(ZeroDivisionError, match="in loading"):
        shipping.load(shipping.dump([bytes(size), Unloadable()]))
    with pytest.raises(SerializationError) as caught:
        shipping.open_parcel(shipping.dump([bytes(size), Unloadable()]), "result", "work(1)")
    told = "the result of work(1) could not be loaded: ZeroDivisionError: in loading"
    assert (str(caught.value), caught.value.which) == (told, "result")
    assert type(caught.value.__cause__) is ZeroDivisionError


def test_memory_cut_short(nothing_open):
    """Bytes that are missing are an error that says how many, and not zeros."""
    parcel = shipping.dump(block(MB))
    os.ftruncate(parcel.fd, os.fstat(parcel.fd).st_size - 100)
    with pytest.raises(EOFError, match=f"100 of {MB} bytes"):
        shipping.load(parcel)
    assert parcel.fd is None


def test_closing_twice(nothing_open):
    """A parcel that nobody loads is closed once, however often it is asked."""
    parcel = shipping.dump(bytes(MB))
    number = parcel.fd
    parcel.close()
    other = os.open(os.devnull, os.O_RDONLY)
    assert other == number  # what is closed once more would be this one
    parcel.close()
    os.close(other)


# -- short cuts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "plain"),
    [
        ((), True),
        ((1, 2.5, None, True, "text"), True),
        (tuple(range(8)), True),
        (tuple(range(9)), False),
        (("x" * 1024,), True),
        (("x" * 1025,), False),
        ((b"bytes",), False),
        (([1],), False),
        ((type("Own", (int,), {})(1),), False),
        ((type("Own", (str,), {})("x"),), False),
    ],
)
def test_plain_arguments(args, plain):
    """Only a few of the simplest: subclasses may pickle as they like."""
    assert shipping.are_plain(args) is plain


def test_a_pickle_is_written_without_a_copy(monkeypatch):
    """A large piece goes to the memory as it is, never through `bytes`, which would double it."""
    copied = []

    class Counting(bytes):
        def __new__(cls, *args):
            made = super().__new__(cls, *args)
            copied.append(len(made))
            return made

    monkeypatch.setattr(shipping, "bytes", Counting, raising=False)
    value = bytes(4 * MB)
    parcel = shipping.dump(value)
    size = int.from_bytes(parcel.data, "little")
    assert os.fstat(parcel.fd).st_size == size > 4 * MB
    parcel.close()
    assert copied
    assert max(copied) <= 2 * SMALL


def test_code_that_travels_by_value_keeps_its_file():
    """So that tracebacks, warnings and log records have it, and the line; also for functions within it."""

    def outer():
        return lambda: 1 / 0

    arrived = shipping.load(shipping.dump(outer))
    assert arrived is not outer
    assert (arrived.__code__.co_filename, arrived().__code__.co_filename) == (__file__, __file__)
    with pytest.raises(ZeroDivisionError) as caught:
        arrived()()
    assert str(caught.traceback[-1].statement).strip() == "return lambda: 1 / 0"
