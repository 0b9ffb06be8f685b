"""Large values that many calls get: what is shared, how it is told in a call, and how a worker takes it in."""

import gc
import os
import pickle
import threading

import pytest
from systems import needs_proc

from woflo.runners.processes import sharing, shipping
from woflo.runners.processes.sharing import LEAST, Shared, forget_shared, receive_shared, share
from woflo.testing.procfs import descriptors

pytestmark = needs_proc


@pytest.fixture(autouse=True)
def nothing_open():
    before = descriptors()
    yield
    gc.collect()
    assert descriptors() == before
    assert not sharing._received
    assert not sharing._failed


def sent(shared):
    """What a worker gets of it: descriptors are doubled on their way."""
    return shipping.Parcel(shared.data, os.dup(shared.fd))


class Unloadable:
    def __init__(self):
        self.content = bytes(LEAST)

    def __reduce__(self):
        return (_refuse, (self.content,))


def _refuse(content):
    raise ZeroDivisionError("in loading")


def kind(value):
    return type(value).__name__


@pytest.mark.parametrize("value", [None, True, 7, 2.5, "x" * (2 * LEAST), [1, 2], b"x" * (LEAST // 2)], ids=kind)
def test_what_is_not_shared(value):
    """Texts and small values stay what they are."""
    assert share(value) is value


def test_what_cannot_be_packed():
    """It is told by who gives it."""
    with pytest.raises(TypeError, match="lock"):
        share([bytes(2 * LEAST), threading.Lock()])


def test_a_large_value():
    """It goes as a number, which a worker that has it turns into the one object that it keeps."""
    value = [bytes(LEAST), "more"]
    shared = share(value)
    assert type(shared) is Shared
    assert len(pickle.dumps(shared)) < 100
    receive_shared(shared.number, sent(shared))
    one, two = (pickle.loads(pickle.dumps((shared, 1)))[0] for _ in range(2))
    assert one == value
    assert one is two
    forget_shared(shared.number)
    with pytest.raises(KeyError):
        pickle.loads(pickle.dumps(shared))


def test_its_buffers():
    """They stay in the memory that all workers map, read-only."""
    content = os.urandom(1024) * (LEAST // 1024)
    shared = share(pickle.PickleBuffer(bytearray(content)))
    receive_shared(shared.number, sent(shared))
    got = pickle.loads(pickle.dumps(shared))
    assert bytes(got) == content
    assert memoryview(got).readonly
    forget_shared(shared.number)
    del got


def test_what_cannot_be_loaded():
    """It is told by each call that needs it, until it is forgotten."""
    shared = share(Unloadable())
    receive_shared(shared.number, sent(shared))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="in loading"):
            pickle.loads(pickle.dumps(shared))
    forget_shared(shared.number)


def test_numbers():
    """Two values never have the same, also when the first is gone."""
    first = share(bytes(LEAST))
    number = first.number
    del first
    assert share(bytes(LEAST)).number > number
