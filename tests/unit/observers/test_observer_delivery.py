"""An observer harms nobody but itself, and what it did not get is told."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest
from observer_helpers import ended, printed, progress, started
from unit_helpers import eventually

from woflo import subscribe, task
from woflo.errors import OptionError
from woflo.kernel import bus, subscription
from woflo.kernel.events import RunEnded
from woflo.kernel.state import TERMINAL


def put(to, events):
    for event in events:
        to.put(event)


def test_a_hung_observer_does_not_hold_up_its_end(gate, caplog):
    """The end waits for its patience, and names it, and how much it did not get."""
    entered = threading.Event()

    class Hangs:
        patience = 0.05

        def update(self, event):
            entered.set()
            gate.wait()

    subscribed = subscribe(Hangs)
    put(subscribed, [started(), ended(), ended()])
    entered.wait(20)
    begin = time.monotonic()
    subscribed.close()
    assert time.monotonic() - begin < 5
    assert subscribed.dropped == 2
    (told,) = [record.getMessage() for record in caplog.records]
    assert "Hangs was too slow: 2 of 3 events were dropped" in told
    assert "has not returned" in told


def test_a_hung_observer_with_nothing_left_is_told_too(gate, caplog):
    """It may be what was to send the last message."""
    entered = threading.Event()

    def hang(event):
        entered.set()
        gate.wait()

    subscribed = subscribe(hang, patience=0.05)
    subscribed.put(ended())
    entered.wait(20)
    subscribed.close()
    subscribed.close()
    assert [record.getMessage().count("hang was too slow: 0 of 1") for record in caplog.records] == [1]


def test_runs_do_not_wait_for_a_slow_observer(memory):
    """A hundred runs take no second longer with one that needs a second for each event."""
    made = task(runner=memory)(lambda: None)
    begin = time.monotonic()
    with subscribe(lambda event: time.sleep(1), patience=0.1):  # it is slow: that is what the test is about
        for _ in range(100):
            made().succeed()
        took = time.monotonic() - begin
    assert took < 0.9


def test_a_slow_observer_is_still_told_that_the_end_has_come(caplog):
    """A part of its patience is kept for its last methods; what it did not get is dropped and told."""
    seen = []

    class Slow:
        patience = 2.0

        def update(self, event):
            seen.append(event)
            threading.Event().wait(0.3)

        def on_destroy(self):
            seen.append("destroyed")

    subscribed = subscribe(Slow())
    put(subscribed, [ended()] * 50)
    subscribed.close()
    assert seen[-1] == "destroyed"
    assert subscribed.dropped == 50 - (len(seen) - 1)
    assert f"{subscribed.dropped} of 50 events were dropped" in caplog.text


@contextmanager
def held_by(gate):
    """A subscription of 20 events, whose observer has taken the first one and waits for the gate; what it has seen."""
    entered, seen = threading.Event(), []

    def slow(event):
        entered.set()
        gate.wait()
        seen.append(type(event).__name__)

    with subscribe(slow, capacity=20) as subscribed:
        subscribed.put(started())
        assert entered.wait(20)
        yield subscribed, seen


def test_what_happens_to_runs_comes_before_what_they_say(gate):
    """A flood of output and progress does not keep the end of a run from an observer."""
    with held_by(gate) as (subscribed, seen):
        put(subscribed, [progress(number) for number in range(50)])
        put(subscribed, [ended(number) for number in range(2)])
        gate.set()
    assert seen == ["AttemptStarted", *["ProgressMade"] * 18, *["RunEnded"] * 2]
    assert subscribed.dropped == 32


def test_a_full_queue_drops_output_for_an_end(gate):
    """What was queued before it makes room: the end of a run is never dropped for output."""
    with held_by(gate) as (subscribed, seen):
        put(subscribed, [printed("x")] * 50)
        put(subscribed, [ended(number) for number in range(20)])
        put(subscribed, [printed("x")] * 2)
        gate.set()
    assert seen == ["AttemptStarted", *["RunEnded"] * 20]
    assert subscribed.dropped == 52


def test_output_that_is_left_at_the_end_does_not_hide_how_runs_ended():
    """After half of the patience what attempts have said is passed over, and what happened to runs is delivered."""
    seen = []

    def slow(event):
        seen.append(event)
        if event.is_chatter:
            threading.Event().wait(0.1)

    subscribed = subscribe(slow, patience=1)
    put(subscribed, [*[printed("x")] * 100, ended()])
    subscribed.close()
    assert isinstance(seen[-1], RunEnded)
    assert subscribed.dropped == 101 - len(seen) > 80


def test_output_that_waits_is_bounded_by_its_size(gate, monkeypatch):
    """Not only by the number of events: one may hold much."""
    monkeypatch.setattr(subscription, "MOST_TEXT", 1_000)
    entered, seen = threading.Event(), []

    def slow(event):
        entered.set()
        gate.wait()
        seen.append(event)

    with subscribe(slow) as subscribed:
        subscribed.put(started())
        entered.wait(20)
        put(subscribed, [printed("x" * 400)] * 4)
        gate.set()
        eventually(lambda: len(seen) == 3)
        put(subscribed, [printed("x" * 400)] * 2)
    assert (subscribed.dropped, len(seen)) == (2, 5)


def test_one_that_always_raises_does_not_fill_the_log(memory, caplog):
    """The first ten are told with their tracebacks, and at the end how often it did."""

    def broken(event):
        raise ValueError("the observer's own")

    with subscribe(broken) as subscribed:
        put(subscribed, [ended()] * 50)
    *each, last = [record.getMessage() for record in caplog.records]
    assert len(each) == 10
    assert all("broken raised" in one for one in each)
    assert last.endswith("broken raised 50 times; the first time: ValueError: the observer's own")


def test_one_that_wants_to_leave_does_not(caplog):
    """`sys.exit` in an observer ends neither its thread nor the program: it gets the next event."""
    seen = []

    class Leaves:
        def update(self, event):
            seen.append(event)
            raise SystemExit(3)

        def on_destroy(self):
            seen.append("destroyed")
            raise SystemExit

    with subscribe(Leaves) as subscribed:
        put(subscribed, [ended()] * 3)
    assert seen[-1] == "destroyed"
    assert len(seen) == 4
    assert "raised 4 times; the first time: SystemExit: 3" in caplog.text


def test_a_witness_is_called_where_it_happens(memory):
    """An object may have `witness(event)`, called in the thread of the run, before `update` in its own."""
    threads = []

    class Sees:
        def witness(self, event):
            threads.append(threading.current_thread())
            raise ValueError("harmless")

        def update(self, event):
            threads.append(threading.current_thread())

    with subscribe(Sees()):
        task(runner=memory)(lambda: None)()
    assert threads[0] is threading.main_thread()
    assert threading.main_thread() not in threads[2:]


def test_an_end_that_is_about_to_be_told_is_waited_for(gate):
    """Whoever waits for a run may close its observer a moment before the event is out."""
    seen = []

    class Holds:
        def witness(self, event):
            if isinstance(event, RunEnded):
                gate.wait()

        def update(self, event): ...

    with subscribe(Holds()):
        subscribed = subscribe(seen.append)
        run = task(runner="thread")(lambda: None)()
        eventually(lambda: run._state in TERMINAL)
        timer = threading.Timer(0.05, gate.set)
        timer.start()
        subscribed.close()
        timer.join()
    assert isinstance(seen[-1], RunEnded)


def test_time_passes_for_one_that_asks_for_it():
    """`on_pulse` is called `pulse` seconds after the last event, as long as nothing happens."""
    beats = []

    class Beats:
        pulse = 0.001

        def update(self, event):
            beats.append("event")

        def on_pulse(self):
            beats.append("pulse")

    with subscribe(Beats()) as subscribed:
        subscribed.put(ended())
        eventually(lambda: "event" in beats and beats[-3:] == ["pulse"] * 3)


class Needing:
    def __init__(self, urls):
        self.urls = urls

    def update(self, event):
        pass


class Stepping:
    def __init__(self, step=1):
        self.step = step

    def update(self, event):
        pass


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (3, {}, "3 is no observer"),
        (print, {"capacity": 0}, "capacity=0"),
        (print, {"patience": -1}, "patience=-1"),
        (print, {"patience": float("nan")}, "patience=nan"),
        (
            "logs",
            {"fodler": "x"},
            r"subscribe\('logs'\) has no option 'fodler'; did you mean 'folder'\? It has: folder, ",
        ),
        ("logs", {"patiense": 1}, "did you mean 'patience'"),
        (Stepping, {"stepp": 1}, "has no option 'stepp'; did you mean 'step'"),
        (Needing, {}, r"subscribe\('Needing'\) needs urls=…"),
        ("notify", {}, "APPRISE_URLS in the environment"),
        ("notify", {"urls": None}, "urls=None must be an address of apprise"),
        ("notify", {"urls": []}, "a list of at least one"),
        (print, {"folder": "x"}, "folder: options are for an observer given by its name or class"),
    ],
)
def test_wrong_use_is_told_at_once(given, options, message):
    """With the value, and nobody listens."""
    before = bus.listeners
    with pytest.raises(OptionError, match=message):
        subscribe(given, **options)
    assert bus.listeners == before


def test_an_async_observer_is_refused():
    """Its coroutine would never be awaited."""

    async def update(event):
        pass

    with pytest.raises(OptionError, match="async"):
        subscribe(update)
