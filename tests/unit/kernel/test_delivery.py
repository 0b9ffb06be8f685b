"""The thread that runs what nobody waits for."""

from __future__ import annotations

import threading

from unit_helpers import PATIENCE

from woflo.kernel import runtime
from woflo.kernel.delivery import Deliverer


def test_what_is_posted_is_called_in_order():
    """On one thread."""
    seen, done = [], threading.Event()
    deliverer = runtime.current.deliverer
    for number in range(100):
        deliverer.post(lambda number=number: seen.append((number, threading.get_ident())))
    deliverer.post(done.set)
    assert done.wait(PATIENCE)
    assert [number for number, _ in seen] == list(range(100))
    assert len({thread for _, thread in seen}) == 1


def test_what_raises_is_reported_and_the_next_is_called(caplog):
    """Also where it is no `Exception`."""
    done = threading.Event()
    deliverer = runtime.current.deliverer
    for error in (ValueError, SystemExit, KeyboardInterrupt):
        deliverer.post(_raise, error)
    deliverer.post(done.set)
    assert done.wait(PATIENCE)
    assert len(caplog.records) == 3


def _raise(error):
    raise error


def test_where_one_waits_the_next_is_called_by_another_thread():
    """As deep as it goes; afterwards one thread is left."""
    deliverer = runtime.current.deliverer
    events = [threading.Event() for _ in range(5)]
    idents, done = [], threading.Event()

    def wait_for_next(number):
        idents.append(threading.get_ident())
        if number < 4:
            deliverer.about_to_wait()
            deliverer.about_to_wait()
            deliverer.post(wait_for_next, number + 1)
            assert events[number + 1].wait(PATIENCE)
        events[number].set()

    deliverer.post(wait_for_next, 0)
    assert events[0].wait(PATIENCE)
    deliverer.post(done.set)
    assert done.wait(PATIENCE)
    assert len(set(idents)) == 5


def test_waiting_elsewhere_starts_no_thread():
    """Only the delivering thread itself has to be replaced."""
    before = threading.active_count()
    deliverer = Deliverer
    assert deliverer is type(runtime.current.deliverer)
    settled = threading.Event()
    runtime.current.deliverer.post(settled.set)
    assert settled.wait(PATIENCE)
    count = threading.active_count()
    runtime.current.deliverer.about_to_wait()
    assert threading.active_count() == count >= before
