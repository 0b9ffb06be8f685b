"""What is tested alike with several stores: killed writers, wake-ups, threads, forks, the end.

A program here goes on after a text that defines `opened`, which opens the store at a path, and `store`, an open one.
"""

from __future__ import annotations

import os
import random
from contextlib import ExitStack, contextmanager

from store_programs import Program
from unit_helpers import in_thread

from woflo.stores.operations import Submit
from woflo.stores.rows import Row


def submit(*ids, size=0, **fields):
    """Calls with these ids, each with arguments of that size."""
    if size:
        fields["args"] = "x" * size
    return Submit(now=1.0, runs=tuple(Row(id=run_id, task="t", **fields) for run_id in ids))


# -- killed writers ------------------------------------------------------------------------------------

RECORDING = """
store.write(Beat(now=1.0, worker=WorkerRow(id="w", host="h", pid=1, lease_until=1e12), is_first=True))

def write(thread):
    name = f"{sys.argv[2]}.{thread}"
    (accepted,) = store.write(Submit(now=1.0, runs=(Row(id=name, task="t", worker="w"),)))
    number = 0
    while True:
        step = [Row(id=f"{name}:{number}.{part}", task="s", queue=None, parent_id=name, state=RunState.SUCCEEDED,
                    args="x" * 500) for part in "ab"]
        store.write(Record(now=2.0, claim=accepted.row.claim, steps=tuple(step)))
        say(f"{name}:{number}")
        number += 1

for thread in range(4):
    threading.Thread(target=write, args=(thread,)).start()
"""
"""Four threads, each of which records pairs of steps and tells it when they are kept."""


def told_by_killed_writers(opening, where, *, processes, most):
    """What processes acknowledged that wrote without a pause until each had said some of `most` and was killed."""
    acknowledged = set()
    for turn in range(3):
        with ExitStack() as stack:
            writers = [
                stack.enter_context(Program(opening + RECORDING, where, f"{turn}.{number}"))
                for number in range(processes)
            ]
            for writer in writers:
                for _ in range(random.randrange(1, most)):
                    acknowledged.add(writer.hear())
            for writer in writers:
                writer.process.kill()
            for writer in writers:
                acknowledged.update(writer.rest())
    acknowledged = {name for name in acknowledged if name and name.count(":") == 1}
    assert acknowledged
    return acknowledged


def assert_kept_whole(store, acknowledged):
    """All pairs of steps that were acknowledged are there, and no half of one."""
    there = {row.id for row in store.snapshot().runs}
    assert {f"{name}.{part}" for name in acknowledged for part in "ab"} <= there
    steps = {name for name in there if ":" in name}
    assert steps == {f"{name[:-2]}.{part}" for name in steps for part in "ab"}


# -- wake-ups ------------------------------------------------------------------------------------------

LISTENER = """
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
"""Tells of each run that it sees, until it is told to end."""


# -- threads -------------------------------------------------------------------------------------------


def write_in_a_hundred_threads(store, meanwhile=lambda: None):
    """Each write is kept once, and each thread gets its own result. Returns what `meanwhile` did."""
    calls = [
        in_thread(lambda mine=mine: [store.write(submit(f"{mine}.{turn}"))[0].row.id for turn in range(5)])
        for mine in range(100)
    ]
    made = meanwhile()
    assert [call(60) for call in calls] == [[f"{mine}.{turn}" for turn in range(5)] for mine in range(100)]
    assert len(store.snapshot().runs) == 500
    return made


# -- forks, the end ------------------------------------------------------------------------------------

FORKING = """
store.listen(lambda: None)
store.write(submit("before"))
{before}
uses = [lambda: store.write(submit("x")), lambda: store.get("x"), lambda: store.submit([submit("x")], print),
        lambda: store.transaction().__enter__(), lambda: store.listen(print), store.snapshot, {uses}]
child = os.fork()
if child == 0:
    for use in uses:
        try:
            use()
        except StoreError as error:
            say("fork" in str(error))
    store.close()
    own = opened(path)
    own.write(submit("child"))
    own.close()
    os._exit(0)
_, status = os.waitpid(child, 0)
store.write(submit("after"))
{after}
store.close()
say(status)
"""
"""For `format`: a child tells whether each use of its parent's store was refused, the parent how the child ended."""


def assert_refused_after_a_fork(opening, where, *, before="", uses=(), after=""):
    """In the child the store is refused by name, may be opened again, and the parent's goes on."""
    text = FORKING.format(before=before, uses=", ".join(uses), after=after)
    with Program(opening + text, where) as program:
        assert program.rest() == ["True"] * (6 + len(uses)) + ["0"]


@contextmanager
def no_descriptor_is_left():
    """Of what is opened in the block."""
    before = set(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else set()
    yield
    if before:
        assert set(os.listdir("/proc/self/fd")) <= before
