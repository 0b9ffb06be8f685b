"""What calls print and log stands in the log beside their runs, where their runner captures it."""

import logging

import pytest
from durable_helpers import PATIENCE
from systems import needs_processes
from unit_helpers import eventually

from woflo import RunState, Worker, task, use_store
from woflo.durable.engine import engine_of
from woflo.durable.logs import CallLogs
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


def test_a_line_that_comes_in_parts_is_one(logs):
    """However it was cut on its way, without what would steer a terminal; the last one is written at the end."""
    logs.begins("call")
    for part in ("a", "\x1b[31mb\x0bc\nd", "e"):
        logs.update(printed("call", part))
    assert logs._store.said == [("call", "stdout: abc")]
    logs.ends("call", "talks")
    eventually(lambda: logs._store.said == [("call", "stdout: abc"), ("call", "stdout: de")])


def test_a_call_that_is_tried_again(logs):
    """Its lines are put together once more."""
    for _ in range(2):
        logs.begins("call")
        logs.update(printed("call", "a"))
        logs.update(printed("call", "b\n"))
        logs.update(ended("call"))
    assert logs._store.said == [("call", "stdout: ab")] * 2


def test_nothing_is_kept_of_others(logs):
    """Neither what they say nor that they were there."""
    logs.update(printed("other", "x"))
    logs.update(ended("other"))
    logs.begins("call")
    logs.update(ended("call"))
    logs.update(printed("call", "late\n"))
    assert not logs._store.said
    assert not logs._calls
    assert not logs._lines._begun
