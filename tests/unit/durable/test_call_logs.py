"""What calls print and log stands in the log beside their runs, where their runner captures it."""

import logging

import pytest
from durable_helpers import PATIENCE
from systems import needs_processes

from woflo import Worker, task, use_store
from woflo.durable.engine import engine_of
from woflo.kernel import bus
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
