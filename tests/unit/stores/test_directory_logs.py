"""The log beside each run of a shared folder: what it says, and where it is."""

from __future__ import annotations

import re

import pytest

from woflo.kernel.state import RunState
from woflo.stores.directory import DirectoryStore
from woflo.stores.failures import dump_error
from woflo.stores.operations import Beat, ClaimReady, Finish, Forget, Park, Record, Release, RequestStop, Send, Submit
from woflo.stores.rows import Row, WorkerRow


@pytest.fixture
def store(folder):
    made = DirectoryStore(folder)
    made.write(Beat(now=1.0, worker=WorkerRow(id="w", host="h", pid=1, lease_until=1e12), is_first=True))
    yield made
    made.close()


def submit(store, *ids, **fields):
    store.write(Submit(now=1.0, runs=tuple(Row(id=run_id, task="t", **fields) for run_id in ids)))


def claimed(store, now=2.0):
    (row,) = store.write(ClaimReady(now=now, worker="w", limit=1, tasks=("t",), queues=("default",)))
    return row.claim


def logs(folder):
    """Folders and names of all logs."""
    return sorted(f"{path.parent.name}/{path.name}" for path in folder.glob("*/*.log"))


def said(folder):
    """What the only one says, without the times, each of which is there."""
    (path,) = folder.glob("*/*.log")
    lines = [re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d (.*)", line) for line in lines_of(path)]
    assert all(lines)
    return [line[1] for line in lines]


def lines_of(path):
    return path.read_text().splitlines()


def test_what_happened_is_told(folder, store):
    """From the call to the end, with attempts, errors, steps and waits; it is in the folder of the run all the time."""
    submit(store, "a")
    assert logs(folder) == []
    claim = claimed(store)
    assert logs(folder) == ["running/a.log"]
    failure = dump_error(ValueError("no such\naccount"))
    store.write(Release(now=3.0, claim=claim, failed=True, error=failure))
    assert logs(folder) == ["queue/a.log"]
    claim = claimed(store)
    step = Row(id="a:0", task="charge", state=RunState.SUCCEEDED, queue=None, parent_id="a", result="1")
    store.write(Record(now=4.0, claim=claim, steps=(step,)))
    store.write(Park(now=4.0, claim=claim, reason="signal", waits_for=("signal:go",)))
    assert logs(folder) == ["waiting/a.log"]
    store.write(Send(now=5.0, id="s", run_id="a", name="go", value="1"))
    store.write(Finish(now=6.0, claim=claimed(store), state=RunState.FAILED, error=failure))
    assert logs(folder) == ["failed/a.log"]
    assert said(folder) == [
        "called",
        "executed by w, attempt 1",
        "attempt 1 failed: ValueError: no such account",
        "executed by w, attempt 2",
        "step charge (a:0) SUCCEEDED",
        "waits: signal signal:go",
        "in the queue again",
        "executed by w, attempt 2",
        "failed after 4 s: ValueError: no such account",
    ]


def test_stopped(folder, store):
    """Before it began, and under way."""
    submit(store, "a")
    store.write(RequestStop(now=2.0, run_id="a"))
    assert said(folder) == ["called", "stopped"]
    submit(store, "b")
    claimed(store)
    store.write(RequestStop(now=2.0, run_id="b"))
    assert lines_of(folder / "running/b.log")[-1].endswith("asked to stop")


def test_forgotten(folder, store):
    """Where nothing was done, no log is left."""
    submit(store, "a")
    store.write(Forget(now=3.0, claim=claimed(store)))
    assert logs(folder) == []


def test_moved_by_hand(folder, store):
    """The log follows when a person moves the file, and goes on."""
    submit(store, "a")
    store.write(Finish(now=3.0, claim=claimed(store), state=RunState.FAILED, error='"no"'))
    (folder / "failed/a.json").rename(folder / "queue/a.json")
    store.look()
    assert logs(folder) == ["queue/a.log"]
    assert said(folder)[-1] == "in the queue again: moved by hand"


def test_left_behind(folder, store):
    """A log that a process left in another folder, because it died, comes to the run; nothing in it is lost."""
    submit(store, "a")
    store.write(Finish(now=3.0, claim=claimed(store), state=RunState.SUCCEEDED))
    before = lines_of(folder / "done/a.log")
    (folder / "running/a.log").write_text("left\n")
    (folder / "running/nobody.log").write_text("of a person\n")
    store.look()
    store.look()
    assert logs(folder) == ["done/a.log", "running/nobody.log"]
    assert lines_of(folder / "done/a.log") == [*before, "left"]


def test_a_link_in_its_place(folder, store, tmp_path):
    """It is not written through, and nothing else suffers from it."""
    (tmp_path / "other").write_text("")
    (folder / "running/a.log").symlink_to(tmp_path / "other")
    submit(store, "a")
    store.write(Finish(now=3.0, claim=claimed(store), state=RunState.SUCCEEDED))
    assert (tmp_path / "other").read_text() == ""
    assert (folder / "done/a.json").exists()
