"""What people do to the files of a shared folder: put, move, copy, break them."""

from __future__ import annotations

import json
import os

import pytest
from systems import needs_fork

from woflo.kernel.digest import digest
from woflo.kernel.state import RunState
from woflo.stores.directory import DirectoryStore
from woflo.stores.directory.letters import MOST
from woflo.stores.directory.places import place_of
from woflo.stores.operations import MANUAL, Beat, ClaimReady, Finish, Park, RequestStop, Submit
from woflo.stores.rows import Row, WorkerRow


@pytest.fixture
def store(folder):
    made = DirectoryStore(folder)
    made.write(Beat(now=1.0, worker=WorkerRow(id="w", host="h", pid=1, lease_until=100.0), is_first=True))
    yield made
    made.close()


def put(folder, name, content, into="queue"):
    path = folder / into / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def call(name="double", **fields):
    return {"task": name, "args": {"x": 1}, **fields}


def claimed(store, limit=10, **fields):
    made = {"tasks": ("double",), "queues": ("default",), **fields}
    return store.write(ClaimReady(now=2.0, worker="w", limit=limit, **made))


def ended(store, run_id="a", state=RunState.FAILED):
    """A run that has."""
    store.write(Submit(now=1.0, runs=(Row(id=run_id, task="double", args='{"x":1}', digest=digest('{"x":1}')),)))
    (row,) = claimed(store)
    store.write(Finish(now=3.0, claim=row.claim, state=state, result="2", error='"no"'))


def looked_twice(store):
    store.look()
    store.look()


def listed(folder, which):
    return sorted(name for name in os.listdir(folder / which) if not name.endswith(".log"))


def rejected(folder):
    """The explanation of the only thing that was rejected."""
    (thing, text) = sorted(listed(folder, "rejected"), key=lambda name: name.endswith(".txt"))
    assert text == thing.replace(".json", ".txt")
    return (folder / "rejected" / text).read_text()


# -- new calls -------------------------------------------------------------------------------------------


def test_a_file_is_a_call(folder, store):
    """Its name is the id; a worker gets it with its next claim, and what became of it is to be read."""
    put(folder, "order-17.json", call())
    store._next_look = 0.0
    (row,) = claimed(store)
    assert (row.id, row.task, row.args) == ("order-17", "double", '{"x":1}')
    assert row.digest == digest('{"x":1}')
    assert listed(folder, "running") == ["order-17.w.1.json"]
    store.write(Finish(now=3.0, claim=row.claim, state=RunState.SUCCEEDED, result='{"y": [1, 2]}'))
    assert listed(folder, "running") == listed(folder, "queue") == []
    told = json.loads((folder / "done" / "order-17.json").read_text())
    assert (told["task"], told["args"], told["result"], told["state"]) == (
        "double",
        {"x": 1},
        {"y": [1, 2]},
        "SUCCEEDED",
    )


def test_all_that_it_may_say(folder, store):
    """Id, queue, priority, key and time; without arguments there are none."""
    fields = {"id": "x/1", "queue": "slow", "priority": -3, "key": "k", "run_after": 50}
    put(folder, "name.json", {"task": "t", **fields})
    store.look()
    row = store.get("x/1")
    assert {name: getattr(row, name) for name in fields} == fields
    assert row.args == "{}"
    assert listed(folder, "queue") == ["p-3-x%2F1.json"]


def test_priority_in_the_name(folder, store):
    """A person may write it there; claims go by it."""
    for name in ("c.json", "p5-b.json", "p-1-a.json", "p5-a2.json"):
        put(folder, name, call())
    store.look()
    assert [row.id for row in claimed(store)] == ["a2", "b", "c", "a"]


def test_after_a_long_calm(folder, store):
    """Folders in which nothing was odd for many looks are looked at when something changes."""
    for name in ("a", "b"):
        for _ in range(4):
            store.look()
        put(folder, f"{name}.json", call())
        store.look()
        assert store.get(name) is not None


def test_a_name_that_is_no_id(folder, store):
    """It gets one, and the file is read once, however often it is seen."""
    put(folder, "Überweisung 5 €.json", call())
    put(folder, os.fsdecode(b"\xff.json"), call())
    looked_twice(store)
    assert len(store.select()) == 2
    assert all(row.id.startswith("by-hand-") for row in store.select())
    assert listed(folder, "queue") == sorted(place_of(row)[1] for row in store.select())


def test_another_instance_takes_it(folder, store):
    """Whoever looks first; it is one call for all."""
    other = DirectoryStore(folder)
    put(folder, "a.json", call())
    put(folder, "b c.json", call())
    other.look()
    looked_twice(store)
    assert len(store.select()) == 2
    assert listed(folder, "rejected") == []
    other.close()


def test_a_file_that_is_still_being_written(folder, store):
    """It is left alone as long as it changes, and taken when it is whole."""
    text = json.dumps(call())
    path = put(folder, "a.json", "")
    for end in range(0, len(text), 5):
        path.write_text(text[:end])
        store.look()
        assert listed(folder, "queue") == ["a.json"]
    path.write_text(text)
    store.look()
    assert store.get("a") is not None


@pytest.mark.parametrize("name", [".a.json", "a.json.part", "a.txt", "README"])
def test_other_names_are_left_alone(folder, store, name):
    """What editors and copying programs put there for a while."""
    put(folder, name, "{")
    looked_twice(store)
    assert listed(folder, "queue") == [name]


# -- what cannot be taken --------------------------------------------------------------------------------


BAD = {
    "no JSON": ("{", "no JSON"),
    "empty": ("", "no JSON"),
    "deep": ("[" * 100_000, "no JSON"),
    "a long number": ('{"task": "t", "args": {"x": ' + "9" * 10_000 + "}}", "no JSON"),
    "a list": ("[1]", "no JSON object"),
    "no task": ({"args": {}}, 'no "task"'),
    "another field": (call(worker="w"), '"worker"'),
    "arguments in a list": ({"task": "t", "args": [1]}, '"args"'),
    "a priority that is none": (call(priority=True), '"priority"'),
    "a time that is none": ('{"task": "t", "run_after": NaN}', '"run_after"'),
    "a task that is none": ({"task": 5}, '"task"'),
    "an id that leads away": (call(id="../../x"), "../../x"),
    "an id with a line": (call(id="a\nb"), '"id"'),
}


@pytest.mark.parametrize(("content", "told"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_rejected(folder, store, content, told):
    """With an explanation beside it, as it was; the rest goes on."""
    path = put(folder, "bad.json", content)
    text = path.read_text()
    put(folder, "good.json", call())
    looked_twice(store)
    assert "bad.json" in rejected(folder) and told in rejected(folder)
    kept = next(name for name in listed(folder, "rejected") if name.endswith(".json"))
    assert (folder / "rejected" / kept).read_text() == text
    assert [row.id for row in store.select()] == ["good"]
    assert listed(folder, "queue") == ["good.json"]


def test_rejected_things_do_not_push_each_other_out(folder, store):
    """The same name again and again."""
    for number in range(3):
        put(folder, "bad.json", f"{{{number}")
        looked_twice(store)
    kept = [name for name in listed(folder, "rejected") if name.endswith(".json")]
    assert sorted((folder / "rejected" / name).read_text() for name in kept) == ["{0", "{1", "{2"]


def test_links_are_not_followed(folder, store, tmp_path):
    """Also not to a file that would be a call."""
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(call()))
    (folder / "queue" / "link.json").symlink_to(secret)
    (folder / "queue" / "nowhere.json").symlink_to(tmp_path / "nowhere")
    looked_twice(store)
    assert store.select() == []
    assert listed(folder, "queue") == []
    texts = [(folder / "rejected" / name).read_text() for name in listed(folder, "rejected") if name.endswith(".txt")]
    assert len(texts) == 2 and all("no regular file" in text for text in texts)
    assert secret.exists()


@needs_fork
def test_what_is_no_file(folder, store):
    """A folder and a pipe are put aside, and nobody waits for the pipe."""
    (folder / "queue" / "folder.json").mkdir()
    os.mkfifo(folder / "queue" / "pipe.json")
    looked_twice(store)
    assert listed(folder, "queue") == []
    assert sorted(name[:4] for name in listed(folder, "rejected") if name.endswith(".json")) == ["fold", "pipe"]


def test_a_file_of_a_gigabyte(folder, store):
    """It is not read."""
    path = put(folder, "big.json", "{")
    os.truncate(path, 1 << 30)
    store.look()
    assert f"{MOST} are the most" in rejected(folder)


def test_an_id_that_is_there(folder, store):
    """It is told, and the run is left as it is."""
    ended(store, "a")
    put(folder, "a.json", call())
    looked_twice(store)
    assert "a run a already, which is FAILED" in rejected(folder)
    assert store.get("a").state is RunState.FAILED


def test_a_key_that_is_there(folder, store):
    """The run that has it is named; with other arguments, too."""
    ended(store, "a")
    put(folder, "b.json", call(key="k"))
    store.look()
    put(folder, "c.json", call(key="k"))
    store.look()
    assert "the run b has its key already" in rejected(folder)
    put(folder, "d.json", call(key="k", args={"x": 2}))
    store.look()
    assert len(listed(folder, "rejected")) == 4
    assert [row.id for row in store.select()] == ["a", "b"]


# -- moving ----------------------------------------------------------------------------------------------


def move(folder, old, new):
    os.rename(folder / old, folder / new)


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.STOPPED, RunState.SUCCEEDED])
def test_back_into_the_queue(folder, store, state):
    """What has ended begins anew, once."""
    ended(store, state=state)
    move(folder, f"{'done' if state is RunState.SUCCEEDED else 'failed'}/a.json", "queue/a.json")
    looked_twice(store)
    row = store.get("a")
    assert (row.state, row.result, row.error, row.finished_at, row.attempt) == (RunState.PENDING, None, None, None, 0)
    assert row.reason == "moved by hand"
    (row,) = claimed(store)
    assert row.fence == 2
    store.write(Finish(now=5.0, claim=row.claim, state=RunState.SUCCEEDED))
    looked_twice(store)
    assert (listed(folder, "queue"), listed(folder, "failed"), listed(folder, "done")) == ([], [], ["a.json"])
    assert store.get("a").state is RunState.SUCCEEDED


def test_back_with_other_arguments(folder, store):
    """A person may mend them before."""
    ended(store)
    path = folder / "failed" / "a.json"
    told = json.loads(path.read_text())
    told["args"]["x"] = 5
    path.unlink()
    put(folder, "mended.json", told)
    store.look()
    row = store.get("a")
    assert (row.state, row.args, row.digest) == (RunState.PENDING, '{"x":5}', digest('{"x":5}'))
    assert listed(folder, "queue") == ["a.json"]


def test_an_old_copy_does_nothing(folder, store):
    """What a person kept of an earlier end is removed, and the run goes on as it is."""
    ended(store)
    text = (folder / "failed" / "a.json").read_text()
    move(folder, "failed/a.json", "queue/a.json")
    store.look()
    (row,) = claimed(store)
    store.write(Finish(now=8.0, claim=row.claim, state=RunState.SUCCEEDED))
    put(folder, "copy.json", text)
    looked_twice(store)
    assert store.get("a").state is RunState.SUCCEEDED
    assert listed(folder, "queue") == []


def test_an_old_copy_wakes_nobody(folder, store):
    """A file of an earlier wait says nothing about the present one."""
    store.write(Submit(now=1.0, runs=(Row(id="a", task="double"),)))
    (row,) = claimed(store)
    store.write(Park(now=3.0, claim=row.claim, reason="signal", waits_for=("signal:x",)))
    text = (folder / "waiting" / "a.json").read_text()
    move(folder, "waiting/a.json", "queue/a.json")
    store.look()
    (row,) = claimed(store)
    store.write(Park(now=4.0, claim=row.claim, reason="signal", waits_for=("signal:x",)))
    put(folder, "copy.json", text)
    looked_twice(store)
    assert store.get("a").state is RunState.WAITING
    assert listed(folder, "queue") == []


def test_a_file_of_another_folder(folder, store, tmp_path):
    """It is a new call here, with the same arguments."""
    other = DirectoryStore(tmp_path / "other")
    other.write(Beat(now=1.0, worker=WorkerRow(id="w", host="h", pid=1, lease_until=100.0), is_first=True))
    ended(other)
    os.rename(tmp_path / "other" / "failed" / "a.json", folder / "queue" / "a.json")
    store.look()
    row = store.get("a")
    assert (row.state, row.args, row.fence, row.error) == (RunState.PENDING, '{"x":1}', 0, None)
    other.close()


def test_waking_by_a_move(folder, store):
    """What waits goes on when it is put into the queue; a manual step only by being completed."""
    store.write(Submit(now=1.0, runs=(Row(id="a", task="double"), Row(id="b", task="double"))))
    for row, reason in zip(claimed(store), ("signal", MANUAL), strict=True):
        store.write(Park(now=3.0, claim=row.claim, reason=reason, waits_for=("signal:x",)))
    for name in "ab":
        move(folder, f"waiting/{name}.json", f"queue/{name}.json")
    looked_twice(store)
    assert (store.get("a").state, store.get("b").state) == (RunState.PENDING, RunState.WAITING)
    assert (listed(folder, "queue"), listed(folder, "waiting")) == (["a.json"], ["b.json"])


def test_stopping_by_a_move(folder, store):
    """What has not ended is stopped when it is put among the failed; who executes it is asked."""
    store.write(Submit(now=1.0, runs=(Row(id="a", task="double"), Row(id="b", task="double"))))
    (row,) = claimed(store, limit=1)
    move(folder, "running/a.w.1.json", "failed/a.json")
    move(folder, "queue/b.json", "failed/b.json")
    looked_twice(store)
    assert store.asked_to_stop("w") == ["a"]
    assert store.get("b").state is RunState.STOPPED
    assert (listed(folder, "running"), listed(folder, "failed")) == (["a.w.1.json"], ["b.json"])
    store.write(Finish(now=5.0, claim=row.claim, state=RunState.STOPPED))
    assert listed(folder, "failed") == ["a.json", "b.json"]


def test_what_is_removed_is_written_again(folder, store):
    """No run is lost by that, in whatever state it is."""
    ended(store, "a")
    ended(store, "b", RunState.SUCCEEDED)
    store.write(Submit(now=1.0, runs=(Row(id="c", task="double"),)))
    for name in ("failed/a.json", "done/b.json", "queue/c.json"):
        (folder / name).unlink()
    looked_twice(store)
    for name in ("failed/a.json", "done/b.json", "queue/c.json"):
        assert (folder / name).exists()


def test_what_is_not_ours_stays(folder, store):
    """Files of a person in the other folders are left alone."""
    for which in ("waiting", "running", "done", "failed"):
        put(folder, "mine.json", call(), into=which)
        put(folder, "broken.json", "{", into=which)
    looked_twice(store)
    assert all(listed(folder, which) == ["broken.json", "mine.json"] for which in ("waiting", "running", "done"))
    assert store.select() == []


# -- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "run_id", ["a:0:1.2/3", "../../x", ".hidden", "é" * 300, "a b\n", "p5-x", "\ud800", "~", "nul"]
)
def test_any_id_has_a_file(folder, store, run_id):
    """In its folder, and of a name that every system can have; different ids never share one."""
    twin = run_id + "'"
    store.write(Submit(now=1.0, runs=(Row(id=run_id, task="double"), Row(id=twin, task="double"))))
    assert len(listed(folder, "queue")) == 2
    assert all(name.isascii() and len(name) < 255 and not name.startswith(".") for name in listed(folder, "queue"))
    looked_twice(store)
    assert {row.id for row in claimed(store)} == {run_id, twin}
    assert len(listed(folder, "running")) == 2


def test_steps_stand_in_the_file_of_their_run(folder, store):
    """When it has ended; they have none of their own."""
    store.write(Submit(now=1.0, runs=(Row(id="a", task="double"),)))
    (row,) = claimed(store)
    step = Row(id="a:0", task="s", state=RunState.SUCCEEDED, queue=None, parent_id="a", result="[1]")
    store.write(Finish(now=5.0, claim=row.claim, state=RunState.SUCCEEDED, steps=(step,)))
    told = json.loads((folder / "done" / "a.json").read_text())
    assert [(one["task"], one["result"], one["state"]) for one in told["steps"]] == [("s", [1], "SUCCEEDED")]
    assert listed(folder, "done") == ["a.json"]


def test_a_stop_is_seen(folder, store):
    """The file goes where the run goes."""
    store.write(Submit(now=1.0, runs=(Row(id="a", task="double", priority=2),)))
    assert listed(folder, "queue") == ["p2-a.json"]
    store.write(RequestStop(now=2.0, run_id="a"))
    assert (listed(folder, "queue"), listed(folder, "failed")) == ([], ["a.json"])
