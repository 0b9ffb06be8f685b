"""The word that a worker leaves of what it has begun: it is read whole after its death, or not at all."""

import errno
import os
import subprocess
import sys

import pytest
from systems import needs_fork

from woflo import Worker, task, wait_signal, workflow
from woflo.durable import begun
from woflo.durable.begun import Begun, begun_in
from woflo.durable.presence import Presence, begun_of, forget
from woflo.errors import LeaseLostError, StoreError
from woflo.stores.operations import Finish
from woflo.stores.rows import Claim
from woflo.testing import wait_until
from woflo.testing.procfs import HAS_PROC, descriptors

pytestmark = needs_fork


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "word")


@pytest.fixture
def word(path):
    return Begun(path)


def told(path):
    """The ids of what had begun, in order."""
    claims = begun_in(path, "w")
    return None if claims is None else sorted(claim.run_id for claim in claims)


def test_what_has_begun_and_not_ended_is_told(word, path):
    """The claim is told, with its fence; the place of one that has ended is taken by another one."""
    assert begun_in(path, "w") == ()
    first, second = word.mark("ä", 7), word.mark("b:0/1", 2**40)
    assert set(begun_in(path, "w")) == {Claim("ä", "w", 7), Claim("b:0/1", "w", 2**40)}
    first.end()
    assert begun_in(path, "w") == (Claim("b:0/1", "w", 2**40),)
    word.mark("c", 1)
    assert told(path) == ["b:0/1", "c"]
    second.end()
    assert told(path) == ["c"]


def test_many_at_once(word, path):
    """However many have begun, each is told; places that are free again are used before the file grows."""
    names = sorted(f"run {number}" for number in range(300))
    marks = [word.mark(name, 1) for name in names]
    assert told(path) == names
    size = os.path.getsize(path)
    for mark in marks:
        mark.end()
    assert told(path) == []
    for name in names:
        word.mark(name, 1)
    assert told(path) == names
    assert os.path.getsize(path) == size


def test_an_id_that_is_too_long(word, path):
    """As long as its run is under way, nothing is told; the longest that has room is."""
    longest = "x" * begun.MOST
    word.mark(longest, 1)
    mark = word.mark(longest + "x", 1)
    assert told(path) is None
    mark.end()
    assert told(path) == [longest]


def test_a_word_of_another_boot(word, path, monkeypatch):
    """After a loss of power its last marks may be missing: it is not taken for whole, nor where no boot is known."""
    word.mark("a", 1)
    for header in (b"another", None):
        monkeypatch.setattr(begun, "_header", lambda header=header: header)
        assert told(path) is None


@pytest.mark.parametrize("damage", [b"", b"woflo begun 1\n", bytes(begun.SEGMENT)])
def test_a_damaged_word(word, path, damage):
    """It is none; nor is one that is not there, or lacks its end."""
    with open(path, "rb") as file:
        whole = file.read()
    with open(path + "2", "wb") as file:
        file.write(damage)
    assert told(path + "2") is None
    assert told(path + "3") is None
    with open(path + "2", "wb") as file:
        file.write(whole[:-1])
    assert told(path + "2") is None


def test_no_room_for_it(path, monkeypatch):
    """Where the disk is full from the start, or when the file grows, nothing is told, and the work goes on."""
    word = Begun(path)

    def full(*_):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(begun.os, "pwrite", full)
    marks = [word.mark(f"{number}", 1) for number in range(200)]
    assert told(path) is None
    for mark in marks:
        mark.end()
    assert told(path) is None
    Begun(path + "2").mark("a", 1).end()
    assert told(path + "2") is None


def test_a_file_that_is_there_is_not_shared(word, path):
    """Another one by the same name marks nothing in it."""
    word.mark("a", 1)
    Begun(path).mark("b", 1)
    assert told(path) == ["a"]


def test_a_forked_child_changes_nothing(word, path):
    """What it marks or ends, as where its code returns into that of its parent, is not its parent's."""
    mark = word.mark("a", 1)
    pid = os.fork()
    if not pid:
        try:
            mark.end()
            for number in range(100):
                word.mark(f"{number}", 1)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert told(path) == ["a"]


def test_its_end(word, path):
    """Marks that were left, and further ones, go nowhere; the file is not held open."""
    mark = word.mark("a", 1)
    before = len(descriptors())
    word.end()
    assert len(descriptors()) < before or not HAS_PROC
    mark.end()
    for number in range(100):
        word.mark(f"{number}", 1)
    assert told(path) == ["a"]


LOOK = """
import fcntl, os, sys
try:
    fcntl.lockf(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    print("lives")
"""


def test_the_lock_stays(tmp_path, monkeypatch):
    """A mapping that goes has closed a descriptor, which must not be one of the file of the lock."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    presence = Presence("here:1:a")
    presence.begun.mark("a", 3)
    assert begun_of("here:1:a") == (Claim("a", "here:1:a", 3),)
    presence.begun.end()
    assert subprocess.check_output([sys.executable, "-c", LOOK, presence._path], text=True) == "lives\n"
    presence.end()
    assert os.listdir(os.path.dirname(presence._path)) == []


def test_what_a_dead_worker_has_left_is_removed(tmp_path, monkeypatch):
    """Its lock, and its word."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    presence = Presence("here:1:b")
    forget("here:1:b")
    assert begun_of("here:1:b") is None
    assert os.listdir(os.path.dirname(presence._path)) == []
    presence.end()


@task(runner="queue")
def quick() -> int:
    return 1


@task(runner="queue")
async def quick_on_loop() -> int:
    return 1


@pytest.mark.parametrize("call", [quick, quick_on_loop], ids=["plain", "async"])
@pytest.mark.parametrize(
    ("result", "is_over"),
    [(None, True), (LeaseLostError("taken over"), True), (StoreError("the disk is full"), False)],
    ids=["kept", "lost", "not kept"],
)
def test_a_call_has_begun_until_its_end_is_kept(process, monkeypatch, call, result, is_over):
    """Else one that happened would be taken for one that did not. Where somebody took over, it is not ours to tell."""
    ends = []

    def submit(operations, told):
        ends.extend((operation, told) for operation in operations)

    with Worker([call], store=process.store):
        with monkeypatch.context() as patch:
            patch.setattr(process.store, "submit", submit)
            run = process.call(call)
            wait_until(lambda: ends)
        (finish, told) = ends[0]
        assert isinstance(finish, Finish)
        begun_here = begun_of(process.engine.id)
        assert begun_here == (finish.claim,) and finish.claim.run_id == run.id
        told([result])
        assert begun_of(process.engine.id) == (() if is_over else begun_here)


@workflow
def plain() -> int:
    return begun_now()


@workflow
async def coroutine() -> int:
    return begun_now()


PROCESSES = []


def begun_now():
    (one,) = PROCESSES
    claims = begun_of(one.engine.id)
    return len(claims)


@pytest.mark.parametrize("kind", [plain, coroutine], ids=["plain", "async"])
def test_a_workflow_has_begun_as_long_as_it_executes(process, kind):
    """From before its first instruction to what is written about its end."""
    PROCESSES[:] = [process]
    run = process.call(kind)
    assert run.get_result() == 1
    wait_until(lambda: begun_of(process.engine.id) == ())


def test_what_is_read_has_begun(world, process, monkeypatch):
    """The records of a workflow may be too much for a process: that it died by them counts too."""
    PROCESSES[:] = [process]
    found = []
    run = process.call(waiting)
    world.until(run, "WAITING")
    steps = process.store.steps

    def looked_at(run_id):
        found.append(begun_now())
        return steps(run_id)

    monkeypatch.setattr(process.store, "steps", looked_at)
    run.send("go")
    assert run.get_result() is None
    assert found[0] == 1


@workflow
def waiting() -> None:
    wait_signal("go")
