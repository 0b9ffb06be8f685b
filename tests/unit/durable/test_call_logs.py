"""What calls print and log stands in the log beside their runs, where their runner captures it."""

import logging

import pytest
from durable_helpers import PATIENCE
from systems import needs_processes

from woflo import RunState, Worker, task, use_store
from woflo.durable.engine import engine_of
from woflo.durable.logs import MOST_EARLY, CallLogs
from woflo.kernel import bus
from woflo.kernel.events import OutputWritten, RunEnded
from woflo.runners import MultiprocessTaskRun
from woflo.stores.directory import DirectoryStore

pytestmark = needs_processes


@task(runner=MultiprocessTaskRun.configured(capture_output=True))
def talks(name: str) -> str:
    print(f"hello {name}")
    logging.getLogger("app").warning("twice:\n%s", name)
    return name


@pytest.fixture
def store(tmp_path):
    made = DirectoryStore(tmp_path / "store")
    before = use_store(made)
    yield made
    use_store(before)
    engine_of(made).close()
    made.close()


def test_prints_and_log_records(store, tmp_path):
    """They stand there line by line, with the time, and nobody is taken for having seen how runs end."""
    with Worker([talks]) as worker:
        runs = [talks.with_options(runner="queue", key=name)(name) for name in ("a", "b")]
        assert [run.get_result(PATIENCE) for run in runs] == ["a", "b"]
        assert worker.serving.logs._subscription.tells_ends is False
        assert not any(one.tells_ends for one in bus.listeners)
    assert worker.serving.logs._subscription is None
    for run, name in zip(runs, "ab", strict=True):
        (path,) = (tmp_path / "store/done").glob(f"{run.id}.log")
        said = [line.partition(" ")[2] for line in path.read_text().splitlines()]
        assert f"stdout: hello {name}" in said
        assert ["WARNING app: twice:", f"WARNING app: {name}"] == [line for line in said if "WARNING" in line]


class Kept:
    """What a store is told of logs."""

    keeps_logs = True

    def __init__(self):
        self.said = []

    def log(self, run_id, lines):
        self.said += [(run_id, line.partition(" ")[2]) for line in lines]


@pytest.fixture
def logs():
    made = CallLogs(Kept())
    made.begin()
    yield made
    made.end()


def printed(run_id, text):
    return OutputWritten(run_id=run_id, task="talks", stream="stdout", text=text)


def ended(run_id):
    return RunEnded(run_id=run_id, task="talks", state=RunState.SUCCEEDED, attempts=1)


def test_a_run_that_ends_before_it_is_known_as_a_call(logs):
    """What it said is kept, and nothing of it is remembered."""
    logs.update(printed("inner", "one\ntw"))
    logs.update(ended("inner"))
    logs.executes("inner", "stored")
    assert logs._store.said == [("stored", "stdout: one"), ("stored", "stdout: tw")]
    assert not logs._stored
    assert not logs._early


def test_a_line_that_comes_in_parts_is_one(logs):
    """However it was cut on its way, and without what would steer a terminal."""
    logs.executes("inner", "stored")
    for part in ("a", "\x1b[31mb\x0bc\nd", "e"):
        logs.update(printed("inner", part))
    logs.update(ended("inner"))
    assert logs._store.said == [("stored", "stdout: abc"), ("stored", "stdout: de")]


def test_what_other_runs_say_is_not_held_for_ever(logs):
    """Neither of one that speaks all the time, nor of many."""
    for number in range(300):
        logs.update(printed("other", f"{'x' * 8_000}\n"))
        logs.update(printed(f"many{number}", f"{'x' * 8_000}\n"))
    held = sum(len(line) for lines in logs._early.values() for line in lines)
    assert held == logs._size <= MOST_EARLY
