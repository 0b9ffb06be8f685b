"""Calls that are made in another process are told to the observers of the outermost caller."""

from __future__ import annotations

import os
import threading
from types import SimpleNamespace

import pytest
from unit_helpers import run_script

from woflo import subscribe, task
from woflo.errors import FailureElsewhereError
from woflo.kernel import bus, events
from woflo.kernel.state import RunState
from woflo.runners import MultiprocessTaskRun, PoolTaskRun
from woflo.runners.processes import relaying
from woflo.testing import wait_until


class Odd(Exception):
    """One whose class is known here alone."""


def listeners():
    return len(bus.listeners)


def inner(word="word"):
    return word


def refuse(text):
    raise Odd(text)


def call(depth=0):
    if depth:
        return task(runner="multiprocess", name=f"level {depth}")(call)(depth - 1).get_result()
    return task(runner="thread", name="inner")(inner)().get_result()


def call_refuse(text):
    return task(runner="thread", name="refuse")(refuse)(text).wait()


def told_of(seen, name):
    return [type(event).__name__ for event in seen if event.task == name]


WHOLE = ["RunCreated", "AttemptStarted", "RunEnded"]


def test_whoever_listens_later_is_told_by_workers_that_were_there_before():
    """And when nobody listens any more, they send nothing."""
    with PoolTaskRun.configured(max_concurrency=1) as pool:
        made, count = task(runner=pool)(call), task(runner=pool)(listeners)
        made().get_result()
        assert count().get_result() == 0
        for _ in range(2):
            seen = []
            with subscribe(seen.append):
                made().get_result()
                assert count().get_result() == 1
            assert told_of(seen, "inner") == WHOLE
            assert count().get_result() == 0


def listen(folder):
    with subscribe(lambda event: None):
        (folder / "listens").touch()
        wait_until((folder / "counted").exists)


def test_who_listens_in_a_child_has_nothing_to_say_to_others(tmp_path):
    """Its siblings tell nobody, though what says so stands in memory that they share."""
    with PoolTaskRun.configured(max_concurrency=1) as pool:
        count = task(runner=pool)(listeners)
        assert count().get_result() == 0
        run = task(runner="multiprocess")(listen)(tmp_path)
        wait_until((tmp_path / "listens").exists)
        assert count().get_result() == 0
        (tmp_path / "counted").touch()
        run.get_result()


def test_from_the_depth():
    """Each process passes on what its children tell; parents lead up to the outermost call."""
    seen = []
    with subscribe(seen.append):
        task(runner=MultiprocessTaskRun, name="outermost")(call)(2).get_result()
    parents = {event.task: event.parent_id for event in seen if isinstance(event, events.RunCreated)}
    ids = {event.task: event.run_id for event in seen if isinstance(event, events.RunCreated)}
    assert parents == {
        "outermost": None,
        "level 2": ids["outermost"],
        "level 1": ids["level 2"],
        "inner": ids["level 1"],
    }
    assert told_of(seen, "inner") == WHOLE


def test_an_error_is_told_by_its_name_and_its_text():
    """Nothing is loaded for it, and what is secret in it stays where it was."""
    seen = []
    with subscribe(seen.append):
        task(runner="multiprocess")(call_refuse)("password=HUNTER2").get_result()
    (ended,) = [event for event in seen if isinstance(event, events.RunEnded) and event.task == "refuse"]
    assert isinstance(ended.error, FailureElsewhereError)
    assert (type(ended.error).__name__, str(ended.error)) == ("Odd", "password=***")


def call_below():
    return task(runner="multiprocess", name="below")(call_refuse)("password=HUNTER2").get_result()


@pytest.mark.parametrize("made", [call_refuse, call_below])
def test_its_traceback_comes_with_the_attempt_that_failed(made, tmp_path):
    """As text, from whatever depth, into log files too; once, and without its secret."""
    seen = []
    with subscribe(seen.append), subscribe("logs", folder=tmp_path):
        task(runner="multiprocess")(made)(*(["password=HUNTER2"] if made is call_refuse else [])).get_result()
    told = {type(event): event.error for event in seen if event.task == "refuse" and getattr(event, "error", None)}
    trace = told[events.AttemptFailed].trace
    assert "in refuse\n    raise Odd(text)" in trace
    assert trace.endswith("Odd: password=***")
    assert told[events.RunEnded].trace == ""
    (log,) = [path.read_text() for path in tmp_path.iterdir() if "-refuse-" in path.name]
    assert log.count("raise Odd(text)") == 1
    assert "HUNTER2" not in log


def begin_and_die(depth):
    """Ends the process while a call of it is under way."""
    if depth:
        return task(runner="multiprocess", name="begin_and_die")(begin_and_die)(depth - 1).get_result()
    task(runner="thread", name="done")(inner)().get_result()
    task(runner="thread", name="under way")(threading.Event().wait)(30)
    os._exit(3)


@pytest.mark.parametrize("runner", ["multiprocess", "pool"])
@pytest.mark.parametrize("depth", [0, 1])
def test_what_a_process_had_begun_ends_with_it(runner, depth):
    """Its calls under way are told as stopped, before its own end; those that had ended are not told twice."""
    seen = []
    with subscribe(seen.append):
        task(runner=runner, name="outer")(begin_and_die)(depth).exception()
    PoolTaskRun.shutdown()
    created = [event.run_id for event in seen if isinstance(event, events.RunCreated)]
    ended = [event.run_id for event in seen if isinstance(event, events.RunEnded)]
    assert sorted(created) == sorted(ended)
    assert ended[-1] == created[0]
    states = {event.task: event.state for event in seen if isinstance(event, events.RunEnded)}
    assert states["under way"] is RunState.STOPPED
    assert states["done"] is RunState.SUCCEEDED


def test_a_long_traceback_is_cut():
    """Its end tells what was raised."""
    error = ValueError("\n".join("x" * 100 for _ in range(1_000)) + "\nthe end")
    packed = relaying._packed(events.AttemptFailed(run_id="a", task="t", attempt=1, error=error))
    assert len(packed[1]["error"][2]) == relaying.MOST_TRACE
    assert packed[1]["error"][2].endswith("the end")


FORGETTING = """
from woflo import subscribe, task

class Listens:
    tells_ends = TELLS

    def update(self, event):
        pass

@task(runner="multiprocess")
def forget():
    task(runner="thread", name="unseen")(divmod)(1, 0)

with subscribe(Listens):
    forget().get_result()
"""


@pytest.mark.parametrize("tells", [True, False])
def test_a_failure_that_an_observer_tells_is_seen(tells, tmp_path):
    """As in one process: not where the observer tells nobody how runs end."""
    ended = run_script(tmp_path, FORGETTING.replace("TELLS", str(tells)))
    assert ended.returncode == 0
    assert ("nobody looked" in ended.stderr) is not tells, ended.stderr


@pytest.mark.parametrize(
    "event",
    [
        events.RunCreated(run_id="a", task="t", parent_id="b", depends_on=("c", "d")),
        events.AttemptStarted(run_id="a", task="t", attempt=2),
        events.RunRetried(run_id="a", task="t", attempt=1, delay=0.5, error=ValueError("x")),
        events.RunEnded(run_id="a", task="t", state=RunState.SKIPPED, attempts=0),
        events.ProgressMade(run_id="a", task="t", done=1, total=None),
        events.OutputWritten(run_id="a", task="t", stream="stdout", text="\ud800ü"),
        events.LogRecorded(run_id="a", task="t", logger="l", level=10, message="m"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_arrives_as_it_was(event):
    """Every field of every kind."""
    import marshal

    seen = []
    with subscribe(seen.append):
        relaying.take_in(marshal.dumps(relaying._packed(event)), SimpleNamespace(told_of=None))
    (arrived,) = seen
    assert repr(arrived).replace("ValueError('x')", "x") == repr(event).replace("ValueError('x')", "x")


def test_names_of_classes_do_not_fill_the_memory(monkeypatch):
    """Beyond so many they are made anew."""
    monkeypatch.setattr(relaying, "MOST_CLASSES", 3)
    monkeypatch.setattr(relaying, "_classes", {})
    errors = [relaying._error(f"E{number}", "text") for number in range(10)]
    assert [type(error).__name__ for error in errors] == [f"E{number}" for number in range(10)]
    assert len(relaying._classes) == 3
