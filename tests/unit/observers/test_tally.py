"""What the sum of all runs says of time."""

from observer_helpers import AT, created, ended, started

from woflo.kernel import clock
from woflo.observers.tally import Tally


def tally_of(*events):
    tally = Tally()
    for event in events:
        tally.take(event)
    return tally


def test_the_time_of_what_has_ended_is_over(monkeypatch):
    """A program may go on for long after the last run."""
    monkeypatch.setattr(clock, "now", lambda: AT + 60.0)
    assert tally_of(created(1), started(1), ended(1)).elapsed == 0.0


def test_the_time_of_what_goes_on_does_too(monkeypatch):
    """As after Ctrl-C, where the last event was the start."""
    monkeypatch.setattr(clock, "now", lambda: AT + 60.0)
    assert tally_of(created(1), started(1), created(2), ended(2)).elapsed == 60.0
