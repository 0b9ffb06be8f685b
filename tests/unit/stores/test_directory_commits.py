"""Commits to a shared folder: one after the other, whoever is slow, dies, or is told something wrong."""

from __future__ import annotations

import os
import shutil

import pytest
from directory_helpers import files_fit
from process_helpers import submit

from woflo.errors import KeyConflictError, LeaseLostError, StoreError
from woflo.kernel.state import RunState
from woflo.stores.contract import unwrap
from woflo.stores.directory import DirectoryStore, keeping, log
from woflo.stores.directory import store as store_module
from woflo.stores.directory.files import Files
from woflo.stores.directory.model import Restart
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import (
    Beat,
    ClaimReady,
    Finish,
    Park,
    Publish,
    Record,
    Recover,
    RequestStop,
    Send,
    TakeSignal,
)
from woflo.stores.rows import Claim, Row, WorkerRow

CHANGING = ("write", "sync", "rename", "remove", "make")


class Crash(BaseException):
    """The process is killed."""


class Meddled(Files):
    """Files at which something happens before or after the operation of this number, from 0."""

    at = None
    after = False
    count = 0

    @staticmethod
    def event():
        """What happens."""


def meddled(name):
    def operation(self, *args, **options):
        kind = type(self)
        number, kind.count = kind.count, kind.count + 1
        if number == kind.at and not kind.after:
            kind.event()
        result = getattr(Files, name)(self, *args, **options)
        if number == kind.at and kind.after:
            kind.event()
        return result

    return operation


for _name in CHANGING:
    setattr(Meddled, _name, meddled(_name))


@pytest.fixture
def meddle(monkeypatch):
    """A kind of files; `opened(folder)` opens a store that uses it."""

    class Mine(Meddled):
        pass

    def opened(folder):
        with monkeypatch.context() as patch:
            patch.setattr(store_module, "Files", Mine)
            return DirectoryStore(folder)

    Mine.opened = opened
    return Mine


@pytest.fixture
def pair(folder):
    """Two instances on one folder."""
    made = DirectoryStore(folder), DirectoryStore(folder)
    yield made
    for store in made:
        store.close()


def beat(worker):
    return Beat(now=1.0, worker=WorkerRow(id=worker, host="h", pid=1, lease_until=100.0), is_first=True)


def claim(worker, limit=10):
    return ClaimReady(now=2.0, worker=worker, limit=limit, tasks=("t",), queues=("default",))


def step(parent, place):
    return Row(id=f"{parent}:{place}", task="s", state=RunState.SUCCEEDED, queue=None, parent_id=parent)


def finish(one, **fields):
    return Finish(now=9.0, claim=one, state=RunState.SUCCEEDED, result="1", **fields)


MINE, OTHER = Claim("p", "w", 1), Claim("c", "v", 1)
STORY = [
    beat("w"),
    beat("v"),
    submit("p"),
    claim("w"),
    Record(now=3.0, claim=MINE, steps=(step("p", 0),), calls=(Row(id="c", task="t", parent_id="p"),)),
    Park(now=3.0, claim=MINE, steps=(step("p", 1),), reason="step", waits_for=("run:c",)),
    claim("v"),
    Send(now=3.0, id="s", run_id="p", name="n", value="1"),
    finish(OTHER, steps=(step("c", 0),)),
    claim("w"),
    TakeSignal(now=4.0, claim=Claim("p", "w", 2), name="n", step=step("p", 2)),
    Publish(now=4.0, claim=Claim("p", "w", 2), name="x", value="1"),
    submit("q", "r", key=None),
    Recover(now=5.0, dead=("w",)),
    claim("v", limit=1),
    RequestStop(now=6.0, run_id="q"),
    finish(Claim("p", "v", 3)),
]
"""A workflow with a child, a death, a takeover."""


def told_by(store):
    """All results and refusals of the story, and what is kept after each write."""
    states = [store.snapshot()]
    for operation in STORY:
        store.write(operation)
        states.append(store.snapshot())
    return states


# -- dying ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("enough", [1 << 20, 1], ids=["", "whole"])
def test_killed_at_any_operation(tmp_path, meddle, monkeypatch, after, enough):
    """What was acknowledged is there, the write under way whole or not at all, and anybody tells the story to its end.

    Also where all is written as a whole after each commit.
    """
    monkeypatch.setattr(keeping, "AT_LEAST", enough)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # a process is killed here, and no power lost
    expected = told_by(MemoryStore())

    def crash():
        raise Crash

    meddle.event, meddle.after = staticmethod(crash), after
    at = 0
    while True:
        folder = tmp_path / str(at)
        meddle.count, meddle.at = 0, at
        done = tell_until_killed(meddle, folder)
        if done is None:
            break
        for turn, survivor in enumerate((DirectoryStore(folder), DirectoryStore(folder))):
            kept = survivor.snapshot()
            assert kept in expected[done : done + 2], f"killed at {at}"
            if turn:
                for operation in STORY[max(done, expected.index(kept, done)) :]:
                    survivor.write(operation)
                assert survivor.snapshot() == expected[-1]
                assert files_fit(survivor)
            survivor.close()
        shutil.rmtree(folder)
        at += 1
    assert at > 5 * len(STORY)


def tell_until_killed(meddle, folder):
    """How many writes were acknowledged; None where nothing killed it."""
    done = 0
    try:
        store = meddle.opened(folder)
        for operation in STORY:
            store.write(operation)
            done += 1
    except Crash:
        return done
    store.close()
    return None


# -- being slow ----------------------------------------------------------------------------------------


def points(meddle, folder, prepare, act):
    """How many operations on files `act` takes."""
    store = meddle.opened(folder / "counted")
    prepare(store)
    meddle.count, meddle.at = 0, None
    act(store)
    store.close()
    return meddle.count


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_two_claim_at_any_moment(folder, meddle, after):
    """Whenever another worker claims while one is about to, each run is one worker's."""

    def prepare(store):
        store.write(submit("a", "b", "c"))
        store.write(beat("w"))
        store.write(beat("v"))

    count = points(meddle, folder, prepare, lambda store: store.write(claim("w", 2)))
    assert count >= 5
    for at in range(count):
        slow, fast = meddle.opened(folder / str(at)), DirectoryStore(folder / str(at))
        prepare(slow)
        got = []
        meddle.event = staticmethod(lambda fast=fast, got=got: got.extend(fast.write(claim("v", 2))))
        meddle.count, meddle.at, meddle.after = 0, at, after
        mine = slow.write(claim("w", 2))
        assert sorted(row.id for row in (*mine, *got)) == ["a", "b", "c"]
        assert {(row.id, row.worker) for row in slow.snapshot().runs} == {(row.id, row.worker) for row in (*mine, *got)}
        assert files_fit(fast)
        slow.close(), fast.close()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_taken_over_at_any_moment(folder, meddle, after):
    """A worker that is taken for dead while it ends a run: either it ended, or the write is refused and nothing of it.

    Never both, whatever came late.
    """

    def prepare(store):
        for one in (submit("p"), beat("w"), beat("v"), claim("w")):
            store.write(one)

    ending = finish(MINE, steps=(step("p", 0),))
    for at in range(points(meddle, folder, prepare, lambda store: store.write(ending))):
        slow, fast = meddle.opened(folder / str(at)), DirectoryStore(folder / str(at))
        prepare(slow)
        got = []

        def take_over(fast=fast, got=got):
            fast.write(Recover(now=3.0, dead=("w",)))
            for row in fast.write(claim("v")):
                got.append(row)
                fast.write(finish(row.claim, steps=(step("p", 1),)))

        meddle.event = staticmethod(take_over)
        meddle.count, meddle.at, meddle.after = 0, at, after
        try:
            slow.write(ending)
            assert got == []
        except LeaseLostError:
            assert [row.fence for row in got] == [2]
        assert [row.id for row in slow.steps("p")] == (["p:1"] if got else ["p:0"])
        assert slow.snapshot() == fast.snapshot()
        assert files_fit(slow)
        slow.close(), fast.close()


def test_a_late_write_after_a_takeover(pair):
    """The old holder, whose store knew nothing of it, is refused, and nothing is changed."""
    old, new = pair
    for one in (submit("p"), beat("w"), beat("v"), claim("w")):
        old.write(one)
    new.write(Recover(now=3.0, dead=("w",)))
    (row,) = new.write(claim("v"))
    before = new.snapshot()
    for late in (
        finish(MINE),
        Record(now=4.0, claim=MINE, steps=(step("p", 0),)),
        Park(now=4.0, claim=MINE, reason=""),
    ):
        with pytest.raises(LeaseLostError, match="p is no longer held by the worker w"):
            old.write(late)
    assert old.snapshot() == new.snapshot() == before
    new.write(finish(row.claim))
    assert old.get("p").state is RunState.SUCCEEDED


def test_a_late_rename(pair):
    """A commit that was decided on, and is published after others came, finds that nothing is as it was."""
    late, other = pair
    for one in (submit("p"), beat("w"), beat("v"), claim("w")):
        late.write(one)
    decision = late._keeper._decide([finish(MINE)])
    other.write(Recover(now=3.0, dead=("w",)))
    other.write(claim("v"))
    before = other.snapshot()
    assert late._keeper.log.publish(decision.before, f"[{','.join(decision.texts)}]") is None
    assert late.snapshot() == other.snapshot() == before


@pytest.mark.parametrize("meanwhile", [1, 100])
def test_a_rename_that_is_sent_twice(pair, monkeypatch, meanwhile):
    """A server that does it and loses the answer: the second time there is no such name, and it was kept.

    Also where its commit was removed meanwhile, because a later whole has it.
    """
    monkeypatch.setattr(keeping, "AT_LEAST", 1000)
    store, other = pair
    names = [f"b{number:02}" for number in range(meanwhile)]

    def twice(files, old, new):
        os.rename(files.path(old), files.path(new))
        if old.startswith(".woflo/head"):
            monkeypatch.setattr(Files, "rename", rename)
            for name in names:
                other.write(submit(name))
            os.rename(files.path(old), files.path(new))

    rename = Files.rename
    monkeypatch.setattr(Files, "rename", twice)
    assert store.write(submit("a"))[0].is_new
    assert [row.id for row in other.select()] == ["a", *names][:100]


def test_an_answer_rests_on_what_is_on_disk(pair, monkeypatch):
    """Who attaches to a run that another process was about to sync syncs it before it says so."""
    store, other = pair
    other.write(submit("a"))
    synced = []
    sync = Files.sync
    monkeypatch.setattr(Files, "sync", lambda files, folder: synced.append(folder) or sync(files, folder))
    assert not store.write(submit("a"))[0].is_new
    assert synced == [".woflo/head"]
    assert not store.write(submit("a"))[0].is_new
    assert synced == [".woflo/head"]


def test_how_often_it_syncs(pair, monkeypatch):
    """The commit's file, the folder that it is in, the head's: three for any number of operations."""
    store, _ = pair
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(descriptor) or fsync(descriptor))
    results = store.apply([submit(f"{number}") for number in range(100)])
    assert all(result[0].is_new for result in results)
    assert len(synced) == 3


# -- from one whole to the next --------------------------------------------------------------------------


def test_who_slept_for_long(folder, monkeypatch):
    """An instance whose commits are all removed meanwhile goes on from the last whole, and sees all."""
    monkeypatch.setattr(keeping, "AT_LEAST", 2000)
    sleeper, busy = DirectoryStore(folder), DirectoryStore(folder)
    sleeper.write(submit("before"))
    late = sleeper._keeper._decide([submit("late")])
    for number in range(100):
        busy.write(submit(f"{number:03}"))
    assert len(os.listdir(folder / ".woflo/log")) < 70
    assert len(os.listdir(folder / ".woflo/whole")) == 2
    assert sleeper._keeper.log.publish(late.before, f"[{','.join(late.texts)}]") is None
    assert sleeper.snapshot() == busy.snapshot()
    assert len(sleeper.select(limit=200)) == 101
    for number in range(100):  # the two of them share the work
        sleeper.write(submit(f"s{number:03}"))
        busy.write(submit(f"b{number:03}"))
    assert sleeper.snapshot() == busy.snapshot()
    assert len(os.listdir(folder / ".woflo/log")) < 200
    sleeper.close(), busy.close()


def test_one_of_several_writes_the_whole(pair, monkeypatch):
    """Once for all of them, though each counts the commits of all."""
    monkeypatch.setattr(keeping, "AT_LEAST", 4000)
    written = []
    write_whole = log.Log.write_whole

    def counted(self, at, text):
        written.append(at.number)
        monkeypatch.setattr(keeping, "AT_LEAST", 1 << 20)
        write_whole(self, at, text)

    monkeypatch.setattr(log.Log, "write_whole", counted)
    for store in pair:
        store._keeper._enough = 4000
    for number in range(60):
        pair[number % 2].write(submit(f"{number:03}"))
    assert len(written) == 1


def test_what_the_killed_left_over(folder, monkeypatch):
    """Files that were half written are removed with the next whole when they are old, and not before."""
    monkeypatch.setattr(keeping, "AT_LEAST", 1)
    store = DirectoryStore(folder)
    for name, age in (("old", 2 * log.OLD), ("young", 0)):
        (folder / ".woflo/aside" / name).write_text("{")
        now = os.stat(folder / ".woflo/aside" / name).st_mtime
        os.utime(folder / ".woflo/aside" / name, (now - age, now - age))
    store._keeper._enough = 1
    store.write(submit("a"))
    assert os.listdir(folder / ".woflo/aside") == ["young"]
    store.close()


def test_wholes_become_rare(folder, monkeypatch):
    """The more there is, the more commits are between two wholes: it stays a part of the work."""
    monkeypatch.setattr(keeping, "AT_LEAST", 1000)
    written = []
    write_whole = log.Log.write_whole
    monkeypatch.setattr(
        log.Log, "write_whole", lambda self, at, text: written.append(len(text)) or write_whole(self, at, text)
    )
    store = DirectoryStore(folder)
    for number in range(400):
        store.write(submit(f"{number:03}"))
    assert 3 < len(written) < 20
    assert sum(written) < 8 * written[-1]
    store.close()


def test_a_late_wish_of_a_person(pair):
    """A file that was read before the run began anew changes nothing."""
    store, _ = pair
    for one in (submit("p"), beat("w"), claim("w"), finish(MINE)):
        store.write(one)
    with pytest.raises(StoreError, match="p has not ended like that"):
        store.write(Restart(now=5.0, run_id="p", fence=0, args="{}"))
    store.write(Restart(now=5.0, run_id="p", fence=1, args="{}"))
    with pytest.raises(StoreError, match="it is PENDING now"):
        store.write(Restart(now=5.0, run_id="p", fence=1, args="{}"))


# -- several at once ---------------------------------------------------------------------------------------


def test_keys_are_unique_for_all(pair):
    """The same key by two instances attaches; other arguments are refused."""
    first, second = pair
    first.write(submit("a", key="k"))
    (there,) = second.write(submit("b", key="k"))
    assert (there.row.id, there.is_new) == ("a", False)
    with pytest.raises(KeyConflictError):
        second.write(submit("c", key="k", digest="other"))


def test_neighbours_of_what_cannot_be_stored(pair):
    """They are kept."""
    store, other = pair
    first, bad, second = store.apply([submit("a"), submit("bad", result=object()), submit("b")])
    assert isinstance(bad, StoreError) and "cannot be stored" in str(bad)
    assert unwrap(first)[0].is_new and unwrap(second)[0].is_new
    assert [row.id for row in other.select()] == ["a", "b"]
