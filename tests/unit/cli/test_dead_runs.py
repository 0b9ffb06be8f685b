"""What is told of runs whose process is dead, or silent."""

import json
import os
import socket

from woflo.cli.crashes import crashed
from woflo.durable.presence import Presence
from woflo.kernel import clock
from woflo.stores.memory import MemoryStore
from woflo.stores.operations import Beat, Recover
from woflo.stores.rows import WorkerRow
from woflo.testing.stores.tools import call, claimed, submit

WAY = "a worker, or whoever calls it again, goes on"


def held(store, worker, *, host=None, lease=10.0, pid=7, **changes):
    """A run that is executed by a process of this host, or of another one."""
    now = clock.now()
    row = WorkerRow(id=worker, host=host or socket.gethostname(), pid=pid, lease_until=now + lease)
    store.write(Beat(now=now, worker=row, is_first=True))
    submit(store, call(f"of-{worker}", **changes), now=now)
    return claimed(store, worker, now=now, ids=(f"of-{worker}",))[0]


def test_only_what_is_known_is_told():
    """Nothing of the living, nor of whom this process cannot see; of another machine how long it has been silent."""
    name = f"{socket.gethostname()}:{os.getpid()}:test"
    presence = Presence(name)
    store = MemoryStore()
    try:
        mine = held(store, name, pid=os.getpid())
        near = held(store, "far1", host="far", lease=-1.0)
        silent = held(store, "far2", host="far", lease=-80.0)
        unseen = held(store, "of-another-user", lease=10.0)
        ended = submit(store, call("ended"))[0]
        told = crashed(store, [mine, near, silent, unseen, ended])
    finally:
        presence.end()
    assert told == {"of-far2": f"no sign of life from process 7 on far for 1 min 20 s; {WAY}"}


def test_what_was_noticed_is_told_as_a_crash():
    """With the way on of a job, or of what others execute, and how often it has crashed."""
    store = MemoryStore()
    args = json.dumps({"job_file": os.path.abspath("my.yaml"), "variables": {}}, separators=(",", ":"))
    held(store, "one", args=args)
    held(store, "two")
    store.write(Recover(now=clock.now(), dead=("one", "two")))
    rows = [store.get("of-one"), store.get("of-two").changed(deaths=3)]
    assert crashed(store, rows) == {
        "of-one": "crashed; `woflo run my.yaml -r` goes on",
        "of-two": f"crashed 3 times; {WAY}",
    }
