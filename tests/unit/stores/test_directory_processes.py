"""Several processes on one shared folder: claims, kills, wake-ups, forks, and other paths to the same folder."""

from __future__ import annotations

import os
import random
import subprocess
from contextlib import ExitStack

import pytest
from directory_helpers import files_fit
from store_programs import Program
from systems import needs_fork

from woflo.errors import StoreError
from woflo.kernel.state import RunState
from woflo.stores.directory import DirectoryStore
from woflo.stores.operations import Submit
from woflo.stores.rows import Row


def submit(*ids):
    return Submit(now=1.0, runs=tuple(Row(id=run_id, task="t") for run_id in ids))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def store(folder):
    made = DirectoryStore(folder)
    yield made
    made.close()


BEGINNING = """
from woflo.kernel.state import RunState
from woflo.stores.directory import DirectoryStore
store = DirectoryStore(path)
"""
WORKER = f"""
{BEGINNING}
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
        workers = [stack.enter_context(Program(WORKER, path, name)) for path, name in zip(paths, "vw", strict=True)]
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


WRITER = f"""
{BEGINNING}
store.write(Beat(now=1.0, worker=WorkerRow(id="w", host="h", pid=1, lease_until=1e12), is_first=True))

def write(thread):
    name = f"{{sys.argv[2]}}.{{thread}}"
    (accepted,) = store.write(Submit(now=1.0, runs=(Row(id=name, task="t", worker="w"),)))
    number = 0
    while True:
        step = [Row(id=f"{{name}}:{{number}}.{{part}}", task="s", queue=None, parent_id=name, state=RunState.SUCCEEDED,
                    args="x" * 500) for part in "ab"]
        store.write(Record(now=2.0, claim=accepted.row.claim, steps=tuple(step)))
        say(f"{{name}}:{{number}}")
        number += 1

for thread in range(4):
    threading.Thread(target=write, args=(thread,)).start()
"""
"""Four threads, each of which records pairs of steps and tells it when they are kept."""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("processes", [1, 3])
def test_what_was_acknowledged_is_there(folder, processes):
    """After `kill -9` at random moments of processes that write without a pause: all of it, whole, and others go on."""
    acknowledged = set()
    for turn in range(3):
        with ExitStack() as stack:
            writers = [stack.enter_context(Program(WRITER, folder, f"{turn}.{number}")) for number in range(processes)]
            for writer in writers:
                for _ in range(random.randrange(1, 100)):
                    acknowledged.add(writer.hear())
            for writer in writers:
                writer.process.kill()
            for writer in writers:
                acknowledged.update(writer.rest())
    acknowledged = {name for name in acknowledged if name and name.count(":") == 1}
    store = DirectoryStore(folder)
    there = {row.id for row in store.snapshot().runs}
    assert {f"{name}.{part}" for name in acknowledged for part in "ab"} <= there
    steps = {name for name in there if ":" in name}
    assert steps == {f"{name[:-2]}.{part}" for name in steps for part in "ab"}
    store.write(submit("afterwards"))
    assert files_fit(store)
    store.close()


# -- hearing of others, and forks ------------------------------------------------------------------------

LISTENER = f"""
{BEGINNING}
seen = set()
def look():
    for row in store.select(limit=1000):
        if row.id not in seen:
            seen.add(row.id)
            say(row.id)
end = store.listen(look)
say("listens")
hear()
end()
store.close()
say("closed")
"""


def test_others_are_heard_of(folder, store):
    """What another process writes, and what a person puts there, though nobody claims."""
    with Program(LISTENER, folder) as listener:
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
    text = f"""
    {BEGINNING.replace(chr(10), chr(10) + "    ")}
    store.listen(lambda: None)
    store.write(submit("before"))
    uses = [lambda: store.write(submit("x")), lambda: store.get("x"), lambda: store.submit([submit("x")], print),
            lambda: store.transaction().__enter__(), lambda: store.listen(print), store.snapshot, store.look]
    child = os.fork()
    if child == 0:
        for use in uses:
            try:
                use()
            except StoreError as error:
                say("fork" in str(error))
        store.close()
        own = DirectoryStore(path)
        own.write(submit("child"))
        own.close()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    store.write(submit("after"))
    store.close()
    say(status)
    """
    with Program(text, folder) as program:
        assert program.rest() == ["True"] * 7 + ["0"]
    store = DirectoryStore(folder)
    assert [row.id for row in store.select()] == ["after", "before", "child"]
    store.close()


def test_a_closed_store_leaves_nothing(folder):
    """No descriptor, and no use of it."""
    before = set(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else set()
    store = DirectoryStore(folder)
    store.listen(lambda: None)
    store.write(submit("a"))
    store.get("a")
    store.close()
    if before:
        assert set(os.listdir("/proc/self/fd")) <= before
    for use in (lambda: store.get("a"), lambda: store.write(submit("b")), store.look):
        with pytest.raises(StoreError, match="closed"):
            use()
