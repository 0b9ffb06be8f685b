"""Observers and the log: told of everything, in order, and harmless."""

from __future__ import annotations

import logging
import threading

import pytest

from woflo import current_run, subscribe, task, track
from woflo.errors import OptionError
from woflo.kernel import events


def names(seen, run=None):
    return [type(event).__name__ for event in seen if run is None or event.run_id == run.id]


def test_one_run_tells_its_story_in_order(memory):
    """Created, started, failed, retried, started, ended."""
    seen = []
    with subscribe(seen.append):
        run = task(runner=memory, retries=1)(lambda: None)()
        run.fail(ValueError("first"))
        run.succeed(1)
    assert names(seen) == [
        "RunCreated",
        "AttemptStarted",
        "AttemptFailed",
        "RunRetried",
        "AttemptStarted",
        "RunEnded",
    ]
    assert {event.run_id for event in seen} == {run.id}
    ended = seen[-1]
    assert (ended.state, ended.attempts, ended.error) == ("SUCCEEDED", 2, None)
    assert str(seen[2].error) == "first"


def test_many_runs_at_once_each_tell_in_order():
    """However they interleave, one run's events are in order."""
    seen = []
    made = task(runner="thread")(lambda n: n)
    with subscribe(seen.append):
        runs = list(made.map(range(200)))
        for run in runs:
            run.get_result()
    for run in runs:
        assert names(seen, run) == ["RunCreated", "AttemptStarted", "RunEnded"]


def test_events_are_frozen_and_keyword_only():
    """What happened cannot be changed."""
    with pytest.raises(TypeError):
        events.RunCreated("id", "name")
    event = events.RunCreated(run_id="id", task="name")
    with pytest.raises(AttributeError):
        event.task = "other"


def test_progress_reaches_the_observer():
    """From `current_run().progress` and from `track`, with totals where they are known."""
    seen = []

    @task(runner="thread")
    def work():
        current_run().progress(1, 4, "begun")
        for _ in track("ab"):
            pass
        for _ in track(iter("a")):
            pass

    with subscribe(seen.append):
        work().get_result()
    told = [(event.done, event.total, event.message) for event in seen if isinstance(event, events.ProgressMade)]
    assert told == [
        (1, 4, "begun"),
        (0, 2, ""),
        (1, 2, ""),
        (1, 2, ""),
        (2, 2, ""),
        (0, None, ""),
        (1, None, ""),
    ]


def test_of_many_items_few_are_told():
    """The first hundred, then one in a twentieth of a second, and the last one, with or without a length."""
    for items in (range(5_000), iter(range(5_000))):
        seen = []
        with subscribe(seen.append):
            task(runner="thread")(lambda items=items: sum(1 for _ in track(items)))().get_result()
        done = [event.done for event in seen if isinstance(event, events.ProgressMade)]
        assert done[:3] == [0, 1, 1]
        assert set(range(101)) <= set(done)
        assert done == sorted(done)
        assert done[-1] == 5_000
        assert len(done) < 1_000


def test_track_only_iterates_outside_of_a_task():
    """The same code works on its own."""
    assert list(track([1, 2])) == [1, 2]


def test_a_slow_observer_drops_and_counts(memory, gate):
    """It delays no run; what did not fit its queue is counted."""
    entered, seen = threading.Event(), []

    def slow(event):
        entered.set()
        gate.wait()
        seen.append(event)

    subscription = subscribe(slow, capacity=3)
    made = task(runner=memory)(lambda: None)
    made().succeed()
    entered.wait(20)
    for _ in range(5):
        made().succeed()
    assert subscription.dropped == 18 - 1 - 3
    gate.set()
    subscription.close()
    assert len(seen) == 4


def test_a_raising_observer_is_harmless(memory, caplog):
    """The error is logged, the next event delivered, and other observers are not touched."""
    seen = []

    def broken(event):
        seen.append(event)
        raise ValueError("the observer's own")

    with subscribe(broken), subscribe(lambda event: seen.append(event)):
        task(runner=memory)(lambda: None)().succeed()
    assert len(seen) == 6
    assert "the observer's own" in caplog.text


def test_an_object_with_update_is_an_observer(memory):
    """A callable or an object with `update(event)`; anything else is named."""

    class Observer:
        def __init__(self):
            self.seen = []

        def update(self, event):
            self.seen.append(event)

    observer = Observer()
    with subscribe(observer):
        task(runner=memory)(lambda: None)().succeed()
    assert names(observer.seen) == ["RunCreated", "AttemptStarted", "RunEnded"]
    with pytest.raises(OptionError, match="3"):
        subscribe(3)


def test_a_closed_subscription_hears_no_more(memory):
    """What was queued before is delivered first; closing twice is no harm."""
    seen = []
    subscription = subscribe(seen.append)
    task(runner=memory)(lambda: None)().succeed()
    subscription.close()
    subscription.close()
    assert len(seen) == 3
    task(runner=memory)(lambda: None)().succeed()
    assert len(seen) == 3


def test_the_log_tells_starts_and_ends(memory, caplog):
    """At INFO on the `woflo` logger: name and id of the run, attempts, ends."""
    caplog.set_level(logging.INFO, logger="woflo")
    run = task(runner=memory, name="fetch", retries=1)(lambda: None)()
    run.fail(ValueError("cold"))
    run.succeed()
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in lines] == ["INFO", "WARNING", "INFO", "INFO"]
    assert all("fetch" in line and run.id in line for _, line in lines)
    assert "ValueError('cold')" in lines[1][1]
    assert "SUCCEEDED" in lines[-1][1]


def test_failures_are_logged_at_the_standard_level(memory, caplog):
    """A retry and a failure are warnings, which a program sees that has configured nothing further."""
    caplog.set_level(logging.WARNING, logger="woflo")
    run = task(runner=memory, retries=1)(lambda: None)()
    run.fail(ValueError("one"))
    run.fail(ValueError("two"))
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


def test_the_library_configures_no_logging():
    """A `NullHandler` on its logger is all."""
    from woflo.kernel import bus

    handlers = bus.logger().handlers
    assert [type(handler) for handler in handlers] == [logging.NullHandler]
    assert bus.logger().level == logging.NOTSET


def test_an_observer_may_call_tasks_and_wait(memory):
    """It has a thread of its own, so nothing waits for it."""
    results = []

    def observer(event):
        if event.task == "outer" and isinstance(event, events.RunEnded):
            results.append(task(runner="thread", name="inner")(abs)(-2).get_result(timeout=10))

    with subscribe(observer):
        task(runner=memory, name="outer")(lambda: None)().succeed()
    assert results == [2]
