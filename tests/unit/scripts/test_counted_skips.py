"""Runs that are skipped at once: an observer may have them counted, and then no event is made for each."""

from __future__ import annotations

import io
import logging

import pytest

from woflo import gather, script, subscribe, task
from woflo.errors import MissingInputError
from woflo.kernel.events import AttemptStarted, RunCreated, RunEnded, RunsSkipped
from woflo.kernel.state import RunState
from woflo.observers import LogFiles, Progress

SKIPPED, SUCCEEDED = RunState.SKIPPED, RunState.SUCCEEDED


class Counting:
    """Keeps what it is told, and wants skipped runs counted."""

    counts_skipped = True

    def __init__(self):
        self.told = []

    def update(self, event):
        self.told.append(event)

    def of(self, kind):
        return [event for event in self.told if isinstance(event, kind)]

    @property
    def skipped(self):
        return sum(sum(event.counts.values()) for event in self.of(RunsSkipped))


@pytest.fixture
def copy(project):
    """A script whose copies 0 to 9 are there, and up to date; of 10 and 11 there is the input alone."""
    made = script("cp {inputs} {outputs}", inputs="in_{i}.txt", outputs="out_{i}.txt", name="copy")
    for i in range(12):
        (project / f"in_{i}.txt").write_text(str(i))
    gather(*[made(i=i) for i in range(10)]).get_result()
    return made


def test_skipped_runs_are_one_number(copy, tmp_path):
    """Nobody wants an event of each: log files want nothing of them."""
    counting = Counting()
    with subscribe(counting), subscribe(LogFiles(tmp_path / "logs")):
        for i in range(10):
            copy(i=i)
    assert counting.told == counting.of(RunsSkipped)
    assert counting.skipped == 10
    assert all(event.counts.keys() == {"copy"} and event.since <= event.at for event in counting.told)


def test_who_wants_events_gets_them(copy):
    """With another observer that counts nothing, both are told of each run, once."""
    counting, told = Counting(), []
    with subscribe(counting), subscribe(told.append):
        for i in range(10):
            copy(i=i)
    for events in (told, counting.told):
        assert [type(event) for event in events] == [RunCreated, RunEnded] * 10
        assert all(event.state is SKIPPED for event in events[1::2])


def test_a_log_that_takes_ends_gets_them(copy, caplog):
    """At INFO each end has a line."""
    counting = Counting()
    with caplog.at_level(logging.INFO, "woflo"), subscribe(counting):
        copy(i=1)
    assert "SKIPPED" in caplog.text
    assert [type(event) for event in counting.told] == [RunCreated, RunEnded]


def test_what_is_executed_is_told_from_its_call_on(copy):
    """A run that is not skipped has all its events, in their order, whatever is counted beside it."""
    counting = Counting()
    with subscribe(counting):
        gather(*[copy(i=i) for i in range(12)]).get_result()
    assert counting.skipped == 10
    for run_id in {event.run_id for event in counting.of(AttemptStarted) if event.task == "copy"}:
        events = [event for event in counting.told if event.run_id == run_id]
        assert [type(event) for event in events] == [RunCreated, AttemptStarted, RunEnded]
        assert events[-1].state is SUCCEEDED
    assert len(counting.of(AttemptStarted)) == 3  # and gather's


def test_what_waits_is_told_while_it_waits(copy):
    """A call that depends on another is told once, whether it is then executed or skipped."""
    counting = Counting()
    slow = script(
        "sleep 0.1; cat {inputs} > {outputs}", shell=True, inputs="in_1.txt", outputs="again.txt", name="slow"
    )
    behind = script("cp {inputs} {outputs}", outputs="behind_{i}.txt", name="behind")
    with subscribe(counting):
        run = behind(i=1, inputs=slow())
        run.get_result()
        again = behind(i=1, inputs=slow())
        again.get_result()
    assert again.state is SKIPPED
    assert [event.run_id for event in counting.of(RunCreated)].count(run.id) == 1
    assert len(counting.of(RunCreated)) + counting.skipped == 4


def test_a_call_that_is_refused_is_told(copy):
    """One that fails before its launch has a beginning and an end."""
    counting = Counting()
    with subscribe(counting):
        with pytest.raises(MissingInputError):
            copy(i=99).get_result()
    assert [type(event) for event in counting.told] == [RunCreated, RunEnded]
    assert counting.told[-1].state is RunState.FAILED


def test_calls_of_other_tasks_are_told(copy):
    """Only what may be up to date is counted."""
    counting, plain = Counting(), task(lambda: None, name="plain")
    with subscribe(counting):
        plain().wait()
    assert [type(event) for event in counting.told] == [RunCreated, AttemptStarted, RunEnded]


def test_progress_tells_them_as_if_each_was_told(copy):
    """By their number, and all are in the sum; what is executed is named by its file."""
    stream = io.StringIO()
    with subscribe(Progress(stream, mode="lines")):
        for i in range(11):
            copy(i=i).wait()
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("copy(i=10): succeeded after ")
    assert lines[1] == "copy: 10 skipped"
    assert lines[-1].startswith("11 runs in ")
    assert lines[-1].endswith("1 succeeded, 10 skipped")
