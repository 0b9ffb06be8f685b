"""Several processes on one shared folder: claims, kills, wake-ups, forks, and other paths to the same folder."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack

import pytest
from directory_helpers import files_fit
from process_helpers import (
    LISTENER,
    assert_kept_whole,
    assert_refused_after_a_fork,
    no_descriptor_is_left,
    submit,
    told_by_killed_writers,
)
from store_programs import Program
from systems import needs_fork

from woflo.errors import StoreError
from woflo.kernel.state import RunState
from woflo.stores.directory import DirectoryStore


@pytest.fixture
def store(folder):
    made = DirectoryStore(folder)
    yield made
    made.close()


OPEN = """
from woflo.stores.directory import DirectoryStore as opened
store = opened(path)
"""
WORKER = """
name = sys.argv[2]
store.write(Beat(now=1.0, worker=WorkerRow(id=name, host="h", pid=1, lease_until=1e12), is_first=True))
say("ready")
hear()
while rows := store.write(ClaimReady(now=2.0, worker=name, limit=20, tasks=("t",), queues=("default",))):
    for row in rows:
        say(row.id)
    store.apply([Finish(now=3.0, claim=row.claim, state=RunState.SUCCEEDED) for row in rows])
store.close()
"""


def claimed_by_two(paths, store):
    """What two processes get of two thousand calls."""
    ids = [f"{number:04}" for number in range(2000)]
    store.write(submit(*ids))
    with ExitStack() as stack:
        workers = [
            stack.enter_context(Program(OPEN + WORKER, path, name)) for path, name in zip(paths, "vw", strict=True)
        ]
        for worker in workers:
            assert worker.hear() == "ready"
        for worker in workers:
            worker.say()
        got = [worker.rest() for worker in workers]
    assert sorted(got[0] + got[1]) == ids
    assert {row.state for row in store.snapshot().runs} == {RunState.SUCCEEDED}
    return got


@pytest.mark.timeout(60)
def test_two_processes_claim(folder, store):
    """Two thousand calls, each once, and both get some; every run has its file."""
    assert all(claimed_by_two((folder, folder), store))
    assert files_fit(store)


@pytest.mark.timeout(60)
def test_a_second_path(folder, store, tmp_path):
    """Through a link to a folder above, and as root through a second mount: it is the same store."""
    (tmp_path / "link").symlink_to(tmp_path)
    other = tmp_path / "mounted"
    other.mkdir()
    mounted = subprocess.run(["mount", "--bind", folder, other], capture_output=True, check=False).returncode == 0
    try:
        claimed_by_two((tmp_path / "link" / "store", other if mounted else folder), store)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", other], check=True)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("processes", [1, 3])
def test_what_was_acknowledged_is_there(folder, processes):
    """After `kill -9` at random moments of processes that write without a pause: all of it, whole, and others go on."""
    acknowledged = told_by_killed_writers(OPEN, folder, processes=processes, most=100)
    store = DirectoryStore(folder)
    assert_kept_whole(store, acknowledged)
    store.write(submit("afterwards"))
    assert files_fit(store)
    store.close()


# -- hearing of others, and forks ------------------------------------------------------------------------


def test_others_are_heard_of(folder, store):
    """What another process writes, and what a person puts there, though nobody claims."""
    with Program(OPEN + LISTENER, folder) as listener:
        assert listener.hear() == "listens"
        for number in range(3):
            store.write(submit(f"{number}"))
            assert listener.hear() == f"{number}"
        (folder / "queue" / "by-hand.json").write_text('{"task": "t"}')
        assert listener.hear() == "by-hand"
        listener.say()
        assert listener.hear() == "closed"


@needs_fork
def test_not_after_a_fork(folder):
    """In the child the store is refused by name, may be opened again, and the parent's goes on."""
    assert_refused_after_a_fork(OPEN, folder, uses=["store.look"])
    store = DirectoryStore(folder)
    assert [row.id for row in store.select()] == ["after", "before", "child"]
    store.close()


def test_a_closed_store_leaves_nothing(folder):
    """No descriptor, and no use of it."""
    with no_descriptor_is_left():
        store = DirectoryStore(folder)
        store.listen(lambda: None)
        store.write(submit("a"))
        store.get("a")
        store.close()
    for use in (lambda: store.get("a"), lambda: store.write(submit("b")), store.look):
        with pytest.raises(StoreError, match="closed"):
            use()
